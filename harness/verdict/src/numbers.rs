//! Claims about numbers that are taken from a population: shares, estimates, distributions, sums, quantiles, growth, peaks, and
//! counts within windows. All of them are computed with whole numbers.

use std::collections::{BTreeMap, HashMap};

use record::{Moment, Shown};
use scenario::{Comparator, Condition, Field, Operand, Quantifier, RowClaim, Test};

use crate::figures::{self, Figures};
use crate::finding::{Finding, Seen};
use crate::group::{self, GroupKey, group_of, part_of};
use crate::offence::{Offences, Weight};
use crate::row::{Row, depends_on_lag, lags, operands};
use crate::scene::{Scene, View};
use crate::words;

/// How many rows are kept to take a number from. Each takes some forty bytes.
const MOST_ROWS: usize = 8_000_000;

/// A claim about a number.
#[derive(Debug)]
pub(crate) struct NumberTally<'a> {
    claim: &'a RowClaim,
    /// The fields whose values are kept: the one that the number is taken from, and those that it is compared with.
    fields: Vec<Field>,
    /// The rows in each view of the harness's lag; only the first one if lag makes no difference.
    views: Vec<Groups>,
    kept: usize,
    too_many: bool,
}

type Groups = HashMap<GroupKey, Group>;

/// The rows of a group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) items: Vec<Item>,
    /// The values of rows whose field is counted, in the order in which they were first seen.
    pub(crate) values: Vec<String>,
    numbers: HashMap<String, i64>,
}

/// What is kept of a row.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) from: Moment,
    pub(crate) exchange: u32,
    /// When it was over; none for what never was.
    pub(crate) to: Option<Moment>,
    /// Whether it satisfies the condition that is asked for.
    pub(crate) hit: bool,
    /// Its values, one for each field that is kept; none where it has no such value.
    pub(crate) values: Vec<Option<i64>>,
}

/// What a number came to.
#[derive(Debug)]
pub(crate) struct Weighed {
    pub(crate) weight: Weight,
    pub(crate) observed: String,
    pub(crate) numbers: Vec<(String, String)>,
}

/// What cannot be concluded from a group.
#[derive(Debug)]
pub(crate) enum Inconclusive {
    /// There is too little of it.
    TooFew(String),
    /// It does not tell.
    Unknown(String),
}

impl<'a> NumberTally<'a> {
    pub(crate) fn new(claim: &'a RowClaim) -> Self {
        let compared = claim.test().into_iter().flat_map(operands).filter_map(|operand| match operand {
            Operand::Field(field, _) => Some(*field),
            _ => None,
        });
        let fields: Vec<Field> = claim.of().into_iter().chain(compared).collect();
        let depends_on_lag =
            claim.conditions().any(depends_on_lag) || fields.iter().any(|field| lags(*field));
        let views = if depends_on_lag { View::ALL.len() } else { 1 };
        Self { claim, fields, views: (0..views).map(|_| Groups::new()).collect(), kept: 0, too_many: false }
    }

    pub(crate) fn take(&mut self, row: Row<'_>, scene: &Scene<'_>) {
        if self.kept >= MOST_ROWS {
            self.too_many = true;
            return;
        }
        for (index, view) in View::ALL.into_iter().enumerate().take(self.views.len()) {
            if !row.satisfies(self.claim.population.as_ref(), scene, view) {
                continue;
            }
            let Some(key) = group_of(row, &self.claim.per, scene) else { continue };
            let (from, exchange) = row.order();
            let hit = self.of().is_some_and(|of| row.satisfies(Some(of), scene, view));
            let group = self.views[index].entry(key).or_default();
            let values = match &self.claim.quantifier {
                Quantifier::Distribution(claim) => vec![figures::category(row, claim.of, group, scene)],
                Quantifier::Distinct(claim) => figures::values_of(row, claim, group, scene),
                _ => self.fields.iter().map(|field| figures::whole(row.value(*field, scene, view))).collect(),
            };
            group.items.push(Item { from, exchange, to: row.end(), hit, values });
            self.kept += 1;
        }
    }

    pub(crate) fn finding(&self, measured: &BTreeMap<&str, f64>, scene: &Scene<'_>) -> Finding {
        if self.too_many {
            return Finding::Unknown(format!("there are more than {MOST_ROWS} rows to take a number from"));
        }
        if let Some(name) = self.unknown(measured) {
            return Finding::Unknown(format!("the measured number `{name}` has no value"));
        }
        let Some(seen) = self.views.first().filter(|groups| !groups.is_empty()) else {
            return self.of_nothing(measured, scene);
        };
        let mut keys: Vec<&GroupKey> = seen.keys().collect();
        keys.sort();
        let mut offences = Offences::default();
        let mut first_held = None;
        let mut doubt = None;
        for key in &keys {
            match self.weigh(key, measured, scene) {
                Ok(weighed) => {
                    let begin = seen[*key].items.iter().map(|item| (item.from, item.exchange)).min();
                    let order = begin.unwrap_or((Moment(0), 0));
                    let place = self.placed(key, &weighed.observed);
                    first_held.get_or_insert_with(|| place.clone());
                    let described = offences.is_first(weighed.weight, order);
                    let shown = Some(Shown::Numbers(weighed.numbers));
                    offences.add(weighed.weight, order, described.then_some(Seen { observed: place, shown }));
                }
                Err(Inconclusive::TooFew(reason)) => {
                    doubt.get_or_insert(Finding::Empty(self.placed(key, &reason)));
                }
                Err(Inconclusive::Unknown(reason)) => {
                    doubt.get_or_insert(Finding::Unknown(self.placed(key, &reason)));
                }
            }
        }
        let groups = keys.len();
        let told = |count: u64, first: &str| match groups {
            1 => first.to_owned(),
            _ => format!("{first}; {count} of {groups} groups offend"),
        };
        let holds = || {
            let first = first_held.unwrap_or_default();
            Finding::Holds(if groups == 1 {
                first
            } else {
                format!("{first}; none of {groups} groups offends")
            })
        };
        match offences.finding(told) {
            Some(finding @ Finding::Fails(_)) => finding,
            other => doubt.or(other).unwrap_or_else(holds),
        }
    }

    /// The number of one group, in every view: an offence stands only if it is one in each.
    fn weigh(
        &self,
        key: &GroupKey,
        measured: &BTreeMap<&str, f64>,
        scene: &Scene<'_>,
    ) -> Result<Weighed, Inconclusive> {
        let figures = Figures { claim: self.claim, fields: &self.fields, measured, scene };
        let empty = Group::default();
        let in_view = |groups: &Groups| figures.weigh(groups.get(key).unwrap_or(&empty));
        let seen = self.views.first().map_or_else(|| figures.weigh(&empty), in_view)?;
        if seen.weight == Weight::Holds {
            return Ok(seen);
        }
        let excused = self.views.iter().skip(1).map(in_view).any(|other| match other {
            Ok(other) => other.weight == Weight::Holds,
            Err(_) => true,
        });
        Ok(if excused { Weighed { weight: Weight::Excused, ..seen } } else { seen })
    }

    /// A population that is empty is one of which nothing holds, except that it may be counted.
    fn of_nothing(&self, measured: &BTreeMap<&str, f64>, scene: &Scene<'_>) -> Finding {
        let population =
            words::population(self.claim.subject, words::Plural::No, self.claim.population.as_ref());
        let counts = matches!(self.claim.quantifier, Quantifier::Count(_) | Quantifier::Peak(_));
        let figures = Figures { claim: self.claim, fields: &self.fields, measured, scene };
        match figures.weigh(&Group::default()) {
            Ok(Weighed { weight: Weight::Holds, observed, .. }) if counts => Finding::Holds(observed),
            _ => Finding::Empty(format!("there was no {population}")),
        }
    }

    fn placed(&self, key: &GroupKey, told: &str) -> String {
        if key.is_empty() {
            told.to_owned()
        } else {
            format!("{} {told}", group::place(&self.claim.per, key))
        }
    }

    /// The condition whose share is asked for.
    fn of(&self) -> Option<&'a Condition> {
        match &self.claim.quantifier {
            Quantifier::Share(share) => Some(&share.of),
            Quantifier::Estimate(estimate) => Some(&estimate.of),
            _ => None,
        }
    }

    /// A measured number that the test needs and that has no value.
    fn unknown(&self, measured: &BTreeMap<&str, f64>) -> Option<&str> {
        self.claim.test().into_iter().flat_map(operands).find_map(|operand| match operand {
            Operand::Measured(name, _) if !measured.contains_key(name.as_str()) => Some(name.as_str()),
            _ => None,
        })
    }
}

impl Group {
    /// The number of a value that is counted.
    pub(crate) fn number_of(&mut self, value: &str) -> i64 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = i64::try_from(self.values.len()).unwrap_or(i64::MAX);
        self.values.push(value.to_owned());
        self.numbers.insert(value.to_owned(), number);
        number
    }
}

/// Whether a test only sets upper limits, so that no smaller number offends.
pub(crate) fn only_upper(test: &Test) -> bool {
    test.comparisons
        .iter()
        .all(|comparison| matches!(comparison.comparator, Comparator::AtMost | Comparator::Below))
}

/// A value of a row as a text that is counted.
pub(crate) fn told(row: Row<'_>, field: Field, scene: &Scene<'_>) -> Option<String> {
    Some(match part_of(row.value(field, scene, View::Seen))? {
        group::Part::Text(text) => text,
        group::Part::Number(number) => number.to_string(),
        group::Part::Flag(flag) => flag.to_string(),
        group::Part::Nothing => return None,
    })
}
