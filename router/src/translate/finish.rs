//! Why an answer ended, in OpenAI's words.

/// The finish reason for a stop reason. A tool call is told as one even where the provider says that its turn ended.
pub(super) fn finish_reason(stop_reason: Option<&str>, called_tools: bool) -> &'static str {
    match stop_reason {
        Some("max_tokens" | "model_context_window_exceeded") => "length",
        Some("refusal") => "content_filter",
        Some("stop_sequence") => "stop",
        _ if called_tools => "tool_calls",
        _ => "stop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stop_reason_has_its_finish_reason() {
        let cases = [
            (Some("end_turn"), false, "stop"),
            (Some("end_turn"), true, "tool_calls"),
            (Some("tool_use"), true, "tool_calls"),
            (Some("max_tokens"), false, "length"),
            (Some("max_tokens"), true, "length"),
            (Some("model_context_window_exceeded"), false, "length"),
            (Some("stop_sequence"), true, "stop"),
            (Some("pause_turn"), false, "stop"),
            (Some("refusal"), false, "content_filter"),
            (Some("something new"), false, "stop"),
            (None, true, "tool_calls"),
        ];
        for (stop, tools, expected) in cases {
            assert_eq!(finish_reason(stop, tools), expected, "{stop:?} {tools}");
        }
    }
}
