//! The keys of one upstream with what has happened to each: how often it was used, what its limits have left, and in which
//! state it is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderValue, request};
use record::{NameId, NameTable};
use scenario::{Dialect, Protocol};

use crate::ban::Refusals;
use crate::draw::{DrawSource, Draws};
use crate::key::{Key, Secret};
use crate::key_states::KeyStates;
use crate::plans::Counter;

/// The keys of one upstream. The last seat is that of callers without a key, who are everybody where there are no keys.
#[derive(Debug)]
pub(crate) struct KeyRing {
    protocol: Protocol,
    seats: Vec<KeySeat>,
    /// Where the seat of a key is; of labels with one secret it is that of the first. It is empty for an upstream without keys.
    by_secret: HashMap<Secret, usize>,
    seats_used: AtomicU32,
}

/// One key with what has happened to it.
#[derive(Debug)]
pub(crate) struct KeySeat {
    /// Its label; none for the seat of an upstream without keys.
    pub(crate) label: Option<String>,
    /// Its label's number.
    pub(crate) name: NameId,
    /// What becomes of it over time.
    pub(crate) states: KeyStates,
    draws: DrawSource,
    history: Mutex<History>,
}

#[derive(Debug)]
struct History {
    uses: u32,
    /// The order of its first use, from 1.
    nth_used: u32,
    /// The counters of the limits that it has for itself.
    counters: Vec<Counter>,
    /// How often plans have refused it of late.
    refusals: Refusals,
}

/// One use of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyUse {
    seat: usize,
    /// Which use of it this is, from 1.
    pub(crate) number: u32,
    /// The order of its first use among the keys, from 1.
    pub(crate) nth_used: u32,
}

/// Why a request's key opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoEntry {
    /// There is none.
    Missing,
    /// It is no key of this upstream.
    Unknown,
}

impl KeyRing {
    /// The ring of an upstream's keys, each with its states. `counters` makes the counters of the limits that each key has for
    /// itself.
    pub(crate) fn new(
        (seed, upstream, protocol): (u64, &str, Protocol),
        keys: Vec<(&Key, KeyStates)>,
        names: &NameTable,
        counters: impl Fn() -> Vec<Counter>,
    ) -> Self {
        let seat = |key: Option<&Key>, states: KeyStates| KeySeat {
            label: key.map(|key| key.label().to_owned()),
            name: key.map_or(NameId::NONE, |key| names.id(key.label())),
            states,
            draws: DrawSource::new(seed, upstream, key.map(Key::label)),
            history: Mutex::new(History {
                uses: 0,
                nth_used: 0,
                counters: counters(),
                refusals: Refusals::default(),
            }),
        };
        let mut by_secret = HashMap::new();
        let mut seats = Vec::with_capacity(keys.len() + 1);
        for (key, states) in keys {
            by_secret.entry(Secret::from(key)).or_insert(seats.len());
            seats.push(seat(Some(key), states));
        }
        seats.push(seat(None, KeyStates::default()));
        Self { protocol, seats, by_secret, seats_used: AtomicU32::new(0) }
    }

    /// A request comes with its key, which is thereby used once more.
    pub(crate) fn admit(&self, head: &request::Parts) -> Result<KeyUse, NoEntry> {
        let seat = if self.by_secret.is_empty() {
            0
        } else {
            let secret = self.secret_in(head).ok_or(NoEntry::Missing)?;
            *self.by_secret.get(&*secret).ok_or(NoEntry::Unknown)?
        };
        Ok(self.enter(seat))
    }

    /// A request comes by the way that is one key's alone, whatever it carries: the key at this place in the world, from 0, is
    /// used once more.
    pub(crate) fn enter(&self, seat: usize) -> KeyUse {
        let mut state = self.seats[seat].history();
        state.uses = state.uses.saturating_add(1);
        if state.nth_used == 0 {
            state.nth_used = self.seats_used.fetch_add(1, Ordering::Relaxed) + 1;
        }
        KeyUse { seat, number: state.uses, nth_used: state.nth_used }
    }

    /// A request that needs no key, and uses none.
    pub(crate) fn nobody(&self) -> KeyUse {
        KeyUse { seat: self.seats.len() - 1, number: 0, nth_used: 0 }
    }

    /// The secret that a request carries, whether it opens anything or not. A service takes it in either of the usual headers.
    pub(crate) fn secret_in<'h>(&self, head: &'h request::Parts) -> Option<Cow<'h, [u8]>> {
        let header = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
        match self.protocol {
            Protocol::Llm(dialect) => dialect.credential(head.uri.query().unwrap_or_default(), header),
            // The dialect that takes it in both.
            Protocol::Http | Protocol::Rest => Dialect::Anthropic.credential("", header),
        }
    }

    /// The seat of a key that was used.
    pub(crate) fn seat(&self, used: KeyUse) -> &KeySeat {
        &self.seats[used.seat]
    }
}

impl KeySeat {
    /// The draws of one use.
    pub(crate) fn draws(&self, number: u32) -> Draws {
        self.draws.draws(number)
    }

    /// The counters of the limits that the key has for itself, for as long as they are held.
    pub(crate) fn with_counters<T>(&self, work: impl FnOnce(&mut [Counter]) -> T) -> T {
        work(&mut self.history().counters)
    }

    /// How often plans have refused the key of late, for as long as that is held.
    pub(crate) fn with_refusals<T>(&self, work: impl FnOnce(&mut Refusals) -> T) -> T {
        work(&mut self.history().refusals)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use record::fact_channel;

    use super::*;

    fn head(name: &str, value: &str) -> request::Parts {
        Request::post("/").header(name, value).body(()).unwrap().into_parts().0
    }

    fn headers(value: &str) -> request::Parts {
        head("authorization", value)
    }

    fn ring(labels: &[&str]) -> (KeyRing, Vec<Key>) {
        let keys: Vec<Key> = labels.iter().map(|label| Key::new(1, "main", label)).collect();
        let names = NameTable::new(fact_channel().0);
        let with_states = keys.iter().map(|key| (key, KeyStates::default())).collect();
        let protocol = Protocol::Llm(Dialect::Openai);
        (KeyRing::new((1, "main", protocol), with_states, &names, Vec::new), keys)
    }

    #[test]
    fn keys_are_numbered_by_the_order_of_their_first_use() {
        let (ring, keys) = ring(&["a", "b"]);
        let mut seen = Vec::new();
        for index in [1, 0, 1] {
            let used = ring.admit(&headers(&format!("Bearer {}", keys[index].secret()))).unwrap();
            seen.push((ring.seat(used).label.clone().unwrap(), used.number, used.nth_used));
        }
        assert_eq!(seen, [("b".to_owned(), 1, 1), ("a".to_owned(), 1, 2), ("b".to_owned(), 2, 1)]);
    }

    #[test]
    fn who_comes_by_the_way_of_a_key_uses_it_whatever_is_carried() {
        let (ring, keys) = ring(&["a", "b"]);
        assert_eq!((ring.enter(1).number, ring.enter(1).number), (1, 2));
        let used = ring.admit(&headers(&format!("Bearer {}", keys[1].secret()))).unwrap();
        assert_eq!((used.number, used.nth_used), (3, 1));
    }

    #[test]
    fn no_key_and_a_wrong_key_are_told_apart() {
        let (ring, keys) = ring(&["a"]);
        assert_eq!(ring.admit(&head("x-other", "")).unwrap_err(), NoEntry::Missing);
        for (value, expected) in [
            ("Bearer", NoEntry::Missing),
            ("Bearer ", NoEntry::Missing),
            ("Basic abc", NoEntry::Missing),
            ("Bearer sk-other", NoEntry::Unknown),
            (&format!("Bearer {}x", keys[0].secret()), NoEntry::Unknown),
        ] {
            assert_eq!(ring.admit(&headers(value)).unwrap_err(), expected, "{value}");
        }
        assert!(ring.admit(&headers(&format!("bearer  {}", keys[0].secret()))).is_ok());
        assert!(!format!("{ring:?}").contains(keys[0].secret()));
    }

    #[test]
    fn a_service_takes_a_key_in_either_header() {
        let (mut ring, keys) = ring(&["a"]);
        ring.protocol = Protocol::Http;
        let own = |value: &str| head("x-api-key", value);
        assert!(ring.admit(&own(keys[0].secret())).is_ok());
        assert!(ring.admit(&headers(&format!("Bearer {}", keys[0].secret()))).is_ok());
        assert_eq!(ring.admit(&own("other")).unwrap_err(), NoEntry::Unknown);
        assert_eq!(ring.admit(&own(" ")).unwrap_err(), NoEntry::Missing);
    }

    #[test]
    fn an_upstream_without_keys_asks_for_none() {
        let (ring, _) = ring(&[]);
        assert_eq!(ring.admit(&head("x-other", "")).unwrap().number, 1);
        assert_eq!(ring.admit(&headers("Bearer whatever")).unwrap().number, 2);
    }
}
