//! Who speaks the format of OpenAI, and what each leaves out or adds.

/// Who speaks the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    Openai,
    Azure,
    Vllm,
    Ollama,
}

/// What Azure says of a text that its filter let pass.
pub(super) const HARMLESS: &str = r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#;

impl Flavor {
    /// What stands behind the model in answers and chunks alike.
    pub(super) fn fingerprint(self) -> &'static str {
        match self {
            Self::Openai => r#","service_tier":"default","system_fingerprint":"fp_simulated""#,
            Self::Azure => r#","system_fingerprint":"fp_simulated""#,
            Self::Vllm => "",
            Self::Ollama => r#","system_fingerprint":"fp_ollama""#,
        }
    }

    /// What the message of a plain answer holds behind its content.
    pub(super) fn message_rest(self) -> &'static str {
        match self {
            Self::Openai | Self::Azure => r#","refusal":null,"annotations":[]"#,
            Self::Vllm => {
                r#","refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning_content":null"#
            }
            Self::Ollama => "",
        }
    }

    /// What the first chunk of a stream holds behind its content.
    pub(super) fn first_delta_rest(self) -> &'static str {
        match self {
            Self::Openai | Self::Azure => r#","refusal":null"#,
            Self::Vllm | Self::Ollama => "",
        }
    }

    /// What a choice holds in front of the reason why it ended.
    pub(super) fn logprobs(self) -> &'static str {
        if self == Self::Ollama { "" } else { r#","logprobs":null"# }
    }

    /// Whether the chunks of a stream say that the usage is null until it is told.
    pub(super) fn says_null_usage(self) -> bool {
        matches!(self, Self::Openai | Self::Azure)
    }

    /// Whether the options of a stream ask for the usage unless they say that they do not.
    pub(super) fn includes_usage_by_default(self) -> bool {
        self == Self::Vllm
    }

    /// Whether a call of a tool comes in one chunk.
    pub(super) fn tells_calls_whole(self) -> bool {
        self == Self::Ollama
    }

    /// Who owns a listed model.
    pub(super) fn owner(self) -> &'static str {
        match self {
            Self::Openai | Self::Azure => "openai",
            Self::Vllm => "vllm",
            Self::Ollama => "library",
        }
    }
}
