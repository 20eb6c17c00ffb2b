//! Rows of the target's ledger: what it says, and what it ought to say by what the upstreams reported.

use record::{AttemptRow, LedgerRow, NOT_REACHED, Tokens};
use scenario::{Field, FieldValue, ModelPrices, Prices};

use crate::classes::Classes;
use crate::delivered::delivered_tokens;
use crate::fields::{number, text};
use crate::scene::Scene;
use crate::tree::{HeldAttempt, OpenTree};

/// A row of the ledger, or one of its classes of tokens, or the place of a row that it lacks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LedgerPart<'t> {
    /// None where upstreams reported tokens of which the ledger says nothing.
    row: Option<&'t LedgerRow>,
    class: Option<Class>,
    /// Whether it is the first row of its exchange. What upstreams reported is counted with it, and once.
    first: bool,
}

/// A class of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Input,
    CacheRead,
    CacheWrite,
    Output,
    /// What of the output was spent on it.
    Reasoning,
}

/// The classes to which tokens belong, each to one.
const CLASSES: [Class; 4] = [Class::Input, Class::CacheRead, Class::CacheWrite, Class::Output];

impl<'t> LedgerPart<'t> {
    /// The parts of a tree's rows. A tree of which upstreams reported tokens, or whose client was given content of an upstream,
    /// and of which the ledger says nothing, has a place for what is lacking.
    pub(crate) fn all_of(tree: &'t OpenTree, classes: Classes) -> Vec<Self> {
        let rows = tree.more().map_or(&[][..], |more| &more.ledger);
        let mut whole: Vec<Self> = rows
            .iter()
            .enumerate()
            .map(|(index, row)| Self { row: Some(row), class: None, first: index == 0 })
            .collect();
        let reported = tree.attempts.iter().any(|held| held.is_joined() && reports_tokens(&held.row));
        // A client that leaves has content before its upstream has told what it costs.
        let given = tree.exchange.as_ref().is_some_and(|exchange| exchange.contents > 0);
        let served = given && tree.attempts.iter().any(|held| held.is_joined() && held.row.answer.is_some());
        if whole.is_empty() && (reported || served) && tree.exchange.is_some() {
            whole.push(Self { row: None, class: None, first: true });
        }
        if classes == Classes::Together {
            return whole;
        }
        let of_classes = |part: Self| {
            let reasoning = Self { class: Some(Class::Reasoning), ..part };
            let wanted = match classes {
                Classes::Together | Classes::Apart => false,
                Classes::WithReasoning => reasoning.tells_tokens(),
                Classes::ReasoningByName => true,
            };
            let apart = CLASSES.map(|class| Self { class: Some(class), ..part });
            apart.into_iter().chain(wanted.then_some(reasoning))
        };
        whole.into_iter().flat_map(of_classes).collect()
    }

    pub(crate) fn is_lacking(self) -> bool {
        self.row.is_none()
    }

    pub(crate) fn is_joined(self) -> bool {
        self.row.is_none_or(|row| row.exchange.is_some())
    }

    pub(crate) fn has_cost(self) -> bool {
        self.row.is_none_or(|row| row.cost_micros.is_some())
    }

    /// Whether the ledger says how many tokens of its class there were. What of the output was spent on reasoning, it may not.
    pub(crate) fn tells_tokens(self) -> bool {
        self.class != Some(Class::Reasoning) || self.row.is_none_or(|row| row.tokens.reasoning.is_some())
    }

    pub(crate) fn tags(self) -> &'t [String] {
        self.row.map_or(&[], |row| &row.tags)
    }

    fn tokens(self) -> u64 {
        self.row.map_or(0, |row| of_class(&row.tokens, self.class))
    }

    fn upstream_tokens(self, tree: &OpenTree, scene: &Scene<'_>) -> u64 {
        if !self.first {
            return 0;
        }
        let of_attempt = |held: &HeldAttempt| of_class(&reported(&held.row, scene), self.class);
        tree.attempts.iter().map(of_attempt).fold(0, u64::saturating_add)
    }

    /// The cost stands in one class, so that it is not counted once for each.
    fn cost(self) -> Option<i64> {
        if self.class.is_some_and(|class| class != Class::Input) {
            return Some(0);
        }
        self.row.map_or(Some(0), |row| row.cost_micros)
    }

    /// What the upstreams' tokens cost by the world's prices, in millionths of a dollar.
    pub(crate) fn priced(self, tree: &OpenTree, scene: &Scene<'_>) -> Option<i64> {
        if !self.first {
            return Some(0);
        }
        let prices = scene.scenario.world.prices.as_ref()?;
        let attempts = tree.attempts.iter().filter(|held| reports_tokens(&held.row));
        let costs = attempts.map(|held| price(prices, &held.row, self.class, scene));
        let micro_millionths = costs.sum::<Option<u128>>()?;
        i64::try_from((micro_millionths + 500_000) / 1_000_000).ok()
    }
}

pub(crate) fn of_ledger<'v>(
    tree: &'v OpenTree,
    part: LedgerPart<'v>,
    field: Field,
    scene: &'v Scene<'v>,
) -> FieldValue<'v> {
    let exchange = tree.exchange.as_ref();
    match field {
        Field::Exchange => exchange.map_or(FieldValue::Missing, |row| number(row.id.0)),
        Field::Request => exchange.map_or(FieldValue::Missing, |row| scene.text(row.request)),
        // What is lacking would have been charged to whoever asked.
        Field::Tenant => match part.row {
            Some(row) => text(&row.tenant),
            None => exchange.map_or(FieldValue::Missing, |row| scene.text(row.tenant)),
        },
        Field::Model => match part.row {
            Some(row) => text(&row.model),
            None => exchange.map_or(FieldValue::Missing, |row| scene.text(row.model)),
        },
        Field::Key => part.row.map_or(FieldValue::Missing, |row| text(&row.key)),
        Field::EndUser => part.row.map_or(FieldValue::Missing, |row| text(&row.end_user)),
        Field::Tag => match part.tags() {
            [tag] => FieldValue::Text(tag),
            _ => FieldValue::Missing,
        },
        Field::State => part.row.map_or(FieldValue::Missing, |row| text(&row.state)),
        Field::DeliveredTokens => delivered_tokens(tree, scene).map_or(FieldValue::Missing, number),
        Field::TokenClass => part.class.map_or(FieldValue::Missing, |class| FieldValue::Text(class.word())),
        Field::Tokens => number(part.tokens()),
        Field::UpstreamTokens => number(part.upstream_tokens(tree, scene)),
        Field::Cost => part.cost().map_or(FieldValue::Missing, FieldValue::Money),
        Field::PricedUpstreamTokens => {
            part.priced(tree, scene).map_or(FieldValue::Missing, FieldValue::Money)
        }
        _ => FieldValue::Missing,
    }
}

impl Class {
    fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
        }
    }
}

fn of_class(tokens: &Tokens, class: Option<Class>) -> u64 {
    match class {
        None => [tokens.input, tokens.cache_read, tokens.cache_write, tokens.output]
            .into_iter()
            .fold(0, u64::saturating_add),
        Some(Class::Input) => tokens.input,
        Some(Class::CacheRead) => tokens.cache_read,
        Some(Class::CacheWrite) => tokens.cache_write,
        Some(Class::Output) => tokens.output,
        Some(Class::Reasoning) => tokens.reasoning.unwrap_or(0),
    }
}

fn reports_tokens(row: &AttemptRow) -> bool {
    row.ended != NOT_REACHED && (row.input_tokens > 0 || row.output_tokens > 0)
}

/// The tokens that an attempt's reply reported. A row has two sums; its answer tells their classes.
fn reported(row: &AttemptRow, scene: &Scene<'_>) -> Tokens {
    if !reports_tokens(row) {
        return Tokens::default();
    }
    let (input, output) = (u64::from(row.input_tokens), u64::from(row.output_tokens));
    let told = scene.answers.get(&row.answer).and_then(|answer| answer.tokens);
    let told = told.filter(|told| {
        u128::from(told.input) + u128::from(told.cache_read) + u128::from(told.cache_write) == input.into()
    });
    let told = told.unwrap_or(Tokens { input, ..Tokens::default() });
    Tokens { output, reasoning: told.reasoning.map(|reasoning| reasoning.min(output)), ..told }
}

/// What an attempt's tokens cost, in millionths of a millionth of a dollar.
fn price(prices: &Prices, row: &AttemptRow, class: Option<Class>, scene: &Scene<'_>) -> Option<u128> {
    let model = scene.names.text(row.model)?;
    let (_, model) = prices.models.0.iter().find(|(name, _)| name.value == model)?;
    let tokens = reported(row, scene);
    let cost = |class: Class| {
        let own = |class| u128::from(of_class(&tokens, Some(class)));
        let priced = |class| own(class) * u128::from(micros(model, class));
        match class {
            // Reasoning has its own price, and is a part of the output.
            Class::Output => {
                let plain = own(Class::Output).saturating_sub(own(Class::Reasoning));
                plain * u128::from(micros(model, Class::Output)) + priced(Class::Reasoning)
            }
            class => priced(class),
        }
    };
    Some(class.map_or_else(|| CLASSES.map(cost).into_iter().sum(), cost))
}

fn micros(model: &ModelPrices, class: Class) -> u64 {
    let price = match class {
        Class::Input => model.input,
        Class::CacheRead => model.cache_read.unwrap_or(model.input),
        Class::CacheWrite => model.cache_write.unwrap_or(model.input),
        Class::Output => model.output,
        Class::Reasoning => model.reasoning.unwrap_or(model.output),
    };
    price.micros_per_million
}
