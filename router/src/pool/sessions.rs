//! Which key each session was served with, as far as is remembered.

use std::collections::{HashMap, VecDeque};

use super::KeyIndex;

/// A session, told from others by a digest of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Session(pub(crate) u64);

/// The keys of the sessions that came up last.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions {
    keys: HashMap<Session, KeyIndex>,
    /// In the order in which they came up first.
    order: VecDeque<Session>,
}

/// The session that came up first is forgotten when there are more.
const MOST_SESSIONS: usize = 100_000;

impl Sessions {
    pub(super) fn key(&self, session: Session) -> Option<KeyIndex> {
        self.keys.get(&session).copied()
    }

    pub(super) fn stay(&mut self, session: Session, key: KeyIndex) {
        if self.keys.insert(session, key).is_none() {
            self.order.push_back(session);
        }
        if self.order.len() > MOST_SESSIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_sessions_are_remembered_and_no_more() {
        let mut sessions = Sessions::default();
        for number in 0..=u64::try_from(MOST_SESSIONS).unwrap() {
            sessions.stay(Session(number), KeyIndex(7));
        }
        assert_eq!((sessions.key(Session(0)), sessions.key(Session(1))), (None, Some(KeyIndex(7))));
        assert_eq!((sessions.keys.len(), sessions.order.len()), (MOST_SESSIONS, MOST_SESSIONS));
    }
}
