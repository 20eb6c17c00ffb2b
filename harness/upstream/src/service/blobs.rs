//! Files of any kind and size: what was uploaded is listed, downloaded whole or in part, and deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, ETAG, LOCATION};
use scenario::ServiceDefect;
use serde_json::{Value, json};

use crate::service::Defects;
use crate::service::answer::{Answer, AnswerBody, Outcome, Refusal};
use crate::service::blob_file::{BlobFile, DiskRoom, Piece};
use crate::service::call::Call;
use crate::service::time::Time;
use crate::service::upload::{Intake, Upload};

/// The files of one resource.
#[derive(Debug)]
pub(crate) struct Blobs {
    name: String,
    path: String,
    intake: Intake,
    made: u64,
    blobs: BTreeMap<u64, Blob>,
}

#[derive(Debug)]
struct Blob {
    file: Arc<BlobFile>,
    sha256: String,
    kind: String,
    name: Option<String>,
    made_at: String,
}

/// There are no more files.
const MOST: usize = 100_000;

impl Blobs {
    pub(crate) fn new((name, path): (&str, &str), rules: &scenario::Blobs, defects: &Defects) -> Self {
        let intake = Intake {
            most: rules.most.bytes,
            room: DiskRoom::new(rules.room.bytes),
            as_text: defects.has(ServiceDefect::CorruptsText),
        };
        Self { name: name.to_owned(), path: path.to_owned(), intake, made: 0, blobs: BTreeMap::new() }
    }

    /// How an upload is taken in.
    pub(crate) fn intake(&self) -> Intake {
        self.intake.clone()
    }

    /// Does what is asked.
    pub(crate) fn act(&mut self, call: &mut Call<'_>, time: Time) -> Outcome {
        match (call.path().as_slice(), &call.method) {
            ([], &Method::GET) => {
                Ok(Answer::list(self.blobs.iter().map(|(number, blob)| self.shown(*number, blob))))
            }
            ([], &Method::POST) => {
                let upload = call.upload.take().ok_or_else(|| Refusal::unfit("nothing was uploaded"))??;
                self.keep(call, upload, time)
            }
            ([], _) => Err(Refusal::method("GET, HEAD, POST")),
            ([id], method) => {
                let number = self.number(id)?;
                match *method {
                    Method::GET => self.read(call, number),
                    Method::DELETE => {
                        self.blobs.remove(&number);
                        Ok(Answer::empty(204))
                    }
                    _ => Err(Refusal::method("GET, HEAD, DELETE")),
                }
            }
            _ => Err(Refusal::unknown("such path")),
        }
    }

    /// Keeps what was uploaded.
    pub(crate) fn keep(&mut self, call: &Call<'_>, upload: Upload, time: Time) -> Outcome {
        if self.blobs.len() >= MOST {
            return Err(Refusal::no_room());
        }
        let name = call.query.iter().find(|(field, _)| field == "name").map(|(_, name)| name.clone());
        let blob = Blob {
            file: Arc::new(upload.file),
            sha256: upload.sha256,
            kind: call.header("content-type").unwrap_or("application/octet-stream").to_owned(),
            name,
            made_at: time.text(),
        };
        self.made += 1;
        let shown = self.shown(self.made, &blob);
        let answer = Answer::json(201, &shown).with(ETAG, blob.tag());
        self.blobs.insert(self.made, blob);
        Ok(answer.with(LOCATION, format!("{}/{}-{}", self.path, self.name, self.made)))
    }

    fn read(&self, call: &Call<'_>, number: u64) -> Outcome {
        let blob = self.blobs.get(&number).ok_or_else(|| Refusal::unknown("such file"))?;
        let (tag, size) = (blob.tag(), blob.file.size());
        let known = call.header("if-none-match");
        if known.is_some_and(|known| known.split(',').any(|known| ["*", &tag].contains(&known.trim()))) {
            return Ok(Answer::empty(304).with(ETAG, tag));
        }
        let range = call.header("range").map_or(Asked::All, |range| Asked::of(range, size));
        let (status, start, end) = match range {
            Asked::All => (200, 0, size),
            Asked::Part(start, end) => (206, start, end),
            Asked::Nothing => {
                let message = format!("the file has {size} bytes");
                let refusal = Refusal::new(416, "no_such_range", message);
                return Err(refusal.with(CONTENT_RANGE, format!("bytes */{size}")));
            }
        };
        let length = end - start;
        let body = match length {
            0 => AnswerBody::Bytes(Bytes::new()),
            _ => AnswerBody::File(Piece { file: Arc::clone(&blob.file), start, length }),
        };
        let answer = Answer { body, ..Answer::empty(status) };
        let answer = answer.with(CONTENT_TYPE, &blob.kind).with(ETAG, tag).with(ACCEPT_RANGES, "bytes");
        Ok(match status {
            206 => answer.with(CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1)),
            _ => answer,
        })
    }

    fn number(&self, id: &str) -> Result<u64, Refusal> {
        let number = id.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix('-'));
        let number = number.and_then(|number| number.parse().ok());
        let number = number.filter(|number| self.blobs.contains_key(number));
        number.ok_or_else(|| Refusal::unknown("such file"))
    }

    fn shown(&self, number: u64, blob: &Blob) -> Value {
        json!({
            "id": format!("{}-{number}", self.name),
            "name": blob.name,
            "size": blob.file.size(),
            "sha256": blob.sha256,
            "type": blob.kind,
            "made_at": blob.made_at,
        })
    }
}

impl Blob {
    fn tag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }
}

/// What a `Range` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// All of it. A range that cannot be read, or several, are as none.
    All,
    /// From the first of these bytes to before the second.
    Part(u64, u64),
    /// What is not there.
    Nothing,
}

impl Asked {
    fn of(range: &str, size: u64) -> Self {
        let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
            return Self::All;
        };
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let (start, end) = match (number(first), number(last)) {
            (Some(start), Some(last)) if start <= last => (start, last.saturating_add(1)),
            (Some(start), None) if last.trim().is_empty() => (start, size),
            (None, Some(length)) if first.trim().is_empty() => {
                if length == 0 {
                    return Self::Nothing;
                }
                (size.saturating_sub(length), size)
            }
            _ => return Self::All,
        };
        if start >= size { Self::Nothing } else { Self::Part(start, end.min(size)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_part_of_what_is_there() {
        for (range, expected) in [
            ("bytes=0-3", Asked::Part(0, 4)),
            ("bytes=4-", Asked::Part(4, 10)),
            ("bytes=-3", Asked::Part(7, 10)),
            ("bytes=-30", Asked::Part(0, 10)),
            ("bytes=8-99", Asked::Part(8, 10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=3-2", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("lines=0-1", Asked::All),
            ("bytes=-", Asked::All),
        ] {
            assert_eq!(Asked::of(range, 10), expected, "{range}");
        }
    }
}
