//! How much a model is to think before it answers: dialects say it with a word or with a number of tokens. Where the provider has
//! the form in which the client said it, it is said so again; what a model makes of either is its own.

use serde_json::Value;

use super::request::Untranslatable;

/// What a client says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    Effort(Effort),
    /// At most so many tokens.
    Budget(u64),
    /// As much as the model finds fit.
    Free,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

const WORDS: [(&str, Effort); 6] = [
    ("minimal", Effort::Minimal),
    ("low", Effort::Low),
    ("medium", Effort::Medium),
    ("high", Effort::High),
    ("xhigh", Effort::Xhigh),
    ("max", Effort::Max),
];

impl Effort {
    pub(super) fn word(self) -> &'static str {
        WORDS.iter().find(|(_, effort)| *effort == self).map_or("high", |(word, _)| word)
    }

    /// The word for a number of tokens, by the numbers that Google has published for the words.
    pub(super) fn of_budget(tokens: u64) -> Self {
        match tokens {
            0..1_024 => Self::Minimal,
            1_024..8_192 => Self::Low,
            8_192..24_576 => Self::Medium,
            24_576.. => Self::High,
        }
    }
}

impl Thinking {
    /// Of a word, which some write in capitals. A field that is not there says nothing.
    pub(super) fn of_word(field: &str, word: &Value) -> Result<Option<Self>, Untranslatable> {
        if word.is_null() {
            return Ok(None);
        }
        let named = word.as_str().map(str::to_ascii_lowercase);
        let read = match named.as_deref() {
            Some("none") => Some(Self::Off),
            Some(word) => {
                WORDS.iter().find(|(known, _)| *known == word).map(|(_, effort)| Self::Effort(*effort))
            }
            None => None,
        };
        let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        let problem = || format!("the field `{field}` must be `none`, `{}`", known.join("`, `"));
        read.map(Some).ok_or_else(|| Untranslatable::new(field, problem()))
    }

    /// Of a number of tokens: nothing for none at all, and less than nothing for as many as the model likes.
    pub(super) fn of_tokens(field: &str, tokens: &Value) -> Result<Option<Self>, Untranslatable> {
        if tokens.is_null() {
            return Ok(None);
        }
        match tokens.as_i64() {
            Some(0) => Ok(Some(Self::Off)),
            Some(-1) => Ok(Some(Self::Free)),
            Some(tokens @ 1..) => Ok(Some(Self::Budget(tokens.unsigned_abs()))),
            _ => Err(Untranslatable::new(field, format!("the field `{field}` must be a number of tokens"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_and_numbers_are_read_and_what_is_neither_is_refused_by_its_field() {
        let word = |word: Value| Thinking::of_word("f", &word);
        assert_eq!(word(json!("HIGH")), Ok(Some(Thinking::Effort(Effort::High))));
        assert_eq!((word(json!("none")), word(Value::Null)), (Ok(Some(Thinking::Off)), Ok(None)));
        for wrong in [json!("much"), json!(3), json!("")] {
            assert_eq!(word(wrong).unwrap_err().field, "f");
        }
        let tokens = |tokens: Value| Thinking::of_tokens("f", &tokens);
        assert_eq!(tokens(json!(2_048)), Ok(Some(Thinking::Budget(2_048))));
        assert_eq!(
            (tokens(json!(0)), tokens(json!(-1))),
            (Ok(Some(Thinking::Off)), Ok(Some(Thinking::Free)))
        );
        for wrong in [json!(-2), json!("many"), json!(1.5)] {
            assert_eq!(tokens(wrong).unwrap_err().field, "f");
        }
    }

    #[test]
    fn a_budget_has_the_word_that_it_is_enough_for() {
        for (tokens, word) in
            [(1, "minimal"), (1_024, "low"), (8_191, "low"), (8_192, "medium"), (u64::MAX, "high")]
        {
            assert_eq!(Effort::of_budget(tokens).word(), word, "{tokens}");
        }
    }
}
