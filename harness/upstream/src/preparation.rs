//! What replies are made ready with when an upstream starts: numbers for names, the seed, and the way to the evidence.

use std::collections::HashSet;
use std::time::{Duration, UNIX_EPOCH};

use record::{
    AnswerSeen, Clock, Entry, Fact, FactSender, Moment, NameId, NameTable, Tokens, WholeText, tools_hash,
};
use scenario::Protocol;

use crate::draw::DrawSource;
use crate::surroundings::Surroundings;

/// What the replies of one upstream are made ready with.
#[derive(Debug)]
pub(crate) struct Preparation<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) names: &'a NameTable,
    pub(crate) now: Moment,
    /// The Unix time of the clock's zero.
    pub(crate) epoch: Duration,
    upstream: &'a str,
    seed: u64,
    facts: &'a FactSender,
    /// The names of answers so far.
    answers: HashSet<String>,
    /// Whether what is made ready now is to break off.
    breaks_off: bool,
}

/// How much of an answer's text the evidence shows.
const SHOWN_OF_TEXT: usize = 64 * 1024;

impl<'a> Preparation<'a> {
    pub(crate) fn new(upstream: &'a str, protocol: Protocol, surroundings: &'a Surroundings) -> Self {
        Self {
            protocol,
            names: &surroundings.names,
            now: surroundings.clock.now(),
            epoch: epoch(&surroundings.clock),
            upstream,
            seed: surroundings.seed,
            facts: &surroundings.facts,
            answers: HashSet::new(),
            breaks_off: false,
        }
    }

    /// The seed of what is generated at a place of the upstream.
    pub(crate) fn seed_of(&self, place: &str) -> u64 {
        self.draws_at(place).seed()
    }

    /// The draws that belong to a place of the upstream.
    pub(crate) fn draws_at(&self, place: &str) -> DrawSource {
        DrawSource::new(self.seed, self.upstream, Some(place))
    }

    /// Makes something ready that is to break off.
    pub(crate) fn breaking_off<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        self.breaks_off = true;
        let made = make(self);
        self.breaks_off = false;
        made
    }

    /// Tells the evidence of an answer that the upstream can give, and gives its name's number. Its text comes with its hash.
    pub(crate) fn tell_answer(
        &mut self,
        place: &str,
        text: Option<(&str, u32)>,
        tokens: Option<Tokens>,
        tools: &[(String, String)],
    ) -> NameId {
        let mut name = format!("{}: {place}", self.upstream);
        let mut number = 1;
        while !self.answers.insert(name.clone()) {
            number += 1;
            name = format!("{}: {place} ({number})", self.upstream);
        }
        let id = self.names.id(&name);
        let whole =
            text.map(|(text, hash)| WholeText { hash, bytes: u64::try_from(text.len()).unwrap_or(u64::MAX) });
        let text = text.map(|(text, _)| text);
        let cut = text.is_some_and(|text| text.len() > SHOWN_OF_TEXT);
        let text = text.map(|text| text[..text.floor_char_boundary(SHOWN_OF_TEXT)].to_owned());
        let tool_calls = u32::try_from(tools.len()).unwrap_or(u32::MAX);
        let tools_hash = tools_hash(tools.iter().map(|(name, arguments)| (name, arguments)));
        let breaks_off = self.breaks_off;
        let answer = AnswerSeen { id, text, cut, whole, breaks_off, tokens, tool_calls, tools_hash };
        self.facts.send(Fact::Entry(Box::new(Entry::Answer(answer))));
        id
    }
}

/// The Unix time of a clock's zero. The wall is read first: whatever passes until the clock is read makes waits longer that are
/// told as times on the wall, and none too short.
fn epoch(clock: &Clock) -> Duration {
    let wall = UNIX_EPOCH.elapsed().unwrap_or_default();
    wall.saturating_sub(clock.now().since(Moment(0)))
}
