//! The run as JSON (`run.json`): what every other report can be rendered from again.

use record::{EVIDENCE_FORMAT, OLDEST_FORMAT, RunRecord};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The run as pretty JSON, with a line end at the end.
///
/// # Errors
///
/// Fails if the run cannot be written as JSON.
pub fn write(run: &RunRecord) -> Result<String, WriteRunError> {
    pretty(run)
}

pub(crate) fn pretty(report: &impl Serialize) -> Result<String, WriteRunError> {
    let mut text = serde_json::to_string_pretty(report).map_err(WriteRunError)?;
    text.push('\n');
    Ok(text)
}

/// The run that [`write()`] wrote.
///
/// # Errors
///
/// Fails if the text is no run, or one in a format that this version does not know.
pub fn read(text: &str) -> Result<RunRecord, ReadRunError> {
    let Version { format } = serde_json::from_str(text).map_err(ReadRunError::Malformed)?;
    match format {
        OLDEST_FORMAT..=EVIDENCE_FORMAT => serde_json::from_str(text).map_err(ReadRunError::Malformed),
        found => Err(ReadRunError::Format { found }),
    }
}

/// Why a run or a proof could not be written as JSON.
#[derive(Debug, Error)]
#[error("cannot write it as JSON")]
pub struct WriteRunError(#[source] serde_json::Error);

/// Why a text could not be read as a run.
#[derive(Debug, Error)]
pub enum ReadRunError {
    /// It is no JSON, or JSON of another shape.
    #[error("not a saved run of this tool; name the `run.json` in a folder that `stormproof run` wrote")]
    Malformed(#[source] serde_json::Error),
    /// It was written in another version's format.
    #[error(
        "the run is saved in format {found} and this version reads formats {OLDEST_FORMAT} to {EVIDENCE_FORMAT}; \
         read it with the version that wrote it (its `tool` field), or run the scenarios again"
    )]
    Format {
        /// The format that the file names.
        found: u32,
    },
}

/// Read first and alone, since the rest of another format may have any shape.
#[derive(Deserialize)]
struct Version {
    format: u32,
}
