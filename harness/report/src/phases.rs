//! The phases of a run in numbers (`histograms/phases.json`): counts, and the quantiles of every histogram.

use hdrhistogram::Histogram;
use record::RunRecord;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::histogram::{PhaseFiles, phases};

/// The quantiles, by the names that they have in the file.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

#[derive(Serialize)]
struct Phase<'r> {
    trial: &'r str,
    phase: &'r str,
    planned: u64,
    sent: u64,
    failed: u64,
    queued: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    streams: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    without_content: Option<u64>,
    microseconds: Map<String, Value>,
}

/// All phases of a run. A histogram that cannot be read is left out; a quantile that so few values tell nothing of is `null`.
#[must_use]
pub fn write(run: &RunRecord) -> String {
    let all: Vec<Phase<'_>> = phases(run).iter().map(phase).collect();
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    text
}

fn phase<'r>(files: &PhaseFiles<'r>) -> Phase<'r> {
    let PhaseFiles { trial, phase, .. } = files;
    let read = phase.histograms().filter_map(|(metric, text)| {
        let histogram = crate::histogram::read(text).ok()?;
        Some((metric.word().to_owned(), numbers(&histogram)))
    });
    Phase {
        trial: &trial.name,
        phase: &phase.name,
        planned: phase.planned,
        sent: phase.sent,
        failed: phase.failed,
        queued: phase.queued,
        streams: phase.streams.as_ref().map(|streams| streams.asked),
        without_content: phase.streams.as_ref().map(|streams| streams.without_content),
        microseconds: read.collect(),
    }
}

fn numbers(histogram: &Histogram<u64>) -> Value {
    let count = histogram.len();
    let mut numbers = Map::new();
    numbers.insert("count".to_owned(), json!(count));
    let known = |enough: bool, number: f64| if enough { json!(number.round()) } else { Value::Null };
    numbers.insert("mean".to_owned(), known(count > 0, histogram.mean()));
    for (name, quantile) in QUANTILES {
        // As the judge has it: of a thousand values one is beyond the 99.9th percentile.
        let enough = count > 0 && count as f64 * (1.0 - quantile) >= 1.0 - 1e-9;
        numbers.insert(name.to_owned(), known(enough, histogram.value_at_quantile(quantile) as f64));
    }
    numbers.insert("max".to_owned(), known(count > 0, histogram.max() as f64));
    Value::Object(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_told_where_there_are_values_enough() {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        let told = |histogram: &Histogram<u64>, name: &str| numbers(histogram)[name].as_f64();
        assert_eq!(
            (told(&histogram, "count"), told(&histogram, "p50"), told(&histogram, "max")),
            (Some(0.0), None, None)
        );
        for value in 1..=999_u64 {
            histogram.record(value).unwrap();
        }
        assert_eq!((told(&histogram, "p99"), told(&histogram, "p99.9")), (Some(990.0), None));
        histogram.record(5_000).unwrap();
        assert_eq!((told(&histogram, "p50"), told(&histogram, "p90")), (Some(500.0), Some(900.0)));
        assert_eq!((told(&histogram, "p99.9"), told(&histogram, "count")), (Some(999.0), Some(1_000.0)));
        assert!(told(&histogram, "max").is_some_and(|max| (5_000.0..5_010.0).contains(&max)));
    }
}
