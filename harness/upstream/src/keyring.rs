//! The keys of one upstream with what has happened to each: how often it was used, and what its limits have left.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use record::{NameId, NameTable};

use crate::draw::{DrawSource, Draws};
use crate::gauge::Gauge;
use crate::key::{Key, Secret};

/// The keys of one upstream. An upstream without keys has one seat for all callers.
#[derive(Debug)]
pub(crate) struct KeyRing {
    seats: Vec<KeySeat>,
    /// Where the seat of a key is. It is empty for an upstream without keys.
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
    draws: DrawSource,
    state: Mutex<KeyState>,
}

#[derive(Debug)]
struct KeyState {
    uses: u32,
    /// The order of its first use, from 1.
    nth_used: u32,
    gauges: Vec<Gauge>,
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
    /// The ring of an upstream's keys. `gauges` makes the gauges of the limits that each key has for itself.
    pub(crate) fn new(
        (seed, upstream): (u64, &str),
        keys: &[Key],
        names: &NameTable,
        gauges: impl Fn() -> Vec<Gauge>,
    ) -> Self {
        let seat = |key: Option<&Key>| KeySeat {
            label: key.map(|key| key.label().to_owned()),
            name: key.map_or(NameId::NONE, |key| names.id(key.label())),
            draws: DrawSource::new(seed, upstream, key.map(Key::label)),
            state: Mutex::new(KeyState { uses: 0, nth_used: 0, gauges: gauges() }),
        };
        let seats =
            if keys.is_empty() { vec![seat(None)] } else { keys.iter().map(|key| seat(Some(key))).collect() };
        let secrets = keys.iter().map(Secret::from);
        Self { seats, by_secret: secrets.zip(0..).collect(), seats_used: AtomicU32::new(0) }
    }

    /// A request comes with its key, which is thereby used once more.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<KeyUse, NoEntry> {
        let seat = if self.by_secret.is_empty() {
            0
        } else {
            let value = headers.get(AUTHORIZATION).ok_or(NoEntry::Missing)?.as_bytes();
            let secret = bearer(value).ok_or(NoEntry::Missing)?;
            *self.by_secret.get(secret).ok_or(NoEntry::Unknown)?
        };
        let mut state = self.seats[seat].state();
        state.uses = state.uses.saturating_add(1);
        if state.nth_used == 0 {
            state.nth_used = self.seats_used.fetch_add(1, Ordering::Relaxed) + 1;
        }
        Ok(KeyUse { seat, number: state.uses, nth_used: state.nth_used })
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

    /// The gauges of the limits that the key has for itself, for as long as they are held.
    pub(crate) fn with_gauges<T>(&self, work: impl FnOnce(&mut [Gauge]) -> T) -> T {
        work(&mut self.state().gauges)
    }

    fn state(&self) -> MutexGuard<'_, KeyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of an `Authorization: Bearer TOKEN` header.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use record::fact_channel;

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    fn ring(labels: &[&str]) -> (KeyRing, Vec<Key>) {
        let keys: Vec<Key> = labels.iter().map(|label| Key::new(1, "main", label)).collect();
        let names = NameTable::new(fact_channel().0);
        (KeyRing::new((1, "main"), &keys, &names, Vec::new), keys)
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
    fn no_key_and_a_wrong_key_are_told_apart() {
        let (ring, keys) = ring(&["a"]);
        assert_eq!(ring.admit(&HeaderMap::new()).unwrap_err(), NoEntry::Missing);
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
    fn an_upstream_without_keys_asks_for_none() {
        let (ring, _) = ring(&[]);
        assert_eq!(ring.admit(&HeaderMap::new()).unwrap().number, 1);
        assert_eq!(ring.admit(&headers("Bearer whatever")).unwrap().number, 2);
    }
}
