//! Claims about the order of attempts or events within their exchange: `order` and `path`.

use scenario::{Condition, Field, Quantifier, RowClaim};

use crate::finding::{Finding, Seen};
use crate::offence::{Offences, Weight};
use crate::row::{Row, depends_on_lag, fields_of};
use crate::scene::{Scene, View};
use crate::shown::{self, Mark};
use crate::tree::OpenTree;
use crate::words;

/// A claim about the order of attempts or events.
#[derive(Debug)]
pub(crate) struct SequenceTally<'a> {
    claim: &'a RowClaim,
    conditions: &'a [Condition],
    exact: bool,
    depends_on_lag: bool,
    exchanges: u64,
    offences: Offences,
}

/// Where an order is left.
struct Break {
    /// The place among the rows; that of the last one and one more if some are lacking.
    at: usize,
    note: String,
}

impl<'a> SequenceTally<'a> {
    pub(crate) fn new(claim: &'a RowClaim, conditions: &'a [Condition]) -> Self {
        Self {
            claim,
            conditions,
            exact: matches!(claim.quantifier, Quantifier::Path(_)),
            depends_on_lag: claim.conditions().any(depends_on_lag),
            exchanges: 0,
            offences: Offences::default(),
        }
    }

    /// Takes the rows of one exchange. What joins no exchange has no place in an order.
    pub(crate) fn take(&mut self, tree: &OpenTree, rows: &[Row<'_>], scene: &Scene<'_>) {
        let Some(exchange) = &tree.exchange else { return };
        let population = self.population(rows, scene, View::Seen);
        if population.is_empty() && !(self.exact && self.is_meant(Row::Exchange(tree, exchange), scene)) {
            return;
        }
        self.exchanges += 1;
        let broken = self.broken(&population, scene, View::Seen);
        let weight = match &broken {
            None => Weight::Holds,
            Some(_) if self.is_excused(rows, scene) => Weight::Excused,
            // An exchange that lacks something might have gone on.
            Some(broken) if broken.at >= population.len() => Weight::OffendsSoFar,
            Some(_) => Weight::Offends,
        };
        let order = (exchange.intended, exchange.id.0);
        let seen = broken.filter(|_| self.offences.is_first(weight, order)).map(|broken| {
            let index = population.get(broken.at).and_then(|row| row.index());
            let marks: Vec<Mark> =
                index.map(|index| Mark { index, note: broken.note.clone() }).into_iter().collect();
            let observed = format!("{}: {}", words::which(Row::Exchange(tree, exchange), scene), broken.note);
            Seen { observed, shown: Some(shown::tree(tree, &marks, scene)) }
        });
        self.offences.add(weight, order, seen);
    }

    pub(crate) fn finding(&self) -> Finding {
        if self.exchanges == 0 {
            let population =
                words::population(self.claim.subject, words::Plural::No, self.claim.population.as_ref());
            return Finding::Empty(format!("there was no {population}"));
        }
        let exchanges = words::quantity(self.exchanges, scenario::Subject::Exchanges);
        let told = |count: u64, first: &str| {
            let offend = if count == 1 { "offends" } else { "offend" };
            format!("{count} of {exchanges} {offend}; the first: {first}")
        };
        self.offences.finding(told).unwrap_or_else(|| Finding::Holds(format!("{exchanges}, none offends")))
    }

    fn population<'t>(&self, rows: &[Row<'t>], scene: &Scene<'_>, view: View) -> Vec<Row<'t>> {
        let population = self.claim.population.as_ref();
        rows.iter().copied().filter(|row| row.satisfies(population, scene, view)).collect()
    }

    /// Whether an exchange without any such attempt is one that the claim is about: by what it has in common with its attempts.
    fn is_meant(&self, exchange: Row<'_>, scene: &Scene<'_>) -> bool {
        let Row::Exchange(_, row) = exchange else { return false };
        let common = |field| {
            matches!(field, Field::Step | Field::Phase | Field::Request | Field::Tenant | Field::Exchange)
        };
        let population = self.claim.population.as_ref();
        row.request.is_some()
            && population.is_none_or(|population| fields_of(population).all(common))
            && exchange.satisfies(population, scene, View::Seen)
    }

    fn is_excused(&self, rows: &[Row<'_>], scene: &Scene<'_>) -> bool {
        self.depends_on_lag
            && View::ALL
                .iter()
                .any(|view| self.broken(&self.population(rows, scene, *view), scene, *view).is_none())
    }

    /// Where rows leave an order that goes from the first condition on and skips none. A row may satisfy several conditions,
    /// so every place at which the order may be is gone along with.
    fn left_order(
        &self,
        rows: &[Row<'_>],
        satisfies: &dyn Fn(&Row<'_>, &Condition) -> bool,
    ) -> Option<Break> {
        let mut places = vec![false; self.conditions.len()];
        rows.iter().enumerate().find_map(|(at, row)| {
            let reached: Vec<bool> = self
                .conditions
                .iter()
                .enumerate()
                .map(|(place, condition)| {
                    let from_here = places[place] || if place == 0 { at == 0 } else { places[place - 1] };
                    from_here && satisfies(row, condition)
                })
                .collect();
            if reached.contains(&true) {
                places = reached;
                return None;
            }
            let wanted = if at == 0 { "in the first place" } else { "behind the one before it" };
            Some(Break { at, note: format!("it is not what is wanted {wanted}") })
        })
    }

    /// Where the attempts leave the order, if they do.
    fn broken(&self, rows: &[Row<'_>], scene: &Scene<'_>, view: View) -> Option<Break> {
        let satisfies = |row: &Row<'_>, condition: &Condition| row.satisfies(Some(condition), scene, view);
        if !self.exact {
            return self.left_order(rows, &satisfies);
        }
        let wrong = rows.iter().zip(self.conditions).position(|(row, condition)| !satisfies(row, condition));
        if let Some(at) = wrong {
            let what = words::population(self.claim.subject, words::Plural::No, None);
            let note = format!("{what} {} is not one where {}", at + 1, self.conditions[at]);
            return Some(Break { at, note });
        }
        let (came, wanted) = (rows.len(), self.conditions.len());
        (came != wanted)
            .then(|| Break { at: came.min(wanted), note: format!("{came} came where {wanted} are wanted") })
    }
}
