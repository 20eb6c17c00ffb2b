//! Quantifiers: how many of a population must satisfy something, and what numbers taken from it must be.

use serde_json::json;

use crate::json_path;
use crate::model::{Comparator, Condition, Field, FieldKind, FileText, Literal, Operand, Test};
use crate::node::{Node, Span, Value};
use crate::problem::Problem;
use crate::read::{At, Fields, Named, ObjectSchema, Property, Read, SchemaBook, Share, choice};

choice! {
    /// How many of a population must satisfy something.
    "a quantifier" => Quantifier {
        /// Each of the population satisfies the condition. An empty population is not exercised.
        /// For example `every: { status: 200 }`.
        "every" => Every(Condition),
        /// None of the population satisfies the condition, which holds the offence. An empty population is not
        /// exercised.
        /// For example `none: { cooling: true }`.
        "none" => None(Condition),
        /// The size of the population passes the test. It may be 0 if the witness held.
        /// For example `count: { at_most: 1 }` or `count: 20`.
        "count" => Count(Test),
        /// The share of the population that satisfies a condition, in exact integers.
        /// For example `share: { of: { status: 200 }, at_least: 99% }`.
        "share" => Share(ShareClaim),
        /// The share that a condition has in the long run, estimated from the population with its error rates.
        /// For example `estimate: { of: { status: 200 }, at_least: 99%, false_alarm: 0.1%, notices: 95% }`.
        "estimate" => Estimate(EstimateClaim),
        /// How a field's values are distributed, by a chi-square test with its error rates.
        /// For example `distribution: { of: key, as: { first: 3, second: 1 }, false_alarm: 0.1%, notices: 10% }`.
        "distribution" => Distribution(DistributionClaim),
        /// The sum of a field. For example `sum: { of: cost, at_most: 10 USD }`.
        "sum" => Sum(FieldClaim),
        /// A quantile of a field: the smallest value that so many of the population do not exceed. A row without a value
        /// is above all others; too few rows for the quantile are not exercised.
        /// For example `quantile: { of: took, at: 99%, at_most: 1s }`.
        "quantile" => Quantile(QuantileClaim),
        /// How much a field grew from the first tenth of the population to its last: the growth of the median, as a
        /// share.
        /// For example `growth: { of: memory, at_most: 10% }`.
        "growth" => Growth(GrowthClaim),
        /// How much larger a field is through the target than straight to the upstream: the median of the differences between the two
        /// exchanges of each pair that a phase with `against: paired` sends. Where the interval in which that median lies for certain
        /// enough reaches across the limit, there are too few pairs to tell.
        /// For example `paired: { of: service, at_most: 5ms, false_alarm: 0.1% }`.
        "paired" => Paired(PairedClaim),
        /// How many different values a field has in the population; a row without one is a doubt, and nothing at all has none.
        /// For example `distinct: { of: key, at_least: 2 }` or `distinct: { of: { json: $.id }, is: 20 }`.
        "distinct" => Distinct(DistinctClaim),
        /// The most of the population that were open at once. For example `peak: { at_most: 5 }`.
        "peak" => Peak(Test),
        /// In each exchange the attempts, or the events, satisfy these conditions one after the other, each for a while and
        /// from the first one on. None is skipped; the last ones may not be reached.
        /// For example `order: [{ upstream: openai }, { upstream: azure }]`.
        "order" => Order(Vec<Condition>),
        /// In each exchange there are exactly these attempts, or events, in this order.
        /// For example `path: [{ key: first, status: 429 }, { key: second, status: 200 }]`.
        "path" => Path(Vec<Condition>),
        /// The text of each of the population is that of a file. For example `matches: golden/answer.txt`.
        "matches" => Matches(FileText),
    }
}

/// The share of a population that satisfies a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareClaim {
    /// The condition.
    pub of: Condition,
    /// What the share must be.
    pub test: Test,
}

/// The share that a condition has in the long run.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimateClaim {
    /// The condition.
    pub of: Condition,
    /// What the share must be: one of `at_least`, `at_most`.
    pub test: Test,
    /// How often a target that just keeps it may be said to break it.
    pub false_alarm: Share,
    /// A share that must be noticed as a breach, nine times in ten; a sample too small for that is inconclusive.
    pub notices: Share,
}

/// How a field's values are distributed.
#[derive(Clone, Debug, PartialEq)]
pub struct DistributionClaim {
    /// The field.
    pub of: Field,
    /// The weight of each value: those that are not named must not occur.
    pub weights: Vec<(At<String>, u32)>,
    /// How often a target that keeps the weights may be said to break them.
    pub false_alarm: Share,
    /// The change of a value's share that must be noticed, nine times in ten; a sample too small is inconclusive.
    pub notices: Share,
    /// Where it stands.
    pub span: Span,
}

/// A number that is taken from a field of the population.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldClaim {
    /// The field.
    pub of: Field,
    /// What the number must be. On the right side a field means its own sum, or its own quantile.
    pub test: Test,
}

/// A quantile of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantileClaim {
    /// The field.
    pub of: Field,
    /// Which quantile: `99%`.
    pub at: Share,
    /// What it must be.
    pub test: Test,
}

/// How many different values a field has.
#[derive(Clone, Debug, PartialEq)]
pub struct DistinctClaim {
    /// The field.
    pub of: Field,
    /// The header, label or path that is meant, for a field that is asked for by name.
    pub name: Option<String>,
    /// What the number must be.
    pub test: Test,
}

/// How much a field grew.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthClaim {
    /// The field.
    pub of: Field,
    /// What the growth must be, as a share: `at_most: 10%`.
    pub test: Test,
}

/// How much larger a field is through the target than straight to the upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct PairedClaim {
    /// The field.
    pub of: Field,
    /// What the median of the differences must be: one of `at_most`, `below`, `at_least`, `above`.
    pub test: Test,
    /// How often a target that just keeps it may be said to break it.
    pub false_alarm: Share,
}

impl Read for ShareClaim {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a share", problems)?;
        let of = fields.take("of", problems);
        let test = take_test(&mut fields, node, FieldKind::Share, "a share", problems);
        tell_above_the_whole(test.as_ref(), problems);
        fields.finish("a share", problems);
        Some(Self { of: of?, test: test? })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("ShareClaim", |book| {
            let mut object =
                ObjectSchema::new("a share", "The share of the population that satisfies a condition.");
            let of = "The condition. For example `of: { status: 200 }`.";
            object.put(Property::of::<Condition>(book, "of", of).required(true));
            comparators(&mut object, FieldKind::Share, book);
            object.finish()
        })
    }
}

impl Read for EstimateClaim {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "an estimate", problems)?;
        let of = fields.take("of", problems);
        let false_alarm = take_risk(&mut fields, "false_alarm", problems);
        let notices = take_risk(&mut fields, "notices", problems);
        let test = take_test(&mut fields, node, FieldKind::Share, "an estimate", problems);
        tell_above_the_whole(test.as_ref(), problems);
        fields.finish("an estimate", problems);
        let test: Test = test?;
        let one_sided = matches!(test.comparisons.as_slice(), [comparison]
            if matches!(comparison.comparator, Comparator::AtLeast | Comparator::AtMost));
        if !one_sided {
            let problem = Problem::new(node.span, "an estimate with no bound, or with several");
            problems.push(problem.one_of(["at_least", "at_most"]));
            return None;
        }
        Some(Self { of: of?, test, false_alarm: false_alarm?, notices: notices? })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("EstimateClaim", |book| {
            let mut object =
                ObjectSchema::new("an estimate", "The share that a condition has in the long run.");
            let of = "The condition. For example `of: { key: first }`.";
            object.put(Property::of::<Condition>(book, "of", of).required(true));
            error_rates(&mut object, book);
            let sides = ["at_least", "at_most"];
            let comparators = Test::comparators(FieldKind::Share, book).into_iter();
            comparators
                .filter(|property| sides.contains(&property.key()))
                .for_each(|property| object.put(property));
            object.finish()
        })
    }
}

fn error_rates(object: &mut ObjectSchema, book: &mut SchemaBook) {
    let doc =
        "How often a target that just keeps it may be said to break it. For example `false_alarm: 0.1%`.";
    object.put(Property::of::<Share>(book, "false_alarm", doc).required(true));
    let doc = "The breach that must be noticed, nine times in ten; a sample too small for that is inconclusive. \
               For example `notices: 10%`.";
    object.put(Property::of::<Share>(book, "notices", doc).required(true));
}

impl Read for DistributionClaim {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a distribution", problems)?;
        let of = fields.take("of", problems);
        let weights: Option<Named<u32>> = match fields.entry("as") {
            Some(entry) => Named::read(&entry.node, problems),
            None => {
                let problem = Problem::new(node.span, "missing key `as` in a distribution");
                problems.push(problem.help("write `as: { VALUE: WEIGHT, VALUE: WEIGHT }`"));
                None
            }
        };
        let false_alarm = take_risk(&mut fields, "false_alarm", problems);
        let notices = take_risk(&mut fields, "notices", problems);
        fields.finish("a distribution", problems);
        let weights = weights?.0;
        if weights.iter().filter(|(_, weight)| *weight > 0).count() < 2 {
            let help = "write `as: { VALUE: WEIGHT, VALUE: WEIGHT }`, with weights above 0";
            problems.push(Problem::new(node.span, "a distribution over fewer than two values").help(help));
            return None;
        }
        Some(Self { of: of?, weights, false_alarm: false_alarm?, notices: notices?, span: node.span })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("DistributionClaim", |book| {
            let mut object =
                ObjectSchema::new("a distribution of values", "How a field's values are distributed.");
            let of = "The field whose values are counted. For example `of: key`.";
            object.put(Property::of::<Field>(book, "of", of).required(true));
            let weights = "The weight of each value; a value that is not named must not occur. \
                           For example `as: { first: 3, second: 1 }`.";
            object.put(Property::of::<Named<u32>>(book, "as", weights).required(true));
            error_rates(&mut object, book);
            object.finish()
        })
    }
}

impl Read for FieldClaim {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a sum", problems)?;
        let of = take_measurable(&mut fields, problems);
        let test = take_test(&mut fields, node, of.map_or(FieldKind::Any, Field::kind), "a sum", problems);
        fields.finish("a sum", problems);
        Some(Self { of: of?, test: test? })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("FieldClaim", |book| {
            let mut object =
                ObjectSchema::new("a sum", "A number that is taken from a field of the population.");
            let of = "The field whose values are added. For example `of: cost`.";
            object.put(Property::of::<Field>(book, "of", of).required(true));
            comparators(&mut object, FieldKind::Number, book);
            object.finish()
        })
    }
}

impl Read for QuantileClaim {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a quantile", problems)?;
        let of = take_measurable(&mut fields, problems);
        let at: Option<At<Share>> = fields.take("at", problems);
        let test =
            take_test(&mut fields, node, of.map_or(FieldKind::Any, Field::kind), "a quantile", problems);
        fields.finish("a quantile", problems);
        let at = at?;
        if at.value.millionths > 1_000_000 {
            problems.push(above_all(at.span));
            return None;
        }
        Some(Self { of: of?, at: at.value, test: test? })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("QuantileClaim", |book| {
            let mut object =
                ObjectSchema::new("a quantile of a field", "A quantile of a field, and what it must be.");
            let of = "The field whose values are ordered. For example `of: took`.";
            object.put(Property::of::<Field>(book, "of", of).required(true));
            let at = "Which quantile: so many of the population do not exceed it. For example `at: 99%`.";
            object.put(Property::of::<Share>(book, "at", at).required(true));
            comparators(&mut object, FieldKind::Duration, book);
            object.finish()
        })
    }
}

/// What is wrong with a quantile that more than all do not exceed.
pub(crate) fn above_all(span: Span) -> Problem {
    Problem::new(span, "a quantile above 100%")
        .help("write for example `at: 99%`; the largest value is `at: 100%`")
}

impl Read for DistinctClaim {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a number of values", problems)?;
        let of = fields.entry("of").map(|entry| read_valued(&entry.node, problems));
        let test = take_test(&mut fields, node, FieldKind::Number, "a number of values", problems);
        fields.finish("a number of values", problems);
        let Some(of) = of else {
            let problem = Problem::new(node.span, "missing key `of` in a number of values");
            problems.push(problem.help("write `of: FIELD`, or `of: { json: PATH }`"));
            return None;
        };
        let (of, name) = of?;
        Some(Self { of, name, test: test? })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("DistinctClaim", |book| {
            let mut object = ObjectSchema::new("a number of values", "How many different values a field has.");
            let field = Field::schema(book);
            let named = json!({ "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": { "type": "string" } });
            let of = json!({ "title": "a field, or one that is asked for by name", "anyOf": [field, named] });
            let doc = "The field whose values are counted. For example `of: key` or `of: { json: $.id }`.";
            object.put(Property::plain("of", doc, of).required(true));
            comparators(&mut object, FieldKind::Number, book);
            object.finish()
        })
    }
}

/// A field by its word, or one that is asked for by name as a map from its word to the name.
fn read_valued(node: &Node, problems: &mut Vec<Problem>) -> Option<(Field, Option<String>)> {
    let Some([entry]) = node.entries() else {
        let of: At<Field> = At::read(node, problems)?;
        if of.value.is_named() {
            let help = format!("write `of: {{ {}: NAME }}`", of.value.word());
            let message = format!("`{}` has a value for each name, and none to count", of.value.word());
            problems.push(Problem::new(of.span, message).help(help));
            return None;
        }
        return Some((of.value, None));
    };
    let word = Node { span: entry.key_span, value: Value::Text(entry.key.clone()) };
    let field = Field::read(&word, problems)?;
    let name = String::read(&entry.node, problems)?;
    if !field.is_named() {
        let problem = Problem::new(entry.key_span, format!("`{}` is asked for by no name", field.word()));
        problems.push(problem.help(format!("write `of: {}`", field.word())));
        return None;
    }
    if field == Field::Json {
        json_path::check(&name, entry.node.span, problems);
    }
    Some((field, Some(name)))
}

impl Read for GrowthClaim {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a growth", problems)?;
        let of = take_measurable(&mut fields, problems);
        let test = take_test(&mut fields, node, FieldKind::Share, "a growth", problems);
        fields.finish("a growth", problems);
        Some(Self { of: of?, test: test? })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("GrowthClaim", |book| {
            let mut object = ObjectSchema::new("a growth", "How much a field grew.");
            let of = "The field. For example `of: memory`.";
            object.put(Property::of::<Field>(book, "of", of).required(true));
            comparators(&mut object, FieldKind::Share, book);
            object.finish()
        })
    }
}

impl Read for PairedClaim {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        const WHAT: &str = "a comparison of pairs";
        let mut fields = Fields::of(node, WHAT, problems)?;
        let of = take_measurable(&mut fields, problems);
        let false_alarm = take_risk(&mut fields, "false_alarm", problems);
        let test = take_test(&mut fields, node, of.map_or(FieldKind::Any, Field::kind), WHAT, problems);
        fields.finish(WHAT, problems);
        let test: Test = test?;
        let is_side = |comparator: Comparator| {
            use Comparator::{Above, AtLeast, AtMost, Below};
            matches!(comparator, AtMost | Below | AtLeast | Above)
        };
        if !matches!(test.comparisons.as_slice(), [comparison] if is_side(comparison.comparator)) {
            let problem = Problem::new(node.span, "a comparison of pairs with no bound, or with several");
            problems.push(problem.one_of(SIDES));
            return None;
        }
        Some(Self { of: of?, test, false_alarm: false_alarm? })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("PairedClaim", |book| {
            let doc = "How much larger a field is through the target than straight to the upstream.";
            let mut object = ObjectSchema::new("a comparison of pairs", doc);
            let of = "The field whose values are compared. For example `of: service`.";
            object.put(Property::of::<Field>(book, "of", of).required(true));
            let doc = "How often a target that just keeps it may be said to break it. For example `false_alarm: 0.1%`.";
            object.put(Property::of::<Share>(book, "false_alarm", doc).required(true));
            let comparators = Test::comparators(FieldKind::Duration, book).into_iter();
            comparators
                .filter(|property| SIDES.contains(&property.key()))
                .for_each(|property| object.put(property));
            object.finish()
        })
    }
}

/// The comparators of a bound on one side.
const SIDES: [&str; 4] = ["at_most", "below", "at_least", "above"];

/// The keys of a map that are comparators, as one test of a kind.
fn take_test(
    fields: &mut Fields<'_>,
    node: &Node,
    kind: FieldKind,
    what: &str,
    problems: &mut Vec<Problem>,
) -> Option<Test> {
    let comparators =
        Comparator::ALL.iter().filter_map(|(word, ..)| fields.entry(word)).cloned().collect::<Vec<_>>();
    if comparators.is_empty() {
        problems.push(
            Problem::new(node.span, format!("{what} that is compared with nothing"))
                .help("write a comparator beside `of`, such as `at_most:`"),
        );
        return None;
    }
    Test::read_kind(kind, &Node { span: node.span, value: Value::Map(comparators) }, problems)
}

/// A field that has numbers, under `of`.
fn take_measurable(fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Field> {
    let of: At<Field> = fields.take("of", problems)?;
    match no_number(of.value, of.span) {
        None => Some(of.value),
        Some(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// What is wrong with taking numbers from a field, if it has none.
pub(crate) fn no_number(field: Field, span: Span) -> Option<Problem> {
    if matches!(field.kind(), FieldKind::Number | FieldKind::Duration | FieldKind::Size | FieldKind::Money) {
        return None;
    }
    let message = format!("`{}` is {} and no number", field.word(), field.kind().described());
    Some(Problem::new(span, message).help("name a field that is a number, a duration, a size or money"))
}

/// Tells a share of a population that is above the whole.
fn tell_above_the_whole(test: Option<&Test>, problems: &mut Vec<Problem>) {
    let Some(test) = test else { return };
    let above = test.comparisons.iter().flat_map(|comparison| &comparison.right).any(
        |operand| matches!(operand, Operand::Literal(Literal::Share(share)) if share.millionths > 1_000_000),
    );
    if above {
        problems.push(
            Problem::new(test.span, "a share above 100%").help("no population holds more than all of itself"),
        );
    }
}

/// A share strictly between nothing and everything.
fn take_risk(fields: &mut Fields<'_>, key: &'static str, problems: &mut Vec<Problem>) -> Option<Share> {
    let risk: At<Share> = fields.take(key, problems)?;
    if (1..1_000_000).contains(&risk.value.millionths) {
        return Some(risk.value);
    }
    let message = format!("`{key}` cannot be {}", risk.value);
    problems
        .push(Problem::new(risk.span, message).help("write a share above 0% and below 100%, such as `0.1%`"));
    None
}

/// The comparators as keys of a schema, for values of a kind.
fn comparators(object: &mut ObjectSchema, kind: FieldKind, book: &mut SchemaBook) {
    for property in Test::comparators(kind, book) {
        object.put(property);
    }
}
