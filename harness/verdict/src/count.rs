//! `count`: the size of a population, or of each of its groups.

use std::collections::{BTreeMap, HashMap};

use record::{AttemptRow, Shown};
use scenario::{Field, FieldValue, Literal, Operand, RowClaim, Subject, Test};

use crate::finding::{Finding, Seen};
use crate::group::{self, GroupKey, group_of};
use crate::offence::{Offences, Order, Weight};
use crate::row::{Row, depends_on_lag, operands};
use crate::scene::{Scene, View};
use crate::shown::{self, Mark};
use crate::words;

/// How many attempts of a group are kept to be shown.
const KEPT: usize = 6;

/// A claim about the size of a population.
#[derive(Debug)]
pub(crate) struct CountTally<'a> {
    claim: &'a RowClaim,
    test: &'a Test,
    depends_on_lag: bool,
    population: Sizes,
    /// Groups that are complete only at the end.
    open: HashMap<GroupKey, Group>,
    /// Groups of one exchange each, which are complete when it is closed.
    closed: Weighed,
}

/// The size of a population in each view of the harness's lag, the one without lag first.
type Sizes = [u64; View::ALL.len()];

#[derive(Debug)]
struct Group {
    sizes: Sizes,
    first: Order,
    members: Vec<AttemptRow>,
    /// Whether it is one without the lag of the harness.
    seen: bool,
}

/// Groups that were weighed.
#[derive(Debug, Default)]
struct Weighed {
    groups: u64,
    offences: Offences,
}

/// The measured numbers that are known.
type Known<'k> = BTreeMap<&'k str, f64>;

impl<'a> CountTally<'a> {
    pub(crate) fn new(claim: &'a RowClaim, test: &'a Test) -> Self {
        Self {
            claim,
            test,
            depends_on_lag: claim.population.as_ref().is_some_and(depends_on_lag),
            population: Sizes::default(),
            open: HashMap::new(),
            closed: Weighed::default(),
        }
    }

    /// Takes the rows of one exchange, or one that belongs to none. The exchange itself is there if it is a group without any rows.
    pub(crate) fn take(&mut self, rows: &[Row<'_>], exchange: Option<Row<'_>>, scene: &Scene<'_>) {
        let mut closing: Vec<(GroupKey, Vec<Row<'_>>, Sizes, bool)> = Vec::new();
        let closes = self.claim.per.contains(&Field::Exchange);
        for row in rows.iter().copied() {
            let member = self.membership(row, scene);
            // What is lacking counts for nothing, and makes its group.
            let sizes = if row.is_lacking() { Sizes::default() } else { member };
            add(&mut self.population, sizes);
            if self.claim.per.is_empty() || member == [0; View::ALL.len()] {
                continue;
            }
            let Some(key) = group_of(row, &self.claim.per, scene) else { continue };
            if !closes {
                self.add_to_group(key, row, sizes, member[0] > 0);
                continue;
            }
            match closing.iter_mut().find(|(known, ..)| *known == key) {
                Some((_, rows, known, seen)) => {
                    rows.push(row);
                    add(known, sizes);
                    *seen |= member[0] > 0;
                }
                None => closing.push((key, vec![row], sizes, member[0] > 0)),
            }
        }
        if let Some((exchange, key)) =
            exchange.and_then(|row| Some((row, group_of(row, &self.claim.per, scene)?)))
        {
            match closing.iter_mut().find(|(known, ..)| *known == key) {
                Some((.., seen)) => *seen = true,
                None => closing.push((key, vec![exchange], Sizes::default(), true)),
            }
        }
        // A group that is one only by the lag of the harness is none.
        for (key, rows, sizes, _) in closing.into_iter().filter(|(.., seen)| *seen) {
            self.close_group(&key, &rows, sizes, scene);
        }
    }

    pub(crate) fn finding(&self, measured: &Known<'_>, scene: &Scene<'_>) -> Finding {
        if let Some(name) = self.unknown(measured) {
            return Finding::untold(format!("the measured number `{name}` has no value"));
        }
        if self.claim.per.is_empty() {
            self.of_whole(measured, scene)
        } else {
            self.of_groups(measured, scene)
        }
    }

    /// How many groups are open.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.open.len()
    }

    /// In which views a row belongs to the population.
    fn membership(&self, row: Row<'_>, scene: &Scene<'_>) -> Sizes {
        let belongs = |view| u64::from(row.satisfies(self.claim.population.as_ref(), scene, view));
        if self.depends_on_lag { View::ALL.map(belongs) } else { [belongs(View::Seen); View::ALL.len()] }
    }

    fn add_to_group(&mut self, key: GroupKey, row: Row<'_>, sizes: Sizes, seen: bool) {
        let first = row.order();
        let empty = Group { sizes: Sizes::default(), first, members: Vec::new(), seen: false };
        let group = self.open.entry(key).or_insert(empty);
        add(&mut group.sizes, sizes);
        group.seen |= seen;
        group.first = group.first.min(first);
        if let Some(held) = row.attempt() {
            // The earliest are kept, whatever the order in which the rows come.
            let order = |row: &AttemptRow| (row.arrived, row.exchange);
            let at = group.members.partition_point(|member| order(member) <= order(&held.row));
            group.members.insert(at, held.row);
            group.members.truncate(KEPT);
        }
    }

    fn close_group(&mut self, key: &GroupKey, rows: &[Row<'_>], sizes: Sizes, scene: &Scene<'_>) {
        let Some(first) = rows.first() else { return };
        // A test that needs measured numbers was refused, since they are not known yet.
        let weight = self.weigh(sizes, &Known::new(), scene);
        let seen = self.closed.offences.is_first(weight, first.order()).then(|| {
            let marks = self.surplus(rows, scene);
            let observed = self.told(key, sizes);
            let shown = match first.tree() {
                Some(tree) => shown::tree(tree, &marks, scene),
                None => shown::alone(*first, &observed, scene),
            };
            Seen { observed, shown: Some(shown) }
        });
        self.closed.groups += 1;
        self.closed.offences.add(weight, first.order(), seen);
    }

    /// The attempts of a group that are too many.
    fn surplus(&self, rows: &[Row<'_>], scene: &Scene<'_>) -> Vec<Mark> {
        let known = Known::new();
        let holds = |count: usize| self.holds(u64::try_from(count).unwrap_or(u64::MAX), &known, scene);
        let Some(enough) = (0..rows.len()).find(|count| holds(*count)) else { return Vec::new() };
        let note = if self.claim.per.contains(&Field::Key) { "same key again" } else { "one too many" };
        let too_many = rows.iter().enumerate().filter(|(index, _)| *index >= enough && !holds(index + 1));
        too_many.filter_map(|(_, row)| Some(Mark { index: row.index()?, note: note.to_owned() })).collect()
    }

    fn of_whole(&self, measured: &Known<'_>, scene: &Scene<'_>) -> Finding {
        let [size, ..] = self.population;
        let observed = words::quantity(size, self.claim.subject);
        let population =
            words::population(self.claim.subject, words::Plural::Yes, self.claim.population.as_ref());
        let shown = Some(Shown::Numbers(vec![(population, size.to_string())]));
        match self.weigh(self.population, measured, scene) {
            Weight::Holds => Finding::Holds(observed),
            Weight::Offends => Finding::Fails(Seen { observed, shown }),
            Weight::OffendsSoFar => Finding::FailsSoFar(Seen { observed, shown }),
            Weight::Excused => Finding::Excused(Seen { observed, shown }),
        }
    }

    fn of_groups(&self, measured: &Known<'_>, scene: &Scene<'_>) -> Finding {
        let mut ended = Weighed::default();
        for (key, group) in self.open.iter().filter(|(_, group)| group.seen) {
            let weight = self.weigh(group.sizes, measured, scene);
            let first = ended.offences.is_first(weight, group.first);
            ended.groups += 1;
            ended.offences.add(weight, group.first, first.then(|| self.describe(key, group, scene)));
        }
        let weighed = if self.claim.per.contains(&Field::Exchange) { &self.closed } else { &ended };
        let population = words::quantity(self.population[0], self.claim.subject);
        let told = |count: u64, first: &str| match count {
            1 => first.to_owned(),
            _ => format!("{first}; {count} of {} groups offend", weighed.groups),
        };
        let holds = match weighed.groups {
            0 => return self.without_groups(&population, measured, scene),
            1 => format!("{population} in one group, which does not offend"),
            groups => format!("{population} in {groups} groups, none offends"),
        };
        weighed.offences.finding(told).unwrap_or(Finding::Holds(holds))
    }

    /// No row at all may be just what was asked for. Rows that belong to no group were never put to the test.
    fn without_groups(&self, population: &str, measured: &Known<'_>, scene: &Scene<'_>) -> Finding {
        if self.population[0] == 0 && self.holds(0, measured, scene) {
            return Finding::Holds(population.to_owned());
        }
        let fields: Vec<String> = self.claim.per.iter().map(|field| format!("`{}`", field.word())).collect();
        Finding::Empty(format!("{population}, and none that could be grouped by {}", fields.join(" and ")))
    }

    fn describe(&self, key: &GroupKey, group: &Group, scene: &Scene<'_>) -> Seen {
        let observed = self.told(key, group.sizes);
        let shown = match self.claim.subject {
            Subject::Attempts => shown::window(observed.clone(), &group.members, group.sizes[0], scene),
            _ => Shown::Numbers(vec![(self.place(key), words::quantity(group.sizes[0], self.claim.subject))]),
        };
        Seen { observed, shown: Some(shown) }
    }

    fn told(&self, key: &GroupKey, [size, ..]: Sizes) -> String {
        format!("{} {}", words::quantity(size, self.claim.subject), self.place(key))
    }

    fn place(&self, key: &GroupKey) -> String {
        group::place(&self.claim.per, key)
    }

    fn weigh(&self, sizes: Sizes, measured: &Known<'_>, scene: &Scene<'_>) -> Weight {
        let holds = |size: &u64| self.holds(*size, measured, scene);
        let [seen, ..] = sizes;
        if holds(&seen) {
            Weight::Holds
        } else if sizes.iter().any(holds) {
            Weight::Excused
        } else if self.is_measured() || self.limits().any(|limit| limit > seen && holds(&limit)) {
            Weight::OffendsSoFar
        } else {
            Weight::Offends
        }
    }

    /// Whether the size is compared with a measured number, which is not final before the end.
    fn is_measured(&self) -> bool {
        operands(self.test).any(|operand| matches!(operand, Operand::Measured(..)))
    }

    /// Sizes that decide whether a larger population can pass: those at and beside every number of the test, where its
    /// answer can change, and one that is larger than any.
    fn limits(&self) -> impl Iterator<Item = u64> {
        let numbers = operands(self.test).flat_map(|operand| match operand {
            Operand::Literal(Literal::Number(number)) => [*number, *number],
            Operand::Literal(Literal::Range(from, to)) => [*from, *to],
            _ => [0, 0],
        });
        let beside = numbers.flat_map(|number| [number.saturating_sub(1), number, number.saturating_add(1)]);
        beside.chain([i64::MAX]).filter_map(|number| u64::try_from(number).ok())
    }

    fn holds(&self, size: u64, measured: &Known<'_>, scene: &Scene<'_>) -> bool {
        let size = FieldValue::Number(i64::try_from(size).unwrap_or(i64::MAX));
        let known = |number: Option<f64>| number.map_or(FieldValue::Missing, FieldValue::Measured);
        self.test.holds_with(size, &mut |operand| match operand {
            Operand::Measured(name, _) => known(measured.get(name.as_str()).copied()),
            Operand::Bound(name, _) => known(scene.bounds.get(name).copied()),
            Operand::Literal(_) | Operand::Field(..) => FieldValue::Missing,
        })
    }

    /// A measured number that the test needs and that has no value.
    fn unknown(&self, measured: &Known<'_>) -> Option<&str> {
        operands(self.test).find_map(|operand| match operand {
            Operand::Measured(name, _) if !measured.contains_key(name.as_str()) => Some(name.as_str()),
            _ => None,
        })
    }
}

fn add(sizes: &mut Sizes, more: Sizes) {
    for (size, more) in sizes.iter_mut().zip(more) {
        *size += more;
    }
}
