//! A text or bytes of the scenario as they come into replies: fixed, filled in for each request, or with a number that grows.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use scenario::{Data, Generator, Template, Values};

/// What a part of a reply is made of. What a seed generates is generated once: every reply of an entry is the same, so that
/// the evidence can say what it was.
#[derive(Debug)]
pub(crate) enum Material {
    /// Always the same.
    Fixed(Bytes),
    /// Filled in for each request.
    Filled(Template),
    /// With a number that grows from one use to the next.
    Sequence(Data, AtomicU64),
}

impl Material {
    pub(crate) fn new(data: &Data, seed: u64) -> Self {
        match data {
            Data::Text(template) => Self::filled(template),
            Data::Made(Generator::Sequence(_)) => Self::Sequence(data.clone(), AtomicU64::new(0)),
            Data::Made(_) => Self::Fixed(data.made(seed, 0).unwrap_or_default().into()),
        }
    }

    pub(crate) fn filled(template: &Template) -> Self {
        match template.as_plain() {
            Some(text) => Self::text(text),
            None => Self::Filled(template.clone()),
        }
    }

    /// A text that is always the same.
    pub(crate) fn text(text: &str) -> Self {
        Self::Fixed(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// The names behind `request.` that it uses.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Filled(template) => template.names_of("request"),
            Self::Fixed(_) | Self::Sequence(..) => Vec::new(),
        }
    }

    /// What comes into the reply to a request.
    ///
    /// # Errors
    /// An expression has no value, in words for the user.
    pub(crate) fn bytes(&self, values: &Values) -> Result<Bytes, String> {
        Ok(match self {
            Self::Fixed(bytes) => bytes.clone(),
            Self::Filled(template) => template.fill(values)?.into(),
            Self::Sequence(data, uses) => {
                data.made(0, uses.fetch_add(1, Ordering::Relaxed)).unwrap_or_default().into()
            }
        })
    }
}
