//! The order in which the keys of each upstream were first used.

use std::collections::HashMap;

use record::{AttemptRow, Moment, NameId};

/// When each key was first seen. It grows with the keys of the world alone.
#[derive(Debug, Default)]
pub(crate) struct KeyOrder {
    upstreams: HashMap<NameId, HashMap<NameId, Moment>>,
}

impl KeyOrder {
    /// Notes the use of a key.
    pub(crate) fn note(&mut self, row: &AttemptRow) {
        if row.key.is_some() {
            let keys = self.upstreams.entry(row.upstream).or_default();
            let first = keys.entry(row.key).or_insert(row.arrived);
            *first = row.arrived.min(*first);
        }
    }

    /// The place of an attempt's key in the order of first use, from 1.
    pub(crate) fn place(&self, row: &AttemptRow) -> Option<i64> {
        let keys = self.upstreams.get(&row.upstream)?;
        let own = (*keys.get(&row.key)?, row.key);
        let earlier = keys.iter().filter(|(key, first)| (**first, **key) < own).count();
        i64::try_from(earlier + 1).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_order_of_their_first_use_whatever_the_order_of_the_rows() {
        let row = |key, arrived| {
            let mut row = AttemptRow::opened(NameId(0), Moment(arrived));
            row.key = NameId(key);
            row
        };
        let mut order = KeyOrder::default();
        for (key, arrived) in [(5, 300), (3, 200), (5, 100), (9, 400)] {
            order.note(&row(key, arrived));
        }
        let places = [5, 3, 9, 1].map(|key| order.place(&row(key, 999)));
        assert_eq!(places, [Some(1), Some(2), Some(3), None]);
        order.note(&AttemptRow::opened(NameId(0), Moment(0)));
        assert_eq!(order.place(&AttemptRow::opened(NameId(0), Moment(0))), None);
    }
}
