//! What a client was given of the text that its upstream was to send, and of the calls of tools.

use record::{AnswerSeen, ExchangeRow, FinishWord, NameId, Outcome};
use scenario::FieldValue;

use crate::scene::Scene;
use crate::tree::{HeldAttempt, OpenTree};

/// What was delivered of a text, or of calls of tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// All of it.
    Whole,
    /// So many of so many bytes, from its beginning; or so many of so many calls.
    Part(u64, u64),
    /// Nothing.
    Nothing,
    /// Something else.
    Other,
}

impl Delivered {
    /// The word that scenarios use.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Part(..) => "part",
            Self::Nothing => "none",
            Self::Other => "other",
        }
    }
}

/// What was delivered; none where the evidence does not tell.
pub(crate) fn delivered(tree: &OpenTree, scene: &Scene<'_>) -> Option<Delivered> {
    let exchange = tree.exchange.as_ref()?;
    if exchange.text_hash == 0 && exchange.contents == 0 {
        return Some(Delivered::Nothing);
    }
    let serving = serving_text(tree)?;
    let Some(serving) = serving else { return Some(Delivered::Other) };
    let answer = scene.answers.get(&serving.row.answer)?;
    let text = tree.more().and_then(|more| more.text.as_ref()).filter(|text| !text.cut);
    // Where both texts are there to their ends, they are compared byte by byte; else a hash has to do.
    let compared = text.is_some() && answer.text.is_some() && !answer.cut;
    if !compared && whole_hash(serving, answer) == Some(exchange.text_hash) {
        return Some(Delivered::Whole);
    }
    let (text, scripted) = (text?, answer.text.as_deref()?);
    if scripted == text.text && !answer.cut {
        return Some(Delivered::Whole);
    }
    if !scripted.starts_with(&text.text) {
        // What was cut from the answer may go on as the client's text does.
        return if answer.cut && text.text.starts_with(scripted) { None } else { Some(Delivered::Other) };
    }
    let bytes = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    let all = answer.whole.map_or_else(|| bytes(scripted), |whole| whole.bytes);
    Some(Delivered::Part(bytes(&text.text), all))
}

/// The hash of all the text that an attempt was to hand over; none where the evidence does not tell. A text of its own is known by
/// what was handed over, and that is all of it unless the reply was to break off.
fn whole_hash(attempt: &HeldAttempt, answer: &AnswerSeen) -> Option<u32> {
    let own = answer.text.is_none() && !answer.breaks_off && attempt.row.outcome == Outcome::Complete;
    answer.whole.map(|whole| whole.hash).or_else(|| own.then_some(attempt.row.text_hash))
}

/// What was delivered of the text as a field's value.
pub(crate) fn scripted_text(tree: &OpenTree, scene: &Scene<'_>) -> FieldValue<'static> {
    delivered(tree, scene).map_or(FieldValue::Missing, |delivered| FieldValue::Text(delivered.word()))
}

/// What a client was told at the end of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ToldAtEnd {
    pub(crate) finish: Option<FinishWord>,
    pub(crate) calls: u32,
    hash: u32,
    distinct: bool,
}

/// What a client was told at the end; none where the evidence does not tell. An answer that is none told nothing.
pub(crate) fn said(tree: &OpenTree, exchange: &ExchangeRow) -> Option<ToldAtEnd> {
    let said = tree.more().and_then(|more| more.said.as_ref()).map(|said| ToldAtEnd {
        finish: said.finish,
        calls: said.tool_calls,
        hash: said.tools_hash,
        distinct: said.tools_distinct,
    });
    said.or_else(|| (!(200..300).contains(&exchange.status)).then(ToldAtEnd::default))
}

/// What was delivered of the calls of tools that the serving upstream was to send: all of them also where there were to be none
/// and none came. None where the evidence does not tell.
pub(crate) fn delivered_tools(tree: &OpenTree, scene: &Scene<'_>) -> Option<Delivered> {
    let exchange = tree.exchange.as_ref()?;
    let came = said(tree, exchange)?;
    let (calls, hash) = match serving_text(tree)? {
        Some(serving) => {
            let answer = scene.answers.get(&serving.row.answer)?;
            (answer.tool_calls, answer.tools_hash)
        }
        None => (0, 0),
    };
    Some(if came.calls == calls && (calls == 0 || came.hash == hash && came.distinct) {
        Delivered::Whole
    } else if came.calls == 0 {
        Delivered::Nothing
    } else if came.calls < calls || came.calls == calls && exchange.outcome != Outcome::Complete {
        // The last call of an answer that broke off may lack its end.
        Delivered::Part(came.calls.into(), calls.into())
    } else {
        Delivered::Other
    })
}

/// Output tokens that were delivered: those of the answer, by the share of its text, rounded down.
pub(crate) fn delivered_tokens(tree: &OpenTree, scene: &Scene<'_>) -> Option<u64> {
    let all = serving_text(tree)??;
    let reported =
        scene.answers.get(&all.row.answer).and_then(|answer| answer.tokens).map(|tokens| tokens.output);
    let output = reported.unwrap_or_else(|| u64::from(all.row.output_tokens));
    Some(match delivered(tree, scene)? {
        Delivered::Whole => output,
        Delivered::Part(given, whole) => {
            let share = u128::from(output) * u128::from(given) / u128::from(whole.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        }
        Delivered::Nothing | Delivered::Other => 0,
    })
}

/// The attempt whose text the client was given, as far as it was; no such attempt where the target answered by itself. None
/// where no exchange is known.
#[expect(clippy::option_option, reason = "not knowing is not the same as knowing of none")]
fn serving_text(tree: &OpenTree) -> Option<Option<&HeldAttempt>> {
    tree.exchange.as_ref()?;
    let serving = tree.serving().and_then(|index| tree.attempts.get(index));
    let answered = |held: &&HeldAttempt| held.row.answer != NameId::NONE;
    Some(serving.filter(answered).or_else(|| tree.attempts.iter().rev().find(answered)))
}
