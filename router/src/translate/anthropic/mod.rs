//! Anthropic's messages, read and written by meaning.

mod answer;
mod read_request;
mod read_stream;
mod write_request;
mod write_stream;

pub(super) use answer::{read_answer, write_answer};
pub(super) use read_request::read_request;
pub(super) use read_stream::EventReader;
pub(super) use write_request::write_request;
pub(super) use write_stream::EventWriter;

use super::answer::Finish;

/// The stop reason of an answer.
fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tools => "tool_use",
        Finish::Filter => "refusal",
    }
}

/// What a stop reason means.
fn finish_of(stop_reason: Option<&str>, called_tools: bool) -> Finish {
    match stop_reason {
        Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
        Some("refusal") => Finish::Filter,
        Some("stop_sequence") => Finish::Stop,
        _ => Finish::Stop.with_calls(called_tools),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stop_reason_has_a_meaning() {
        let cases = [
            (Some("end_turn"), false, Finish::Stop),
            (Some("end_turn"), true, Finish::Tools),
            (Some("tool_use"), true, Finish::Tools),
            (Some("max_tokens"), false, Finish::Length),
            (Some("max_tokens"), true, Finish::Length),
            (Some("model_context_window_exceeded"), false, Finish::Length),
            (Some("stop_sequence"), true, Finish::Stop),
            (Some("pause_turn"), false, Finish::Stop),
            (Some("refusal"), false, Finish::Filter),
            (Some("something new"), false, Finish::Stop),
            (None, true, Finish::Tools),
        ];
        for (stop, tools, expected) in cases {
            assert_eq!(finish_of(stop, tools), expected, "{stop:?} {tools}");
        }
    }
}
