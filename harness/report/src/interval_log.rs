//! Interval logs (`.hlog`) of every phase: a histogram for about each second, as HdrHistogram's own tools read and plot them.
//!
//! The recorded values are microseconds. The tools that take them for nanoseconds want to be told: `-outputValueUnitRatio 1000` shows
//! milliseconds, and the log's own column of maxima is in milliseconds already.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use record::{Metric, PhasePart, RunRecord};
use thiserror::Error;

use crate::histogram::{self, UnreadableHistogram};

const MICROSECONDS_PER_MILLISECOND: f64 = 1_000.0;

/// An interval log with the file name that it is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntervalLog {
    /// `TRIAL.PHASE.response.hlog`, safe on every file system and unique in its run.
    pub file_name: String,
    /// The text.
    pub text: String,
}

/// The parts of a trial's phases, as its evidence tells them, by the phases' names.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    of_phase: BTreeMap<String, Vec<PhasePart>>,
}

/// Why a phase has no interval log.
#[derive(Debug, Error)]
#[error("a part of phase `{phase}` of `{trial}` has no readable {metric} histogram")]
pub struct IntervalLogError {
    /// The trial.
    pub trial: String,
    /// The phase.
    pub phase: String,
    /// Which of its histograms.
    pub metric: &'static str,
    /// What is wrong with it.
    #[source]
    pub cause: UnreadableHistogram,
}

impl Parts {
    /// Takes a part of a phase.
    pub fn add(&mut self, phase: &str, part: PhasePart) {
        self.of_phase.entry(phase.to_owned()).or_default().push(part);
    }
}

/// The interval logs of a trial of the run, one for each phase and metric. `began` is when the clock of the trial began.
///
/// # Errors
///
/// If a histogram cannot be read.
pub fn interval_logs(
    run: &RunRecord,
    trial: &str,
    parts: &Parts,
    began: SystemTime,
) -> Result<Vec<IntervalLog>, IntervalLogError> {
    let mut logs = Vec::new();
    for files in histogram::phases(run).into_iter().filter(|files| files.trial.name == trial) {
        let Some(parts) = parts.of_phase.get(&files.phase.name) else { continue };
        for metric in Metric::ALL {
            let parts = of_metric(parts, metric).map_err(|cause| IntervalLogError {
                trial: trial.to_owned(),
                phase: files.phase.name.clone(),
                metric: metric.word(),
                cause,
            })?;
            if !parts.is_empty() {
                let file_name = format!("{}.{}.hlog", files.stem, metric.word());
                logs.push(IntervalLog { file_name, text: log(&parts, began) });
            }
        }
    }
    Ok(logs)
}

/// A part as the log tells it.
struct Interval {
    from: Duration,
    lasts: Duration,
    histogram: Histogram<u64>,
}

/// The parts that have a metric, in the order of time; those of several workers that began together are one.
fn of_metric(parts: &[PhasePart], metric: Metric) -> Result<Vec<Interval>, UnreadableHistogram> {
    let mut intervals = Vec::new();
    for part in parts {
        let measured = part.measured.iter().find(|measured| measured.metric == metric);
        if let Some(measured) = measured {
            let histogram = histogram::read(&measured.histogram)?;
            let (from, lasts) = (Duration::from_nanos(part.from.0), part.to.since(part.from));
            intervals.push(Interval { from, lasts, histogram });
        }
    }
    intervals.sort_by_key(|interval| (interval.from, interval.lasts));
    Ok(intervals)
}

fn log(intervals: &[Interval], began: SystemTime) -> String {
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment("[Values are microseconds]")
        .with_start_time(began)
        .with_max_value_divisor(MICROSECONDS_PER_MILLISECOND)
        .begin_log_with(&mut bytes, &mut serializer)
        .expect("a vector takes every byte");
    for Interval { from, lasts, histogram } in intervals {
        writer.write_histogram(histogram, *from, *lasts, None).expect("a vector takes every byte");
    }
    String::from_utf8(bytes).expect("a log is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
    use record::{Measured, Moment, NameId};

    fn part(from: u64, values: &[u64]) -> PhasePart {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        values.iter().for_each(|value| histogram.record(*value).unwrap());
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&histogram, &mut bytes).unwrap();
        let measured = Measured { metric: Metric::Gap, histogram: BASE64_STANDARD.encode(bytes) };
        let at = |ms: u64| Moment(ms * 1_000_000);
        PhasePart { traffic: NameId(0), from: at(from), to: at(from + 1_000), measured: vec![measured] }
    }

    #[test]
    fn a_log_is_read_by_the_tools_reader_with_every_value() {
        let parts = [part(2_000, &[30, 40]), part(1_000, &[10, 20, 1_000_000])];
        assert!(of_metric(&parts, Metric::Response).unwrap().is_empty());
        let began = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
        let text = log(&of_metric(&parts, Metric::Gap).unwrap(), began);
        assert!(
            text.starts_with("#[Histogram log format version 1.3]\n#[Values are microseconds]\n"),
            "{text}"
        );
        let (mut started, mut seen) = (None, Vec::new());
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            match entry.unwrap() {
                LogEntry::StartTime(at) => started = Some(at),
                LogEntry::BaseTime(at) => panic!("{at:?}"),
                LogEntry::Interval(interval) => {
                    let bytes = BASE64_STANDARD.decode(interval.encoded_histogram()).unwrap();
                    let histogram: Histogram<u64> =
                        Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
                    let from = interval.start_timestamp().as_millis();
                    seen.push((from, interval.duration().as_millis(), histogram.len(), interval.max()));
                }
            }
        }
        assert_eq!(started.map(|at| at.as_millis()), Some(1_700_000_000_250));
        assert_eq!(seen[0].0..=seen[1].0, 1_000..=2_000);
        assert_eq!((seen[0].1, seen[0].2, seen[1].2), (1_000, 3, 2));
        assert!((seen[0].3 - 1_000.0).abs() < 1.0 && (seen[1].3 - 0.04).abs() < 0.001, "{seen:?}");
    }

    #[test]
    fn what_is_no_histogram_is_told() {
        let mut broken = part(0, &[1]);
        broken.measured[0].histogram = "%".to_owned();
        assert!(matches!(of_metric(&[broken], Metric::Gap), Err(UnreadableHistogram::Encoding(_))));
    }
}
