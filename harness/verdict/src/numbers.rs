//! Claims about numbers that are taken from a population: shares, estimates, distributions, sums, quantiles, growth, peaks, and
//! counts within windows. What is counted or added is exact; see [`crate::spread`] for what is ordered.

use std::collections::{BTreeMap, HashMap};

use record::{Doubt, Shown};
use scenario::{Comparator, Condition, Field, Operand, Quantifier, RowClaim, Test};

use crate::figures::Figures;
use crate::finding::{Finding, Seen};
use crate::gathered::{Gathered, whole};
use crate::group::{self, GroupKey, group_of};
use crate::offence::{Offences, Order, Weight};
use crate::row::{Row, depends_on_lag, lags, operands};
use crate::scene::{Scene, View};
use crate::words;

/// How many rows are kept where their order decides: windows, peaks, growth and pairs. Each takes 24 bytes, and 16 for a value.
const MOST_ROWS: usize = 4_000_000;

/// A claim about a number.
#[derive(Debug)]
pub(crate) struct NumberTally<'a> {
    claim: &'a RowClaim,
    /// The fields whose values are kept: the one that the number is taken from, and those that it is compared with.
    fields: Vec<Field>,
    /// How many views of the harness's lag there are; one if lag makes no difference.
    views: usize,
    /// What a group begins with.
    bounds: &'a BTreeMap<String, f64>,
    /// Groups that are complete only at the end.
    open: HashMap<GroupKey, Group>,
    /// What came of groups of one exchange each, which are complete when it is closed.
    closed: Outcomes,
    kept: usize,
    too_many: bool,
}

/// The rows of a group.
#[derive(Debug)]
struct Group {
    /// When the first one began.
    first: Order,
    /// Whether it is a group whatever rows it has.
    by_itself: bool,
    /// The rows in each view of the harness's lag, the one without lag first.
    views: Vec<Gathered>,
}

/// What groups came to.
#[derive(Debug, Default)]
struct Outcomes {
    groups: u64,
    offences: Offences,
    /// The first group that does not offend, in the order of the groups.
    held: Option<(GroupKey, String)>,
    /// The first group from which nothing can be concluded.
    doubt: Option<(GroupKey, Inconclusive)>,
}

/// What a number came to.
#[derive(Debug)]
pub(crate) struct Weighed {
    pub(crate) weight: Weight,
    pub(crate) observed: String,
    pub(crate) numbers: Vec<(String, String)>,
}

/// What cannot be concluded from a group.
#[derive(Clone, Debug)]
pub(crate) enum Inconclusive {
    /// There is too little of it to be looked at at all.
    TooFew(String),
    /// There is too little of it to see what must be seen.
    TooWeak(String),
    /// It does not tell.
    Unknown(String),
}

/// The measured numbers that are known.
type Known<'k> = BTreeMap<&'k str, f64>;

impl<'a> NumberTally<'a> {
    pub(crate) fn new(claim: &'a RowClaim, bounds: &'a BTreeMap<String, f64>) -> Self {
        let compared = claim.test().into_iter().flat_map(operands).filter_map(|operand| match operand {
            Operand::Field(field, _) => Some(*field),
            _ => None,
        });
        let fields: Vec<Field> = claim.of().into_iter().chain(compared).collect();
        let depends_on_lag =
            claim.conditions().any(depends_on_lag) || fields.iter().any(|field| lags(*field));
        Self {
            claim,
            fields,
            views: if depends_on_lag { View::ALL.len() } else { 1 },
            bounds,
            open: HashMap::new(),
            closed: Outcomes::default(),
            kept: 0,
            too_many: false,
        }
    }

    /// Takes the rows of one exchange, or one that belongs to none. The exchange itself is there if it is a group without any rows.
    pub(crate) fn take(&mut self, rows: &[Row<'_>], exchange: Option<Row<'_>>, scene: &Scene<'_>) {
        let closes = self.closes();
        let mut groups = if closes { HashMap::new() } else { std::mem::take(&mut self.open) };
        rows.iter().for_each(|row| self.gather(&mut groups, *row, scene));
        if let Some((row, key)) = exchange.and_then(|row| Some((row, group_of(row, &self.claim.per, scene)?)))
        {
            groups.entry(key).or_insert_with(|| self.group(row.order())).by_itself = true;
        }
        if !closes {
            self.open = groups;
            return;
        }
        // What was kept of them is given up with them.
        self.kept = 0;
        for (key, group) in groups.into_iter().filter(|(_, group)| group.is_one()) {
            let outcome = self.weigh(&group, &Known::new(), scene);
            self.closed.add(&self.claim.per, key, group.first, outcome);
        }
    }

    /// Whether each group is complete when its exchange is closed, and weighed then. Measured numbers are known only at the end.
    fn closes(&self) -> bool {
        let measured = |test| operands(test).any(|operand| matches!(operand, Operand::Measured(..)));
        self.claim.per.contains(&Field::Exchange) && !self.claim.test().is_some_and(measured)
    }

    fn gather(&mut self, groups: &mut HashMap<GroupKey, Group>, row: Row<'_>, scene: &Scene<'_>) {
        if self.kept >= MOST_ROWS {
            self.too_many = true;
            return;
        }
        for (index, view) in View::ALL.into_iter().enumerate().take(self.views) {
            if !row.satisfies(self.claim.population.as_ref(), scene, view) {
                continue;
            }
            let Some(key) = group_of(row, &self.claim.per, scene) else { continue };
            let group = groups.entry(key).or_insert_with(|| self.group(row.order()));
            if index == 0 {
                group.first = group.first.min(row.order());
            }
            let hit = self.of().is_some_and(|of| row.satisfies(Some(of), scene, view));
            let values = self.fields.iter().map(|field| whole(row.value(*field, scene, view)));
            let gathered = &mut group.views[index];
            gathered.take(row, hit, values, &self.claim.quantifier, scene);
            self.kept += usize::from(gathered.keeps_rows());
        }
    }

    fn group(&self, first: Order) -> Group {
        Group { first, by_itself: false, views: (0..self.views).map(|_| self.nothing()).collect() }
    }

    fn nothing(&self) -> Gathered {
        Gathered::new(self.claim, &self.fields, self.bounds)
    }

    pub(crate) fn finding(&self, measured: &Known<'_>, scene: &Scene<'_>) -> Finding {
        if self.too_many {
            return Finding::untold(format!("there are more than {MOST_ROWS} rows to take a number from"));
        }
        if let Some(name) = self.unknown(measured) {
            return Finding::untold(format!("the measured number `{name}` has no value"));
        }
        let mut ended = Outcomes::default();
        for (key, group) in self.open.iter().filter(|(_, group)| group.is_one()) {
            ended.add(&self.claim.per, key.clone(), group.first, self.weigh(group, measured, scene));
        }
        let outcomes = if self.closes() { &self.closed } else { &ended };
        outcomes.finding().unwrap_or_else(|| self.of_nothing(measured, scene))
    }

    /// The number of one group, in every view: an offence stands only if it is one in each.
    fn weigh(&self, group: &Group, measured: &Known<'_>, scene: &Scene<'_>) -> Result<Weighed, Inconclusive> {
        let figures = Figures { claim: self.claim, fields: &self.fields, measured, scene };
        let Some((seen, others)) = group.views.split_first() else {
            return figures.weigh(&self.nothing());
        };
        let seen = figures.weigh(seen)?;
        if seen.weight == Weight::Holds {
            return Ok(seen);
        }
        let excused = others.iter().map(|other| figures.weigh(other)).any(|other| match other {
            Ok(other) => other.weight == Weight::Holds,
            Err(_) => true,
        });
        Ok(if excused { Weighed { weight: Weight::Excused, ..seen } } else { seen })
    }

    /// A population that is empty is one of which nothing holds, except that it may be counted, and its values may be too few.
    fn of_nothing(&self, measured: &Known<'_>, scene: &Scene<'_>) -> Finding {
        let population =
            words::population(self.claim.subject, words::Plural::No, self.claim.population.as_ref());
        let counts = matches!(self.claim.quantifier, Quantifier::Count(_) | Quantifier::Peak(_));
        let figures = Figures { claim: self.claim, fields: &self.fields, measured, scene };
        match figures.weigh(&self.nothing()) {
            Ok(Weighed { weight: Weight::Holds, observed, .. }) if counts => Finding::Holds(observed),
            Ok(Weighed { observed, numbers, .. })
                if matches!(self.claim.quantifier, Quantifier::Distinct(_)) =>
            {
                let seen = Seen { observed, shown: Some(Shown::Numbers(numbers)) };
                // Groups that are none but by the lag of the harness might have had values.
                if self.open.is_empty() { Finding::FailsSoFar(seen) } else { Finding::Excused(seen) }
            }
            _ => Finding::Empty(format!("there was no {population}")),
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
    fn unknown(&self, measured: &Known<'_>) -> Option<&str> {
        self.claim.test().into_iter().flat_map(operands).find_map(|operand| match operand {
            Operand::Measured(name, _) if !measured.contains_key(name.as_str()) => Some(name.as_str()),
            _ => None,
        })
    }

    /// How much is kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        let groups = self.open.values().flat_map(|group| &group.views);
        self.open.len() + groups.map(Gathered::kept).sum::<usize>()
    }
}

impl Group {
    /// A group that is one only by the lag of the harness is none.
    fn is_one(&self) -> bool {
        self.by_itself || self.views.first().is_some_and(|seen| seen.count > 0)
    }
}

impl Outcomes {
    fn add(&mut self, per: &[Field], key: GroupKey, first: Order, outcome: Result<Weighed, Inconclusive>) {
        self.groups += 1;
        let placed = |told: &str| {
            if key.is_empty() { told.to_owned() } else { format!("{} {told}", group::place(per, &key)) }
        };
        match outcome {
            Ok(weighed) => {
                let place = placed(&weighed.observed);
                let described = self.offences.is_first(weighed.weight, first);
                let seen = described
                    .then(|| Seen { observed: place.clone(), shown: Some(Shown::Numbers(weighed.numbers)) });
                self.offences.add(weighed.weight, first, seen);
                keep_first(&mut self.held, key, place);
            }
            Err(doubt) => {
                let doubt = doubt.told(|reason| placed(&reason));
                keep_first(&mut self.doubt, key, doubt);
            }
        }
    }

    /// What the groups come to; nothing if there is none.
    fn finding(&self) -> Option<Finding> {
        let groups = self.groups;
        let told = |count: u64, first: &str| match groups {
            1 => first.to_owned(),
            _ => format!("{first}; {count} of {groups} groups offend"),
        };
        let held = || {
            let (_, first) = self.held.as_ref()?;
            Some(Finding::Holds(match groups {
                1 => first.clone(),
                _ => format!("{first}; none of {groups} groups offends"),
            }))
        };
        match self.offences.finding(told) {
            Some(finding @ Finding::Fails(_)) => Some(finding),
            other => self.doubt.as_ref().map(|(_, doubt)| doubt.finding()).or(other).or_else(held),
        }
    }
}

/// Keeps what belongs to the first of all groups in their order, whatever the order in which they come.
fn keep_first<T>(kept: &mut Option<(GroupKey, T)>, key: GroupKey, value: T) {
    if kept.as_ref().is_none_or(|(known, _)| key < *known) {
        *kept = Some((key, value));
    }
}

impl Inconclusive {
    fn told(self, place: impl Fn(String) -> String) -> Self {
        match self {
            Self::TooFew(reason) => Self::TooFew(place(reason)),
            Self::TooWeak(reason) => Self::TooWeak(place(reason)),
            Self::Unknown(reason) => Self::Unknown(place(reason)),
        }
    }

    fn finding(&self) -> Finding {
        match self {
            Self::TooFew(reason) => Finding::Empty(reason.clone()),
            Self::TooWeak(reason) => Finding::Unknown(Doubt::TooFew, reason.clone()),
            Self::Unknown(reason) => Finding::untold(reason.as_str()),
        }
    }
}

/// Whether a test only sets upper limits, so that no smaller number offends.
pub(crate) fn only_upper(test: &Test) -> bool {
    test.comparisons
        .iter()
        .all(|comparison| matches!(comparison.comparator, Comparator::AtMost | Comparator::Below))
}
