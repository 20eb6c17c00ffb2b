//! `stormproof run --dry-run`: what would run, how much it would send, how long that takes and what it could cost.

use std::time::Duration;

use run::Estimate;
use scenario::{Money, show_duration};

use crate::settings::Settings;

/// The plan of a run in words.
pub(crate) fn dry_run(settings: &Settings) -> String {
    let suite = &settings.bench.suite;
    let mut text = format!("target {}, seed {}\n\n", settings.profile.name(), settings.heading.seed);
    let mut whole = Estimate { output_tokens: Some(0), cost_micros: Some(0), ..Estimate::default() };
    let (mut trials, mut skipped) = (0, 0);
    for trial in &settings.trials {
        if let Some(ignored) = &trial.ignored {
            skipped += 1;
            text.push_str(&format!("{}\n    would not run: {}\n", trial.name, ignored.reason));
            continue;
        }
        trials += 1;
        let estimate = Estimate::of(&trial.case(suite).scenario);
        whole = whole.and(estimate);
        text.push_str(&format!("{}\n    {}\n", trial.name, told(&estimate)));
    }
    let others = if skipped == 0 { String::new() } else { format!(", and skip {skipped}") };
    text.push_str(&format!("\nwould run {}{others}: {}\n", plural(trials, "trial"), told(&whole)));
    text.push_str("nothing was started\n");
    text
}

fn told(estimate: &Estimate) -> String {
    let at_least = if estimate.more { "at least " } else { "" };
    let mut parts = vec![format!("{at_least}{}", plural(estimate.requests, "request"))];
    if !estimate.lasts.is_zero() {
        parts.push(format!("{} of traffic", show_duration(rounded(estimate.lasts))));
    }
    parts.push(format!("about {} tokens in", grouped(estimate.input_tokens)));
    parts.push(match estimate.output_tokens {
        Some(tokens) => format!("at most {} out", grouped(tokens)),
        None => "no limit of tokens out".to_owned(),
    });
    parts.push(match estimate.cost_micros.map(i64::try_from) {
        Some(Ok(micros)) => format!("at most {}", Money { micros }),
        _ => "at a cost that no price table bounds".to_owned(),
    });
    parts.join(", ")
}

fn rounded(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{} {what}s", grouped(count)) }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), shown);
        }
    }

    #[test]
    fn what_is_not_bounded_is_said_to_be_open() {
        let estimate = Estimate { requests: 4, more: true, ..Estimate::default() };
        assert_eq!(
            told(&estimate),
            "at least 4 requests, about 0 tokens in, no limit of tokens out, at a cost that no price table bounds"
        );
    }
}
