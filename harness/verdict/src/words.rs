//! The words in which claims and what was seen of them are told.

use std::time::Duration;

use record::Entry;
use scenario::{
    Condition, Field, FieldTest, FieldValue, Money, Operand, Quantifier, RowClaim, Size, Subject, Test,
    show_duration,
};

use crate::fields::carried_in;
use crate::row::{Looked, Row, operands};
use crate::scene::{Scene, View};

/// What a claim about rows asks for.
pub(crate) fn claim(claim: &RowClaim) -> String {
    let population = population(claim.subject, Plural::No, claim.population.as_ref());
    let groups = match claim.per.as_slice() {
        [] => String::new(),
        fields => {
            let words: Vec<&str> = fields.iter().map(|field| group_word(*field)).collect();
            format!("for each {}, ", words.join(" and "))
        }
    };
    let all = || self::population(claim.subject, Plural::Yes, claim.population.as_ref());
    let window = claim.in_any.map_or_else(String::new, |window| format!("within any {}, ", duration(window)));
    let groups = format!("{groups}{window}");
    let of_field = |what: &str, field: Field, test: &Test| {
        format!("{groups}the {what} of `{}` over {} {test}", field.word(), all())
    };
    match &claim.quantifier {
        Quantifier::Every(condition) => format!("{groups}every {population}: {condition}"),
        Quantifier::None(condition) => format!("{groups}no {population}: {condition}"),
        Quantifier::Count(test) => format!("{groups}the number of {} {test}", all()),
        Quantifier::Share(claim) => {
            format!("{groups}the share with {} among {} {}", claim.of, all(), claim.test)
        }
        Quantifier::Estimate(claim) => {
            format!("{groups}in the long run, the share with {} among {} {}", claim.of, all(), claim.test)
        }
        Quantifier::Distribution(claim) => {
            let weights = claim.weights.iter().map(|(name, weight)| format!("{} {weight}", name.value));
            let weights = weights.collect::<Vec<_>>().join(", ");
            format!("{groups}`{}` is distributed over {} as {weights}", claim.of.word(), all())
        }
        Quantifier::Sum(claim) => of_field("sum", claim.of, &claim.test),
        Quantifier::Quantile(claim) => of_field(&format!("{} quantile", claim.at), claim.of, &claim.test),
        Quantifier::Growth(claim) => of_field("growth", claim.of, &claim.test),
        Quantifier::Paired(claim) => {
            of_field("median difference between the two ways", claim.of, &claim.test)
        }
        Quantifier::Distinct(claim) => {
            let name = claim.name.as_ref().map_or_else(String::new, |name| format!(" {name}"));
            format!(
                "{groups}the number of different `{}{name}` over {} {}",
                claim.of.word(),
                all(),
                claim.test
            )
        }
        Quantifier::Peak(test) => format!("{groups}the most {} that are open at once {test}", all()),
        Quantifier::Order(conditions) => {
            format!("in each exchange, {} are, one after the other: {}", all(), listed(conditions))
        }
        Quantifier::Path(conditions) => {
            format!("in each exchange, {} are exactly: {}", all(), listed(conditions))
        }
        Quantifier::Matches(file) => {
            format!("{groups}the text of every {population} is that of `{}`", file.path.value)
        }
    }
}

fn listed(conditions: &[Condition]) -> String {
    conditions.iter().map(|condition| format!("one where {condition}")).collect::<Vec<_>>().join(", then ")
}

/// Whether one or several are spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plural {
    Yes,
    No,
}

/// A population: `attempts where `phase` is storm`.
pub(crate) fn population(subject: Subject, plural: Plural, condition: Option<&Condition>) -> String {
    let noun = noun(subject, plural);
    condition.map_or_else(|| noun.to_owned(), |condition| format!("{noun} where {condition}"))
}

/// So many rows of a subject: `1 attempt`, `2 attempts`.
pub(crate) fn quantity(count: u64, subject: Subject) -> String {
    let plural = if count == 1 { Plural::No } else { Plural::Yes };
    format!("{count} {}", noun(subject, plural))
}

fn noun(subject: Subject, plural: Plural) -> &'static str {
    let (one, many) = match subject {
        Subject::Exchanges => ("exchange", "exchanges"),
        Subject::Attempts => ("attempt", "attempts"),
        Subject::Requests => ("request", "requests"),
        Subject::Events => ("event", "events"),
        Subject::Ledger => ("row of the ledger", "rows of the ledger"),
        Subject::Metrics => ("counter", "counters"),
        Subject::Log => ("line of the log", "lines of the log"),
        Subject::Process => ("figure of the process", "figures of the process"),
        Subject::Files => ("file", "files"),
        Subject::Code => ("piece of code", "pieces of code"),
        Subject::Exit => ("program", "programs"),
    };
    if plural == Plural::Yes { many } else { one }
}

fn group_word(field: Field) -> &'static str {
    if field == Field::NthUsed { "place in the order of first use" } else { field.word() }
}

/// Where a group is: `on key `first` in exchange 0`. The widest part comes last.
pub(crate) fn group<'v>(values: impl IntoIterator<Item = (Field, String)> + 'v) -> String {
    let mut parts: Vec<(u8, String)> = values.into_iter().map(group_part).collect();
    parts.sort_by_key(|(width, _)| *width);
    parts.into_iter().map(|(_, words)| words).collect::<Vec<_>>().join(" ")
}

fn group_part((field, value): (Field, String)) -> (u8, String) {
    match field {
        Field::Key => (0, format!("on key {value}")),
        Field::Upstream => (2, format!("at {value}")),
        Field::Exchange => (3, format!("in exchange {value}")),
        Field::Step | Field::Phase => (4, format!("in {} {value}", field.word())),
        _ => (1, format!("with `{}` {value}", field.word())),
    }
}

/// What a row has to do with some tests, and with what they compare it with: `` `status` is 503 and `took` is 12.3ms ``.
pub(crate) fn values<'t>(
    row: Row<'_>,
    tests: impl IntoIterator<Item = &'t FieldTest>,
    scene: &Scene<'_>,
) -> String {
    let mut looked_at: Vec<(Field, Option<&str>)> = Vec::new();
    for test in tests {
        let compared = operands(&test.test).filter_map(|operand| match operand {
            Operand::Field(field, _) => Some((*field, None)),
            _ => None,
        });
        for field in std::iter::once((test.field, test.name.as_deref())).chain(compared) {
            if !looked_at.contains(&field) {
                looked_at.push(field);
            }
        }
    }
    let told = looked_at.into_iter().map(|(field, name)| self::field(row, field, name, scene));
    told.collect::<Vec<_>>().join(" and ")
}

/// What a row has in a field: `` `took` is 12.3ms ``.
fn field(row: Row<'_>, field: Field, name: Option<&str>, scene: &Scene<'_>) -> String {
    let word = name.map_or_else(|| field.word().to_owned(), |name| format!("{} {name}", field.word()));
    match row.looked_at(field, name, scene, View::Seen) {
        Looked::One(FieldValue::Missing) => format!("there is no `{word}`"),
        Looked::One(value) => format!("`{word}` is {}", self::value(value)),
        Looked::Several(values) if values.is_empty() => format!("there is no `{word}`"),
        Looked::Several(values) => {
            let values: Vec<String> = values.iter().map(|value| placed(row, field, value.value())).collect();
            format!("`{word}` is {}", values.join(" and "))
        }
    }
}

/// One of several values; of what a message carries also where.
fn placed(row: Row<'_>, field: Field, value: FieldValue<'_>) -> String {
    let places = match value {
        FieldValue::Text(what) if field == Field::Carries => carried_in(row, what),
        _ => Vec::new(),
    };
    let told = self::value(value);
    if places.is_empty() { told } else { format!("{told} in {}", places.join(" and ")) }
}

/// A value of a field.
pub(crate) fn value(value: FieldValue<'_>) -> String {
    match value {
        FieldValue::Missing => "nothing".to_owned(),
        FieldValue::Null => "null".to_owned(),
        FieldValue::Text(text) | FieldValue::Header(text) => format!("`{}`", shortened(text)),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Large(number) => number.to_string(),
        FieldValue::Measured(number) => self::number(number),
        FieldValue::Duration(duration) => self::duration(duration),
        FieldValue::Flag(flag) => flag.to_string(),
        FieldValue::Share(share) => share.to_string(),
        FieldValue::Size(bytes) => Size { bytes }.to_string(),
        FieldValue::Money(micros) => Money { micros }.to_string(),
    }
}

/// How much of a long text is told.
const TOLD: usize = 120;

fn shortened(text: &str) -> std::borrow::Cow<'_, str> {
    let line = text.trim_end().replace('\n', "\\n");
    match line.char_indices().nth(TOLD) {
        None if line == text => text.into(),
        None => line.into(),
        Some((end, _)) => format!("{}...", &line[..end]).into(),
    }
}

/// A duration: no finer than people read it, and than rows keep it.
pub(crate) fn duration(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        return show_duration(duration);
    }
    if duration >= Duration::from_secs(10) {
        return format!("{:.1}s", duration.as_secs_f64());
    }
    let millis = format!("{:.3}", duration.as_secs_f64() * 1_000.0);
    format!("{}ms", millis.trim_end_matches('0').trim_end_matches('.'))
}

/// A measured number: without a fraction where it has none.
pub(crate) fn number(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}

/// Which row is meant: `exchange 3`, `the attempt on key `first` in exchange 3 at 12.3ms`.
pub(crate) fn which(row: Row<'_>, scene: &Scene<'_>) -> String {
    let told = |field| match row.value(field, scene, View::Seen) {
        FieldValue::Missing => None,
        value => Some((field, self::value(value))),
    };
    let at = told(Field::At).map_or_else(String::new, |(_, at)| format!(" at {at}"));
    let in_exchange = || row.tree().and_then(|tree| tree.exchange.as_ref()).map(|exchange| exchange.id.0);
    let of_exchange = || in_exchange().map_or_else(String::new, |id| format!(" of exchange {id}"));
    match row {
        Row::Exchange(_, exchange) => format!("exchange {}{at}", exchange.id.0),
        Row::Attempt(..) => {
            let place = group([Field::Key, Field::Upstream, Field::Exchange].into_iter().filter_map(told));
            format!("the attempt {place}{at}")
        }
        Row::Event(..) => {
            let index = row.event().map_or(0, |event| event.index);
            format!("event {index}{}{at}", of_exchange())
        }
        Row::Code(..) => format!("the code in the answer{}", of_exchange()),
        Row::Ledger(..) => match told(Field::TokenClass) {
            Some((_, class)) => format!("the ledger's {class} tokens{}", of_exchange()),
            None => format!("the ledger's row{}", of_exchange()),
        },
        Row::Lone(Entry::Metric(metric)) => format!("counter {}{}{at}", metric.name, labels(&metric.labels)),
        Row::Lone(Entry::Log { .. }) => format!("the line of the log{at}"),
        Row::Lone(Entry::Process(process)) => format!("instance {}{at}", process.instance.max(1)),
        Row::Lone(Entry::Target { .. }) => format!("the target's end{at}"),
        Row::Lone(Entry::File(file)) => format!("file `{}`", file.path),
        Row::Lone(_) => match told(Field::Step) {
            Some((_, step)) => format!("program {step}"),
            None => "a program".to_owned(),
        },
    }
}

fn labels(labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    format!("{{{}}}", labels.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_no_finer_than_people_read_it() {
        for (micros, told) in [
            (20_000_000, "20s"),
            (19_800_000, "19.8s"),
            (19_812_345, "19.8s"),
            (312_500, "312.5ms"),
            (1_500_000, "1500ms"),
            (7, "0.007ms"),
        ] {
            assert_eq!(duration(Duration::from_micros(micros)), told);
        }
    }

    #[test]
    fn a_number_has_a_fraction_only_where_it_is_not_whole() {
        assert_eq!([40.0, 9.5, 0.0].map(number), ["40", "9.50", "0"]);
    }
}
