//! Bans: a key that plans have refused too often is shut out for a while.

use std::collections::VecDeque;

use record::{Moment, NameId};
use scenario::{Bans, Data, Reply};

use crate::keyring::KeySeat;
use crate::preparation::Preparation;
use crate::reply_rule::ReplyRule;

/// When a key is shut out, made ready.
#[derive(Debug)]
pub(crate) struct BanRule {
    /// The number of the name by which evidence shows it.
    pub(crate) name: NameId,
    pub(crate) reply: ReplyRule,
    bans: Bans,
}

/// How often plans have refused a key of late, and until when it is shut out.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    at: VecDeque<Moment>,
    banned: Option<Moment>,
}

const BODY: &str = r#"{"error":{"code":"banned","message":"too many requests beyond the limits"}}"#;

impl BanRule {
    /// The bans of an upstream.
    ///
    /// # Errors
    /// What is wrong with what a banned key is told, in words.
    pub(crate) fn new(bans: &Bans, preparation: &mut Preparation<'_>) -> Result<Self, String> {
        let body = Some(Data::literal(BODY));
        let reply = Reply { status: Some(bans.status), body, ..Reply::normal() };
        Ok(Self {
            name: preparation.names.id(Bans::NAME),
            reply: ReplyRule::new(&reply, Bans::NAME, preparation)?,
            bans: bans.clone(),
        })
    }

    /// Until when a key is shut out, if it is.
    pub(crate) fn until(&self, seat: &KeySeat, now: Moment) -> Option<Moment> {
        seat.with_refusals(|refusals| refusals.banned.filter(|until| now < *until))
    }

    /// A plan has refused the key.
    pub(crate) fn refused(&self, seat: &KeySeat, now: Moment) {
        seat.with_refusals(|refusals| refusals.add(&self.bans, now));
    }
}

impl Refusals {
    fn add(&mut self, bans: &Bans, now: Moment) {
        self.at.push_back(now);
        while self.at.front().is_some_and(|first| now.since(*first) > bans.within) {
            self.at.pop_front();
        }
        if self.at.len() >= bans.after as usize {
            self.at.clear();
            self.banned = Some(now.after(bans.lasts));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scenario::Span;

    use super::*;

    fn second(second: u64) -> Moment {
        Moment(0).after(Duration::from_secs(second))
    }

    /// Until which second a key is banned after refusals in these seconds.
    fn banned(refused: &[u64]) -> Option<u64> {
        let (within, lasts) = (Duration::from_secs(2), Duration::from_secs(10));
        let bans = Bans { after: 3, within, lasts, status: 418, span: Span::default() };
        let mut refusals = Refusals::default();
        refused.iter().for_each(|at| refusals.add(&bans, second(*at)));
        refusals.banned.map(|until| until.since(Moment(0)).as_secs())
    }

    #[test]
    fn so_many_refusals_within_the_time_ban_a_key_and_fewer_do_not() {
        assert_eq!(banned(&[1, 2]), None);
        assert_eq!(banned(&[1, 2, 3]), Some(13));
        assert_eq!(banned(&[1, 2, 4]), None);
        assert_eq!(banned(&[1, 2, 4, 4]), Some(14));
    }

    #[test]
    fn the_count_begins_anew_with_a_ban() {
        assert_eq!(banned(&[1, 1, 1, 2, 2]), Some(11));
        assert_eq!(banned(&[1, 1, 1, 2, 2, 2]), Some(12));
    }
}
