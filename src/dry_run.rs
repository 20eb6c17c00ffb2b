//! `stormproof run --dry-run`: what would run, how much it would send, how long that takes and what it could cost.

use std::time::Duration;

use run::Estimate;
use scenario::{Money, show_duration};

use crate::settings::Settings;

/// The plan of a run: a line for each trial, the whole below.
pub(crate) fn dry_run(settings: &Settings) -> String {
    let suite = &settings.bench.suite;
    let mut whole = Estimate { output_tokens: Some(0), cost_micros: Some(0), ..Estimate::default() };
    let mut lines = vec![[
        "requests".to_owned(),
        "traffic".to_owned(),
        "tokens in".to_owned(),
        "tokens out".to_owned(),
        "cost".to_owned(),
        "trial".to_owned(),
    ]];
    let mut skipped = Vec::new();
    for trial in &settings.trials {
        match &trial.ignored {
            Some(ignored) => skipped.push((trial.name.as_str(), ignored.reason.as_str())),
            None => {
                let estimate = Estimate::of(&trial.case(suite).scenario);
                whole = whole.and(estimate);
                lines.push(line(&estimate, &trial.name));
            }
        }
    }
    let trials = plural(lines.len() as u64 - 1, "trial");
    lines.push(line(&whole, &format!("{trials} in all")));
    let mut text = format!("target {}, seed {}\n\n", settings.profile.name(), settings.heading.seed);
    text.push_str(&table(&lines));
    if whole.output_tokens.is_none() || whole.cost_micros.is_none() || whole.more {
        text.push_str(
            "\nopen: a request without `max_tokens`, or a model without a price, sets no limit; a `+` stands where more is sent \
             if the target answers fast\n",
        );
    }
    let (instances, trials) = settings.shared.counts();
    if instances > 0 {
        let share = if trials == 1 { "shares" } else { "share" };
        let (trials, instances) = (plural(trials as u64, "trial"), plural(instances as u64, "instance"));
        text.push_str(&format!("\n{trials} {share} {instances} of the target; others have their own:\n"));
        for (reason, count) in settings.shared.own(suite, &settings.trials) {
            text.push_str(&format!("  {:>9}  {reason}\n", plural(count as u64, "trial")));
        }
    }
    for (name, reason) in &skipped {
        text.push_str(&format!("\nwould not run: {name}\n    {reason}\n"));
    }
    text.push_str("\nnothing was started\n");
    text
}

/// What a trial would do, cell by cell.
fn line(estimate: &Estimate, name: &str) -> [String; 6] {
    let more = if estimate.more { "+" } else { "" };
    let tokens = estimate.output_tokens.map_or_else(|| "open".to_owned(), grouped);
    let cost = match estimate.cost_micros.map(i64::try_from) {
        Some(Ok(micros)) => Money { micros }.to_string(),
        _ => "open".to_owned(),
    };
    [
        format!("{}{more}", grouped(estimate.requests)),
        time(estimate.lasts),
        grouped(estimate.input_tokens),
        tokens,
        cost,
        name.to_owned(),
    ]
}

/// Lines with numbers to the right and the name behind them.
fn table(lines: &[[String; 6]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for line in lines {
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(&format!("{cell:>width$}  "));
        }
        text.push_str(&line[5]);
        text.push('\n');
    }
    text
}

/// The traffic's own time, without what the target needs to start and to answer.
fn time(duration: Duration) -> String {
    if duration >= Duration::from_secs(1) && duration.subsec_millis() > 0 {
        return format!("{:.1}s", duration.as_secs_f64());
    }
    show_duration(Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
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
        let estimate = Estimate { requests: 4_000, more: true, ..Estimate::default() };
        let head = ["requests", "traffic", "tokens in", "tokens out", "cost", "trial"].map(str::to_owned);
        let shown = table(&[head, line(&estimate, "storm.yaml")]);
        let expected = [
            "requests  traffic  tokens in  tokens out  cost  trial",
            "  4,000+       0s          0        open  open  storm.yaml",
            "",
        ];
        assert_eq!(shown, expected.join("\n"));
    }
}
