//! Requests that were carried out once and must not be carried out twice.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::service::answer::{Answer, Refusal};

/// The answers that were given, by what names their requests.
#[derive(Debug, Default)]
pub(super) struct Replays {
    given: HashMap<String, ([u8; 32], Answer)>,
}

/// So many requests are remembered. Those beyond are carried out each time, as a service does that has forgotten.
const MOST: usize = 100_000;

/// What is longer names nothing.
const LONGEST: usize = 255;

impl Replays {
    /// The answer that a request was given before.
    pub(super) fn find(&self, name: &str, body: &[u8]) -> Result<Option<Answer>, Refusal> {
        if name.is_empty() || name.len() > LONGEST {
            return Err(Refusal::unfit(format!("what names a request has 1 to {LONGEST} letters")));
        }
        match self.given.get(name) {
            Some((before, answer)) if *before == digest(body) => Ok(Some(answer.clone())),
            Some(_) => {
                let message = format!("`{name}` named another request before");
                Err(Refusal::conflict("name_used_before", message))
            }
            None => Ok(None),
        }
    }

    /// Keeps the answer to a request that was carried out.
    pub(super) fn keep(&mut self, name: &str, body: &[u8], answer: &Answer) {
        if self.given.len() < MOST {
            self.given.insert(name.to_owned(), (digest(body), answer.clone()));
        }
    }
}

fn digest(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}
