//! What a client is told at the end of an answer: why it ended, and which tools it is to call.

use std::collections::HashSet;

use dialect::{Dialect, Finish, ReadAnswer, Surface, ToolCall, ToolCalls, ToolPiece};
use record::{ExchangeId, FinishWord, Moment, Said, tools_hash};

/// No dialect has a longer word for a finish.
const LONGEST_WORD: usize = 100;

/// What came of it so far. However long an answer is, no more is held than a sound one could hold.
#[derive(Debug, Default)]
pub(crate) struct SaidSoFar {
    /// Why it ended, in the provider's word; empty where nothing told it.
    finish: String,
    calls: ToolCalls,
}

impl SaidSoFar {
    pub(crate) fn clear(&mut self) {
        self.finish.clear();
        self.calls.clear();
    }

    /// Takes in a piece of a stream.
    pub(crate) fn add(&mut self, tools: &[ToolPiece<'_>], finish: Option<&str>) {
        tools.iter().for_each(|piece| self.calls.add(piece));
        if let Some(word) = finish.filter(|word| !word.is_empty()) {
            word[..word.floor_char_boundary(LONGEST_WORD)].clone_into(&mut self.finish);
        }
    }

    /// Takes in a plain answer.
    pub(crate) fn add_answer(&mut self, answer: &ReadAnswer<'_>) {
        let part = |text: &str| Some(text.to_owned().into());
        let whole = |call: &ToolCall| ToolPiece {
            index: None,
            id: part(&call.id),
            name: part(&call.name),
            arguments: part(&call.arguments),
        };
        let pieces: Vec<ToolPiece<'_>> = answer.tools.iter().map(whole).collect();
        self.add(&pieces, answer.finish.as_deref());
    }

    /// All of it, as the evidence tells it.
    pub(crate) fn told(
        &self,
        (dialect, surface): (Dialect, Surface),
        exchange: ExchangeId,
        at: Moment,
    ) -> Said {
        let calls = self.calls.calls();
        let count = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let meant = |word: &str| match dialect.finish(surface, word, count > 0) {
            Some(Finish::Stop) => FinishWord::Stop,
            Some(Finish::Length) => FinishWord::Length,
            Some(Finish::ToolUse) => FinishWord::Tool,
            Some(Finish::ContentFilter) => FinishWord::Filtered,
            None => FinishWord::Other,
        };
        Said {
            exchange,
            at,
            finish: (!self.finish.is_empty()).then(|| meant(&self.finish)),
            tool_calls: count,
            tools_hash: tools_hash(calls.map(|call| (&call.name, &call.arguments))),
            tools_distinct: self.are_distinct(dialect.needs_tool_ids(surface)),
        }
    }

    fn are_distinct(&self, need_ids: bool) -> bool {
        let mut known = HashSet::new();
        self.calls.calls().all(|call| match call.id.as_str() {
            "" => !need_ids,
            id => known.insert(id),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(index: u32, id: &'static str, arguments: &'static str) -> ToolPiece<'static> {
        let part = |text: &'static str| (!text.is_empty()).then(|| text.into());
        let name = if id.is_empty() { "" } else { "look" };
        ToolPiece { index: Some(index), id: part(id), name: part(name), arguments: part(arguments) }
    }

    fn told(said: &SaidSoFar, dialect: Dialect) -> Said {
        said.told((dialect, Surface::Chat), ExchangeId(1), Moment(2))
    }

    #[test]
    fn calls_in_pieces_are_the_same_as_whole_ones() {
        let mut pieces = SaidSoFar::default();
        pieces.add(&[piece(0, "a", "")], None);
        pieces.add(&[piece(1, "b", "{"), piece(0, "", "{\"x\": ")], None);
        pieces.add(&[piece(0, "", "1}"), piece(1, "", "}")], Some("tool_calls"));
        let call = |id: &str, arguments: &str| ToolCall {
            id: id.into(),
            name: "look".into(),
            arguments: arguments.into(),
        };
        let mut whole = SaidSoFar::default();
        let tools = vec![call("a", "{\"x\":1}"), call("b", "{}")];
        whole.add_answer(&ReadAnswer { tools, finish: Some("tool_calls".into()), ..ReadAnswer::default() });
        let said = told(&pieces, Dialect::Openai);
        assert_eq!(said, told(&whole, Dialect::Openai));
        assert_eq!((said.tool_calls, said.finish, said.tools_distinct), (2, Some(FinishWord::Tool), true));
        assert_eq!(said.tools_hash, tools_hash([("look", "{\"x\":1}"), ("look", "{}")]));
        pieces.clear();
        let nothing = told(&pieces, Dialect::Openai);
        assert_eq!((nothing.finish, nothing.tool_calls, nothing.tools_hash), (None, 0, 0));
    }

    #[test]
    fn each_call_needs_an_id_of_its_own_where_the_dialect_gives_ids() {
        use Surface::{Chat, Responses};
        for (ids, dialect, surface, distinct) in [
            (["a", "b"], Dialect::Openai, Chat, true),
            (["a", "a"], Dialect::Openai, Chat, false),
            (["a", ""], Dialect::Openai, Chat, false),
            (["", ""], Dialect::Gemini, Chat, true),
            (["a", "a"], Dialect::Gemini, Chat, false),
            (["", ""], Dialect::Ollama, Chat, true),
            (["a", ""], Dialect::Ollama, Responses, false),
            (["a", ""], Dialect::OllamaV1, Chat, false),
        ] {
            let mut said = SaidSoFar::default();
            said.add(&[piece(0, ids[0], "{}"), piece(1, ids[1], "{}")], None);
            let told = said.told((dialect, surface), ExchangeId(1), Moment(2));
            assert_eq!(told.tools_distinct, distinct, "{ids:?} {dialect:?} {surface:?}");
        }
    }

    #[test]
    fn words_for_a_finish_are_told_by_what_they_mean() {
        use FinishWord::{Filtered, Length, Other, Stop};
        for (dialect, word, meant) in [
            (Dialect::Openai, "stop", Some(Stop)),
            (Dialect::Openai, "length", Some(Length)),
            (Dialect::Openai, "content_filter", Some(Filtered)),
            (Dialect::Openai, "end_turn", Some(Other)),
            (Dialect::Anthropic, "end_turn", Some(Stop)),
            (Dialect::Anthropic, "max_tokens", Some(Length)),
            (Dialect::Openai, "", None),
        ] {
            let mut said = SaidSoFar::default();
            said.add(&[], Some(word));
            assert_eq!(told(&said, dialect).finish, meant, "{dialect:?} {word}");
        }
    }

    #[test]
    fn a_million_pieces_fill_no_memory() {
        let mut said = SaidSoFar::default();
        for index in 0..1_000_000 {
            said.add(&[piece(index, "a", "{}")], None);
        }
        let calls = told(&said, Dialect::Openai).tool_calls;
        assert!((1..1_000).contains(&calls), "{calls}");
    }
}
