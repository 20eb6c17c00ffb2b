//! Which values of a row's fields the evidence lacks, and why.

use scenario::Field;

use crate::delivered::{delivered, delivered_tools, said};
use crate::fields::named::message;
use crate::row::Row;
use crate::scene::Scene;

const NO_RESPONSE: &str = "its response is not in the evidence";

/// Of an event's data no more than this is recorded.
const SHOWN_OF_EVENT: usize = 4 * 1024;

/// Why the value of a field cannot be told from the evidence, if it cannot.
pub(crate) fn unknown(row: Row<'_>, field: Field, scene: &Scene<'_>) -> Option<&'static str> {
    match (row, field) {
        (Row::Exchange(_, exchange), Field::Json | Field::Carries | Field::Body) => match message(row) {
            None if exchange.status != 0 => Some(NO_RESPONSE),
            Some(sample) if sample.cut => Some("its body was too long to be kept"),
            _ => None,
        },
        (
            Row::Exchange(_, exchange),
            Field::Header
            | Field::HeaderCount
            | Field::ToldUpstream
            | Field::ToldKey
            | Field::ToldCost
            | Field::ToldAttempts
            | Field::ToldRequestId,
        ) => (exchange.status != 0 && message(row).is_none()).then_some(NO_RESPONSE),
        (Row::Attempt(tree, _), Field::ToldRequestId) => {
            let answered = tree.exchange.is_some_and(|exchange| exchange.status != 0);
            let got = tree.more().and_then(|more| more.got.as_ref());
            (answered && got.is_none()).then_some("the response of its exchange is not in the evidence")
        }
        (Row::Attempt(..), Field::Joined)
            if row.attempt().is_some_and(|held| held.row.is_of_unknown_origin()) =>
        {
            Some("its request did not come whole, so that nobody knows whose it is")
        }
        (
            Row::Attempt(..),
            Field::Header | Field::HeaderCount | Field::Json | Field::Body | Field::Method | Field::Path,
        ) => match message(row) {
            None => Some("its request is not in the evidence"),
            Some(sample) if sample.cut && matches!(field, Field::Json | Field::Body) => {
                Some("its body was too long to be kept")
            }
            Some(_) => None,
        },
        (Row::Exchange(tree, exchange), Field::Finish | Field::ToolCalls) => {
            said(tree, exchange).is_none().then_some("how it ended is not in the evidence")
        }
        (Row::Exchange(tree, exchange), Field::PerToken) => {
            let kept = tree.more().is_some_and(|more| !more.events.is_empty() && !more.events_cut);
            (exchange.contents > 1 && !kept).then_some("its contents are not in the evidence")
        }
        (Row::Exchange(tree, _), Field::ScriptedTools) => delivered_tools(tree, scene)
            .is_none()
            .then_some("which tools it called, or was to call, is not in the evidence"),
        (Row::Event(..), Field::Json | Field::Text | Field::Carries)
            if row.event().is_some_and(|event| event.data.len() + 4 > SHOWN_OF_EVENT) =>
        {
            Some("its data was too long to be kept")
        }
        (Row::Event(tree, _), Field::Carries) => {
            let text = tree.more().and_then(|more| more.text.as_ref());
            text.is_some_and(|text| text.cut)
                .then_some("the answer is too long to be looked through for what is spread over its events")
        }
        (Row::Code(tree, _), _)
            if tree.more().and_then(|more| more.text.as_ref()).is_some_and(|text| text.cut) =>
        {
            Some("the answer that it stands in was too long to be kept")
        }
        (Row::Exchange(tree, exchange), Field::Text) => {
            let text = tree.more().and_then(|more| more.text.as_ref());
            let came = exchange.text_hash != 0;
            match text {
                None if came => Some("its text is not in the evidence"),
                Some(text) if text.cut => Some("its text was too long to be kept"),
                _ => None,
            }
        }
        (
            Row::Exchange(tree, _) | Row::Attempt(tree, _) | Row::Ledger(tree, _),
            Field::ScriptedText | Field::DeliveredTokens,
        ) => (tree.exchange.is_some() && delivered(tree, scene).is_none())
            .then_some("its text or that of the answer is not in the evidence"),
        (Row::Ledger(tree, part), Field::Exchange | Field::Request)
            if !part.is_joined() || tree.exchange.is_none() =>
        {
            Some("the ledger does not say to which exchange it belongs")
        }
        (Row::Ledger(_, part), Field::Tokens) if !part.tells_tokens() => {
            Some("the ledger does not say what was spent on reasoning")
        }
        (Row::Ledger(_, part), Field::Cost) if !part.has_cost() => {
            Some("the ledger does not say what it cost")
        }
        (Row::Ledger(tree, part), Field::PricedUpstreamTokens) if part.priced(tree, scene).is_none() => {
            Some("the world's price table has no price for it")
        }
        _ => None,
    }
}
