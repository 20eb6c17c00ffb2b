//! Offences against a claim: how many there are, and what the first of them looks like.

use record::Moment;

use crate::finding::{Finding, Seen};

/// What a row or a group of rows comes to under a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It is as it should be.
    Holds,
    /// It offends, whatever else may be seen.
    Offends,
    /// It offends as far as it was seen: more of it might mend it.
    OffendsSoFar,
    /// It offends by what was seen, and might not but for the harness's own lag.
    Excused,
}

/// The offences against one claim. However many there are, only the first one of each weight is described.
#[derive(Debug, Default)]
pub(crate) struct Offences {
    certain: Kind,
    so_far: Kind,
    excused: Kind,
}

/// When an offence began, and in which exchange: the first offence is the same whatever the order of the rows.
pub(crate) type Order = (Moment, u32);

#[derive(Debug, Default)]
struct Kind {
    count: u64,
    first: Option<(Order, Seen)>,
}

impl Offences {
    /// Whether something of this weight would be the first of its kind, and is to be described.
    pub(crate) fn is_first(&self, weight: Weight, order: Order) -> bool {
        let kind = match weight {
            Weight::Holds => return false,
            Weight::Offends => &self.certain,
            Weight::OffendsSoFar => &self.so_far,
            Weight::Excused => &self.excused,
        };
        kind.first.as_ref().is_none_or(|(first, _)| order < *first)
    }

    /// Adds something that was weighed, described only where [`Offences::is_first`] says so.
    pub(crate) fn add(&mut self, weight: Weight, order: Order, seen: Option<Seen>) {
        let kind = match weight {
            Weight::Holds => return,
            Weight::Offends => &mut self.certain,
            Weight::OffendsSoFar => &mut self.so_far,
            Weight::Excused => &mut self.excused,
        };
        kind.count += 1;
        if let Some(seen) = seen {
            kind.first = Some((order, seen));
        }
    }

    /// What the gravest offences come to; nothing if there is no offence. `told` puts their number before the first one.
    pub(crate) fn finding(&self, told: impl Fn(u64, &str) -> String) -> Option<Finding> {
        let seen = |kind: &Kind, also: u64| {
            let (_, first) = kind.first.as_ref()?;
            Some(Seen { observed: told(kind.count + also, &first.observed), shown: first.shown.clone() })
        };
        let certain = seen(&self.certain, self.so_far.count).map(Finding::Fails);
        let so_far = || seen(&self.so_far, 0).map(Finding::FailsSoFar);
        certain.or_else(so_far).or_else(|| seen(&self.excused, 0).map(Finding::Excused))
    }
}
