//! A stream of content by its meaning.

use super::super::answer::{Finish, Trouble, TroubleKind};
use super::super::piece::{Piece, PieceReader};
use super::finish_of;
use crate::stream::{Event, GeminiContent, GeminiPart, Step, gemini_error};
use crate::usage::Tally;

/// Reads one stream. It is complete when it ends behind a reason to.
#[derive(Debug, Default)]
pub(in crate::translate) struct ContentReader {
    has_begun: bool,
    calls: usize,
    finish: Option<Finish>,
}

impl PieceReader for ContentReader {
    fn read(&mut self, event: &Event, tally: &mut Tally, pieces: &mut Vec<Piece>) -> Step {
        if let Some(error) = gemini_error(event) {
            let status = error["status"].as_str().unwrap_or_default();
            let message = error["message"].as_str().unwrap_or_default();
            pieces.push(Piece::Failed(Trouble::new(TroubleKind::of_gemini(status), message)));
            return Step::Failed;
        }
        let Ok(content) = serde_json::from_slice::<GeminiContent>(&event.data) else { return Step::Idle };
        content.count(tally);
        if !self.has_begun {
            self.has_begun = true;
            let id = content.response_id.unwrap_or_default();
            pieces.push(Piece::Begin { id, model: content.model_version.unwrap_or_default() });
        }
        if content.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
            self.finish = Some(Finish::Filter);
        }
        if let Some(candidate) = content.candidates.into_iter().next() {
            for part in candidate.content.parts {
                self.part(part.told(), pieces);
            }
            if let Some(reason) = &candidate.finish_reason {
                self.finish = Some(finish_of(Some(reason)));
            }
        }
        Step::Onward
    }

    fn end(&mut self, tally: &mut Tally, pieces: &mut Vec<Piece>) -> Step {
        let Some(finish) = self.finish else { return Step::Idle };
        pieces.push(Piece::End { finish: finish.with_calls(self.calls > 0), tokens: tally.tokens() });
        Step::Finished
    }
}

impl ContentReader {
    /// A call comes whole.
    fn part(&mut self, part: GeminiPart, pieces: &mut Vec<Piece>) {
        match part {
            GeminiPart::Text(text) => pieces.push(Piece::Text(text)),
            GeminiPart::Call { id, name, arguments, signature } => {
                let call = self.calls;
                self.calls += 1;
                let id = id.unwrap_or_else(|| format!("call_{call}"));
                pieces.push(Piece::CallBegins { call, id, name, signature });
                pieces.push(Piece::Arguments { call, part: arguments });
                pieces.push(Piece::CallEnds { call });
            }
            GeminiPart::Nothing => {}
        }
    }
}
