//! What becomes of a key over time: from when on it is limited, out of money, revoked, and what it then replies.

use std::time::Duration;

use record::{Moment, NameId};
use scenario::{ErrorName, KeyState, KeyStateEntry};

use crate::decision::Wait;
use crate::preparation::Preparation;
use crate::reply_rule::ReplyRule;

/// The states of a key, in the order of time.
#[derive(Debug, Default)]
pub(crate) struct KeyStates(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    from: Duration,
    /// When it is over, where the scenario says so.
    until: Option<Duration>,
    /// What it replies; none for a good key.
    refusal: Option<(NameId, ReplyRule)>,
    /// Whether its end is a wait that a refusal asks for. It is for a limit alone: what else can be wrong with a key is not
    /// mended by waiting, and no provider says that it were.
    tells_end: bool,
}

impl KeyStates {
    /// The states of a key. They are counted from the start of the traffic.
    ///
    /// # Errors
    /// What is wrong with a state's reply, in words.
    pub(crate) fn new(entries: &[KeyStateEntry], preparation: &mut Preparation<'_>) -> Result<Self, String> {
        let mut sorted: Vec<&KeyStateEntry> = entries.iter().collect();
        sorted.sort_by_key(|entry| entry.at);
        let mut states = Vec::with_capacity(sorted.len());
        for (index, entry) in sorted.iter().enumerate() {
            let next = sorted.get(index + 1).map(|next| next.at);
            let lasts = entry.lasts.map(|lasts| entry.at.saturating_add(lasts));
            let error = match entry.is {
                KeyState::Good => None,
                KeyState::Limited => Some(ErrorName::RateLimit),
                KeyState::Exhausted => Some(ErrorName::InsufficientQuota),
                KeyState::Unpaid => Some(ErrorName::PaymentRequired),
                KeyState::Revoked => Some(ErrorName::InvalidKey),
                KeyState::Forbidden => Some(ErrorName::Forbidden),
            };
            let refusal = error.map(|error| {
                let reply = ReplyRule::error(error, entry.retry_after, preparation)?;
                Ok::<_, String>((preparation.names.id(entry.is.word()), reply))
            });
            states.push(Entry {
                from: entry.at,
                until: lasts.into_iter().chain(next).min(),
                refusal: refusal.transpose()?,
                tells_end: entry.is == KeyState::Limited && entry.retry_after.is_none(),
            });
        }
        Ok(Self(states))
    }

    /// What the key replies now instead of anything else, if it is not good.
    pub(crate) fn refusal(&self, start: Option<Moment>, now: Moment) -> Option<(NameId, &ReplyRule, Wait)> {
        if self.0.is_empty() {
            return None;
        }
        let start = start.filter(|start| *start <= now)?;
        let gone = now.since(start);
        let entry = self.0.iter().rev().find(|entry| entry.from <= gone)?;
        if entry.until.is_some_and(|until| until <= gone) {
            return None;
        }
        let (name, reply) = entry.refusal.as_ref()?;
        let end = entry.until.filter(|_| entry.tells_end).map(|until| start.after(until));
        let wait = end.map_or_else(|| Wait::from(reply.wait), Wait::Until);
        Some((*name, reply, wait))
    }
}

#[cfg(test)]
mod tests {
    use record::{Clock, Correlation, NameTable, fact_channel};
    use scenario::{Dialect, Protocol, Span};

    use super::*;
    use crate::surroundings::Surroundings;
    use crate::traffic_signal::TrafficSignal;

    fn states(entries: &[(u64, KeyState, Option<u64>, Option<u64>)]) -> KeyStates {
        let (facts, _) = fact_channel();
        let surroundings = Surroundings {
            clock: Clock::start(),
            correlation: Correlation::new(1),
            names: NameTable::new(facts.clone()),
            facts,
            seed: 1,
            traffic: TrafficSignal::new([]),
            samples: 0,
            canaries: Vec::new(),
            defect: None,
        };
        let seconds = Duration::from_secs;
        let entries: Vec<KeyStateEntry> = entries
            .iter()
            .map(|(at, is, lasts, retry_after)| KeyStateEntry {
                at: seconds(*at),
                is: *is,
                lasts: lasts.map(seconds),
                retry_after: retry_after.map(seconds),
                span: Span::default(),
            })
            .collect();
        let protocol = Protocol::Llm(Dialect::Openai);
        KeyStates::new(&entries, &mut Preparation::new("main", protocol, &surroundings)).unwrap()
    }

    /// The status' error and the seconds of the wait, at a second after the start.
    fn seen(states: &KeyStates, second: u64) -> Option<(dialect::ErrorName, Option<u64>)> {
        let at = |second| Moment(0).after(Duration::from_secs(100 + second));
        let (_, reply, wait) = states.refusal(Some(at(0)), at(second))?;
        let crate::reply_rule::Said::Error { error, .. } = &reply.said else { panic!("{reply:?}") };
        Some((*error, wait.left(at(second)).map(|wait| wait.as_secs())))
    }

    #[test]
    fn a_key_is_what_the_latest_entry_says_for_as_long_as_it_lasts() {
        use dialect::ErrorName::{InvalidKey, RateLimit};
        let states = states(&[
            (10, KeyState::Revoked, None, None),
            (2, KeyState::Limited, Some(3), None),
            (20, KeyState::Good, None, None),
            (30, KeyState::Limited, None, None),
            (40, KeyState::Limited, Some(5), Some(60)),
        ]);
        for (second, expected) in [
            (0, None),
            (2, Some((RateLimit, Some(3)))),
            (4, Some((RateLimit, Some(1)))),
            (5, None),
            (10, Some((InvalidKey, None))),
            (19, Some((InvalidKey, None))),
            (20, None),
            (33, Some((RateLimit, Some(7)))),
            (41, Some((RateLimit, Some(60)))),
            (45, None),
        ] {
            assert_eq!(seen(&states, second), expected, "at {second} s");
        }
    }

    #[test]
    fn a_key_is_good_before_the_traffic_begins() {
        let states = states(&[(0, KeyState::Revoked, None, None)]);
        assert!(states.refusal(None, Moment(5)).is_none());
        assert!(states.refusal(Some(Moment(5)), Moment(5)).is_some());
    }
}
