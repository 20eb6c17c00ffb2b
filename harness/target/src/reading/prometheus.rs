//! Counters in the text format of Prometheus, and in that of OpenMetrics as far as they agree. What is no sample is passed
//! over: a target's metrics are not what is put to the test here.

use record::{MetricSeen, Moment};
use scenario::Named;

use crate::profile::MetricsReading;

/// Every sample of a text, under the names that the profile says. Values that are no finite number count nothing, and are
/// left out.
pub(super) fn counters(text: &str, says: &MetricsReading, at: Moment) -> Vec<MetricSeen> {
    let samples = text.lines().filter_map(|line| sample(line.trim(), at));
    let named = samples.filter(|sample| sample.value.is_finite()).map(|mut sample| {
        rename(&mut sample.name, &says.names);
        sample.labels.iter_mut().for_each(|(name, _)| rename(name, &says.labels));
        sample
    });
    named.collect()
}

/// Gives what the target calls something the suite's name for it, if there is one.
fn rename(name: &mut String, names: &Named<String>) {
    if let Some((known, _)) = names.0.iter().find(|(_, own)| own == name) {
        name.clone_from(&known.value);
    }
}

fn sample(line: &str, at: Moment) -> Option<MetricSeen> {
    if line.starts_with('#') {
        return None;
    }
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(name_end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    // A timestamp or an exemplar may follow.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    (!name.is_empty()).then(|| MetricSeen { at, name: name.to_owned(), labels, value, text: None })
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, behind) = rest.split_once('=')?;
        let (value, behind) = quoted(behind.trim_start().strip_prefix('"')?)?;
        labels.push((name.trim().to_owned(), value));
        rest = behind;
    }
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Auth, UrlPath};
    use scenario::{At, Span};

    fn says(names: &[(&str, &str)], labels: &[(&str, &str)]) -> MetricsReading {
        let span = Span::default();
        let named = |names: &[(&str, &str)]| {
            let pair =
                |(name, own): &(&str, &str)| (At { value: (*name).to_owned(), span }, (*own).to_owned());
            Named(names.iter().map(pair).collect())
        };
        let get = UrlPath("/metrics".to_owned());
        MetricsReading { get, auth: Auth::None, names: named(names), labels: named(labels), span }
    }

    fn shown(text: &str) -> Vec<String> {
        shown_as(text, &says(&[], &[]))
    }

    fn shown_as(text: &str, says: &MetricsReading) -> Vec<String> {
        let shown = |sample: &MetricSeen| format!("{} {:?} {}", sample.name, sample.labels, sample.value);
        counters(text, says, Moment(0)).iter().map(shown).collect()
    }

    #[test]
    fn a_sample_is_a_name_with_labels_and_a_value() {
        for (line, sample) in [
            ("up 1", "up [] 1"),
            ("  up\t1.5e3 1700000000000", "up [] 1500"),
            ("up{} 1", "up [] 1"),
            (r#"hits{key="first",status="200"} 7"#, r#"hits [("key", "first"), ("status", "200")] 7"#),
            (r#"hits{ key = "a" , } 7"#, r#"hits [("key", "a")] 7"#),
            (r#"hits{path="C:\\x \"y\"\n{}="} 7"#, r#"hits [("path", "C:\\x \"y\"\n{}=")] 7"#),
            (r#"wait_bucket{le="+Inf"} 3 # {trace="x"} 0.5"#, r#"wait_bucket [("le", "+Inf")] 3"#),
        ] {
            assert_eq!(shown(line), [sample], "{line}");
        }
    }

    #[test]
    fn what_is_no_sample_is_passed_over() {
        let text = "# HELP up is it\n# TYPE up gauge\n\nup 1\nup\nup{ 1\nup{a=\"b} 1\nup{a} 1\nwait NaN\nwait +Inf\n{} 1\n\u{0}\ndown 0\n";
        assert_eq!(shown(text), ["up [] 1", "down [] 0"]);
    }

    #[test]
    fn what_the_profile_translates_bears_the_suite_s_names() {
        let says = says(&[("requests_total", "hits"), ("hits", "up")], &[("key", "alias")]);
        let text = "hits{alias=\"first\",status=\"200\"} 7\nup{key=\"x\"} 1\nother 2\n";
        assert_eq!(
            shown_as(text, &says),
            [
                r#"requests_total [("key", "first"), ("status", "200")] 7"#,
                r#"hits [("key", "x")] 1"#,
                "other [] 2"
            ]
        );
    }
}
