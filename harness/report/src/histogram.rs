//! Percentile distributions (`.hgrm`) of every phase, as HdrHistogram's own tools write and plot them.
//!
//! The recorded values are microseconds; the text shows milliseconds:
//!
//! ```text
//!        Value     Percentile TotalCount 1/(1-Percentile)
//!
//!        1.023 0.000000000000         12           1.00
//!        1.311 0.500000000000        503           2.00
//!        9.999 1.000000000000       1000
//! #[Mean    =        1.402, StdDeviation   =        0.811]
//! #[Max     =        9.999, Total count    =         1000]
//! #[Buckets =           16, SubBuckets     =         2048]
//! ```

use std::collections::HashSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{DeserializeError, Deserializer};
use record::{PhaseSummary, RunRecord, TrialRecord};
use thiserror::Error;

const MICROSECONDS_PER_MILLISECOND: f64 = 1_000.0;

/// How many lines each halving of the distance to 100% gets; the default of HdrHistogram's tools.
const LINES_PER_HALVING: u32 = 5;

/// How many bytes of a V2 histogram stand in front of its counts. The second four tell how many bytes the counts have.
const HEADER_BYTES: usize = 40;

/// Longest part of a file name that a trial or a phase may fill. Two of them stay below what every file system takes.
const LONGEST_SLUG: usize = 80;

/// A percentile distribution with the file name that it is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// `TRIAL.PHASE.response.hgrm`, safe on every file system and unique in its run.
    pub file_name: String,
    /// The text.
    pub text: String,
}

/// The distributions of every phase of the run, one for each metric.
///
/// A histogram that cannot be read costs its own file and no other.
#[must_use]
pub fn distributions(run: &RunRecord) -> Vec<Result<Distribution, HistogramError>> {
    let mut written = Vec::new();
    for PhaseFiles { trial, phase, stem } in phases(run) {
        written.extend(phase.histograms().map(|(metric, serialised)| {
            let metric = metric.word();
            let text = percentile_distribution(serialised).map_err(|cause| HistogramError {
                trial: trial.name.clone(),
                phase: phase.name.clone(),
                metric,
                cause,
            })?;
            Ok(Distribution { file_name: format!("{stem}.{metric}.hgrm"), text })
        }));
    }
    written
}

/// A phase with what its files' names begin with.
pub(crate) struct PhaseFiles<'r> {
    pub(crate) trial: &'r TrialRecord,
    pub(crate) phase: &'r PhaseSummary,
    /// Safe on every file system and unique in its run.
    pub(crate) stem: String,
}

/// Every phase of a run.
pub(crate) fn phases(run: &RunRecord) -> Vec<PhaseFiles<'_>> {
    let mut taken = HashSet::new();
    let all = run.trials.iter().flat_map(|trial| trial.phases.iter().map(move |phase| (trial, phase)));
    all.map(|(trial, phase)| {
        let stem = free_stem(&mut taken, &trial.name, &phase.name);
        PhaseFiles { trial, phase, stem }
    })
    .collect()
}

/// The distribution of one histogram, serialised as V2 and written in base64.
///
/// # Errors
///
/// Fails if it is no such histogram.
pub fn percentile_distribution(serialised: &str) -> Result<String, UnreadableHistogram> {
    read(serialised).map(|histogram| distribution_of(&histogram))
}

/// The histogram behind a text.
pub(crate) fn read(serialised: &str) -> Result<Histogram<u64>, UnreadableHistogram> {
    let bytes = BASE64_STANDARD.decode(serialised)?;
    check_length(&bytes)?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(UnreadableHistogram::Content)
}

/// Why a phase has no distribution.
#[derive(Debug, Error)]
#[error("phase `{phase}` of `{trial}` has no readable {metric} histogram")]
pub struct HistogramError {
    /// The trial.
    pub trial: String,
    /// The phase.
    pub phase: String,
    /// Which of the phase's histograms.
    pub metric: &'static str,
    /// What is wrong with it.
    #[source]
    pub cause: UnreadableHistogram,
}

/// Why a text is no serialised histogram.
#[derive(Debug, Error)]
pub enum UnreadableHistogram {
    /// It is not base64.
    #[error("it is not written in base64")]
    Encoding(#[from] base64::DecodeError),
    /// It is shorter or longer than it says.
    #[error("it has {found} bytes and is no V2 histogram of that length")]
    Length {
        /// How many bytes there are.
        found: usize,
    },
    /// Its bytes are no histogram.
    #[error("its bytes are no V2 histogram: {0}")]
    Content(DeserializeError),
}

/// The reader makes room for as many bytes as a histogram says that it has, so that a broken one could ask for gigabytes.
fn check_length(bytes: &[u8]) -> Result<(), UnreadableHistogram> {
    let said = bytes.get(4..8).and_then(|field| field.try_into().ok()).map(u32::from_be_bytes);
    let counts = bytes.len().checked_sub(HEADER_BYTES);
    match (said, counts) {
        (Some(said), Some(counts)) if said as usize == counts => Ok(()),
        _ => Err(UnreadableHistogram::Length { found: bytes.len() }),
    }
}

fn distribution_of(histogram: &Histogram<u64>) -> String {
    let digits = usize::from(histogram.sigfig());
    let milliseconds = |micros: f64| format!("{:12.digits$}", micros / MICROSECONDS_PER_MILLISECOND);
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut total = 0_u64;
    for step in histogram.iter_quantiles(LINES_PER_HALVING) {
        total = total.saturating_add(step.count_since_last_iteration());
        let (value, quantile) = (milliseconds(step.value_iterated_to() as f64), step.quantile_iterated_to());
        let _ = write!(text, "{value} {quantile:2.12} {total:10}");
        // The last line stands for all values, where the fourth column would be infinite.
        if quantile < 1.0 {
            let _ = write!(text, " {:14.2}", 1.0 / (1.0 - quantile));
        }
        text.push('\n');
    }
    let (mean, deviation) = (milliseconds(histogram.mean()), milliseconds(histogram.stdev()));
    let (max, count) = (milliseconds(histogram.max() as f64), histogram.len());
    let _ = writeln!(text, "#[Mean    = {mean}, StdDeviation   = {deviation}]");
    let _ = writeln!(text, "#[Max     = {max}, Total count    = {count:12}]");
    let (buckets, slots) = (histogram.buckets(), slots_of_a_bucket(histogram.sigfig()));
    let _ = writeln!(text, "#[Buckets = {buckets:12}, SubBuckets     = {slots:12}]");
    text
}

/// As many slots as keep twice the resolution that the digits ask for, rounded up to a power of two.
fn slots_of_a_bucket(digits: u8) -> u32 {
    (2 * 10_u32.pow(u32::from(digits))).next_power_of_two()
}

/// Two names may differ only in characters that no file name takes, and then get a number.
fn free_stem(taken: &mut HashSet<String>, trial: &str, phase: &str) -> String {
    let stem = format!("{}.{}", slug(trial), slug(phase));
    let mut candidate = stem.clone();
    let mut number = 1;
    while !taken.insert(candidate.clone()) {
        number += 1;
        candidate = format!("{stem}-{number}");
    }
    candidate
}

/// Lower case, since some file systems take `A` and `a` for the same.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.replace(".yaml", "").chars() {
        if slug.len() >= LONGEST_SLUG {
            break;
        }
        match character {
            'a'..='z' | '0'..='9' | '_' => slug.push(character),
            'A'..='Z' => slug.push(character.to_ascii_lowercase()),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let trimmed = slug.trim_end_matches('-');
    if trimmed.is_empty() { String::from("unnamed") } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_file_names_that_every_file_system_takes() {
        let cases = [
            ("scenarios/spike/storm.yaml::two keys", "scenarios-spike-storm-two-keys"),
            ("../../etc/passwd", "etc-passwd"),
            ("Steady Load", "steady-load"),
            ("\u{1b}[31m\0", "31m"),
            ("嵐", "unnamed"),
            ("", "unnamed"),
        ];
        for (name, expected) in cases {
            assert_eq!(slug(name), expected, "{name:?}");
        }
        assert_eq!(slug(&"a".repeat(500)).len(), LONGEST_SLUG);
    }

    #[test]
    fn equal_file_names_are_told_apart() {
        let mut taken = HashSet::new();
        assert_eq!(free_stem(&mut taken, "a b", "p"), "a-b.p");
        assert_eq!(free_stem(&mut taken, "a/b", "p"), "a-b.p-2");
        assert_eq!(free_stem(&mut taken, "a:b", "p"), "a-b.p-3");
    }

    #[test]
    fn what_is_no_histogram_is_refused_with_a_reason() {
        assert!(matches!(percentile_distribution("%"), Err(UnreadableHistogram::Encoding(_))));
        for length in [0, 1, 8, 39, 41, 400] {
            let text = BASE64_STANDARD.encode(vec![0_u8; length]);
            let refused = percentile_distribution(&text);
            assert!(matches!(refused, Err(UnreadableHistogram::Length { .. })), "{length}");
        }
        let text = BASE64_STANDARD.encode([0_u8; HEADER_BYTES]);
        assert!(matches!(percentile_distribution(&text), Err(UnreadableHistogram::Content(_))));
    }

    #[test]
    fn a_histogram_that_asks_for_gigabytes_is_refused() {
        let mut bytes = vec![0_u8; HEADER_BYTES];
        bytes[..4].copy_from_slice(&0x1c84_9313_u32.to_be_bytes());
        bytes[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        let refused = percentile_distribution(&BASE64_STANDARD.encode(bytes));
        assert!(matches!(refused, Err(UnreadableHistogram::Length { found: HEADER_BYTES })));
    }
}
