//! A stream of chat completion chunks by its meaning.

use serde::Deserialize;
use serde_json::Value;

use super::super::answer::{Trouble, TroubleKind};
use super::super::piece::{Piece, PieceReader};
use super::finish_of;
use crate::stream::{Event, Step};
use crate::usage::{OpenaiUsage, Tally};

/// Reads one stream.
#[derive(Debug, Default)]
pub(in crate::translate) struct ChunkReader {
    has_begun: bool,
    finish_reason: Option<String>,
    /// The provider's numbers of the calls, by the order of their beginnings.
    calls: Vec<u64>,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<OpenaiUsage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
struct ToolCall {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Default, Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

impl PieceReader for ChunkReader {
    fn read(&mut self, event: &Event, tally: &mut Tally, pieces: &mut Vec<Piece>) -> Step {
        if event.data.trim_ascii() == b"[DONE]" {
            self.finish(tally, pieces);
            return Step::Finished;
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk>(&event.data) else { return Step::Idle };
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            pieces.push(Piece::Failed(trouble(&error)));
            return Step::Failed;
        }
        if !self.has_begun {
            self.has_begun = true;
            let (id, model) = (chunk.id.unwrap_or_default(), chunk.model.unwrap_or_default());
            pieces.push(Piece::Begin { id, model });
        }
        if let Some(choice) = chunk.choices.unwrap_or_default().into_iter().next() {
            self.delta(choice.delta.unwrap_or_default(), tally, pieces);
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        }
        if let Some(usage) = chunk.usage {
            tally.reports(usage);
        }
        Step::Onward
    }
}

impl ChunkReader {
    fn delta(&mut self, delta: Delta, tally: &mut Tally, pieces: &mut Vec<Piece>) {
        // Thoughts have no place in the answer, and are paid for all the same.
        tally.passes(&delta.reasoning_content.unwrap_or_default());
        for text in [delta.content, delta.refusal].into_iter().flatten().filter(|text| !text.is_empty()) {
            tally.passes(&text);
            pieces.push(Piece::Text(text));
        }
        for ToolCall { index, id, function } in delta.tool_calls.unwrap_or_default() {
            let Function { name, arguments } = function.unwrap_or_default();
            let call = self.call(index, id, name, pieces);
            if let Some(part) = arguments.filter(|part| !part.is_empty()) {
                tally.passes(&part);
                pieces.push(Piece::Arguments { call, part });
            }
        }
    }

    /// The place of a call, which begins with the first that is said of it. Without a number an id begins a new one.
    fn call(
        &mut self,
        index: Option<u64>,
        id: Option<String>,
        name: Option<String>,
        pieces: &mut Vec<Piece>,
    ) -> usize {
        let latest = self.calls.len().checked_sub(1);
        let known = match index {
            Some(index) => self.calls.iter().position(|known| *known == index),
            None => latest.filter(|_| id.is_none()),
        };
        known.unwrap_or_else(|| {
            let call = self.calls.len();
            self.calls.push(index.unwrap_or(u64::MAX));
            let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{call}"));
            pieces.push(Piece::CallBegins { call, id, name: name.unwrap_or_default(), signature: None });
            call
        })
    }

    fn finish(&mut self, tally: &Tally, pieces: &mut Vec<Piece>) {
        pieces.extend((0..self.calls.len()).map(|call| Piece::CallEnds { call }));
        let finish = finish_of(self.finish_reason.as_deref()).with_calls(!self.calls.is_empty());
        pieces.push(Piece::End { finish, tokens: tally.tokens() });
    }
}

fn trouble(error: &Value) -> Trouble {
    let message = error["message"].as_str().or_else(|| error.as_str()).unwrap_or_default();
    Trouble::new(TroubleKind::of_openai(error), message)
}
