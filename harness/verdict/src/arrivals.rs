//! Which request of its upstream an attempt was, by the order of arrival.

use std::collections::HashMap;

use record::{AttemptRow, Moment, NameId};

/// When requests arrived at each upstream: eight bytes for each, and only where a scenario asks which one was which.
#[derive(Debug)]
pub(crate) struct Arrivals {
    wanted: bool,
    upstreams: HashMap<NameId, Vec<Moment>>,
}

impl Arrivals {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { wanted, upstreams: HashMap::new() }
    }

    pub(crate) fn note(&mut self, row: &AttemptRow) {
        if self.wanted {
            let known = self.upstreams.entry(row.upstream).or_default();
            // Rows come nearly in order, so that hardly anything moves.
            let at = known.partition_point(|other| *other <= row.arrived);
            known.insert(at, row.arrived);
        }
    }

    /// Its number among the requests of its upstream, from 1.
    pub(crate) fn place(&self, row: &AttemptRow) -> Option<usize> {
        let known = self.upstreams.get(&row.upstream)?;
        known.binary_search(&row.arrived).ok()?;
        Some(known.partition_point(|other| *other < row.arrived) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_their_arrival_at_each_upstream() {
        let row = |upstream, arrived| AttemptRow::opened(NameId(upstream), Moment(arrived));
        let mut arrivals = Arrivals::new(true);
        for (upstream, arrived) in [(1, 30), (1, 10), (2, 5), (1, 20)] {
            arrivals.note(&row(upstream, arrived));
        }
        let places = [(1, 10), (1, 20), (1, 30), (2, 5), (3, 5)];
        let places = places.map(|(upstream, arrived)| arrivals.place(&row(upstream, arrived)));
        assert_eq!(places, [Some(1), Some(2), Some(3), Some(1), None]);
    }
}
