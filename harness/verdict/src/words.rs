//! The words in which claims and what was seen of them are told.

use std::time::Duration;

use scenario::{Condition, Field, FieldTest, FieldValue, Quantifier, RowClaim, Subject, show_duration};

use crate::row::Row;
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
    match &claim.quantifier {
        Quantifier::Every(condition) => format!("{groups}every {population}: {condition}"),
        Quantifier::None(condition) => format!("{groups}no {population}: {condition}"),
        Quantifier::Count(test) => {
            let population = self::population(claim.subject, Plural::Yes, claim.population.as_ref());
            format!("{groups}the number of {population} {test}")
        }
    }
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
    match (subject, plural) {
        (Subject::Exchanges, Plural::Yes) => "exchanges",
        (Subject::Exchanges, Plural::No) => "exchange",
        (Subject::Attempts, Plural::Yes) => "attempts",
        (Subject::Attempts, Plural::No) => "attempt",
        (Subject::Requests, Plural::Yes) => "requests",
        (Subject::Requests, Plural::No) => "request",
    }
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

/// What a row has to do with some tests: `` `status` is 503 and `took` is 12.3ms ``.
pub(crate) fn values<'t>(
    row: Row<'_>,
    tests: impl IntoIterator<Item = &'t FieldTest>,
    scene: &Scene<'_>,
) -> String {
    let told = tests.into_iter().map(|test| {
        let field = test.field.word();
        match row.value(test.field, scene, View::Seen) {
            FieldValue::Missing => format!("there is no `{field}`"),
            value => format!("`{field}` is {}", self::value(value)),
        }
    });
    told.collect::<Vec<_>>().join(" and ")
}

/// A value of a field.
pub(crate) fn value(value: FieldValue<'_>) -> String {
    match value {
        FieldValue::Missing => "nothing".to_owned(),
        FieldValue::Text(text) => format!("`{text}`"),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Measured(number) => self::number(number),
        FieldValue::Duration(duration) => self::duration(duration),
        FieldValue::Flag(flag) => flag.to_string(),
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
    match row {
        Row::Exchange(_, exchange) => format!("exchange {}{at}", exchange.id.0),
        Row::Attempt(..) => {
            let place = group([Field::Key, Field::Upstream, Field::Exchange].into_iter().filter_map(told));
            format!("the attempt {place}{at}")
        }
    }
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
