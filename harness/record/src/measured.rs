//! What the driver measures over a phase: counts, and histograms in microseconds, serialised as V2 and written in base64.
//!
//! Histograms come here as texts, so that this crate need not know how they are made.

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::names::NameId;

/// What a histogram of a phase shows. The last four are of streams alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// From the intended start to the end: what a user waits.
    Response,
    /// From the actual send to the end: what the target needed.
    Service,
    /// How much later than it could have the driver sent: its own fault, and nobody else's.
    Lateness,
    /// From the intended start to the first byte of the response.
    FirstByte,
    /// From the intended start to the first content of a stream.
    FirstContent,
    /// From one content of a stream to the next, each of them.
    Gap,
    /// The time per output token of each stream: from its first content to its last, by the tokens behind the first.
    PerToken,
}

impl Metric {
    /// Every metric, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Response,
        Self::Service,
        Self::Lateness,
        Self::FirstByte,
        Self::FirstContent,
        Self::Gap,
        Self::PerToken,
    ];

    /// The word in file names and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Service => "service",
            Self::Lateness => "lateness",
            Self::FirstByte => "first-byte",
            Self::FirstContent => "first-content",
            Self::Gap => "gap",
            Self::PerToken => "per-token",
        }
    }
}

/// What the driver measured over a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseFigures {
    /// The phase.
    pub traffic: NameId,
    /// How many requests the schedule asked for.
    pub planned: u64,
    /// How many were sent, those included that clients tried again by themselves.
    pub sent: u64,
    /// How many ended without a whole response.
    pub failed: u64,
    /// How many had to wait until one of the phase's connections was free.
    #[serde(default)]
    pub queued: u64,
    /// The latest of all but one in a hundred requests, in microseconds of the driver's own lateness.
    #[serde(default)]
    pub late_p99_us: u64,
    /// From the intended start to the end.
    pub response: String,
    /// From the actual send to the end.
    pub service: String,
    /// How much later than it could have the driver sent.
    pub lateness: String,
    /// What was measured of streams; none where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<StreamFigures>,
}

/// What the driver measured of a phase's streams.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamFigures {
    /// How many streams were asked for.
    pub asked: u64,
    /// How many of them brought no content at all, and so have no time to their first.
    pub without_content: u64,
    /// From the intended start to the first byte of the response.
    pub first_byte: String,
    /// From the intended start to the first content.
    pub first_content: String,
    /// From one content to the next.
    pub gap: String,
    /// The time per output token of each stream.
    pub per_token: String,
}

/// What the driver measured over a part of a phase, of about a second. The parts of a phase add up to its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhasePart {
    /// The phase.
    pub traffic: NameId,
    /// When it began.
    pub from: Moment,
    /// When it was over.
    pub to: Moment,
    /// Its histograms; those without a value are left out.
    pub measured: Vec<Measured>,
}

/// A histogram by what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// What it shows.
    pub metric: Metric,
    /// The histogram.
    pub histogram: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_were_written_before_tell_nothing_of_what_is_new() {
        let text =
            r#"{"traffic":1,"planned":2,"sent":2,"failed":0,"response":"a","service":"b","lateness":"c"}"#;
        let figures: PhaseFigures = serde_json::from_str(text).unwrap();
        assert_eq!((figures.queued, figures.late_p99_us, &figures.streams), (0, 0, &None));
        assert_eq!(figures.lateness, "c");
    }

    #[test]
    fn a_part_survives_its_line() {
        let measured =
            Metric::ALL.iter().map(|metric| Measured { metric: *metric, histogram: "x".to_owned() });
        let (traffic, from, to) = (NameId(3), Moment(1), Moment(2));
        let part = PhasePart { traffic, from, to, measured: measured.collect() };
        let text = serde_json::to_string(&part).unwrap();
        assert_eq!(serde_json::from_str::<PhasePart>(&text).unwrap(), part);
    }
}
