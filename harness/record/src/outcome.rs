//! How an exchange or an attempt ended, and in whose words an error was told.

macro_rules! closed_list {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that scenarios and reports use.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The number that stands in a row.
            pub(crate) fn code(self) -> u8 {
                match self { $(Self::$variant => $code),* }
            }

            /// The value behind a row's number; an unknown number, written by a newer version, reads as the last one.
            pub(crate) fn from_code(code: u8) -> Self {
                match code { $($code => Self::$variant,)* _ => Self::ALL[Self::ALL.len() - 1] }
            }
        }
    };
}
pub(crate) use closed_list;

closed_list! {
    /// How an exchange or an attempt ended.
    Outcome {
        /// The answer came whole.
        Complete = 0 "complete",
        /// The connection could not be opened.
        Refused = 1 "refused",
        /// The connection was reset.
        Reset = 2 "reset",
        /// The connection ended before the answer did.
        Cut = 3 "cut",
        /// The side that waited gave up.
        TimedOut = 4 "timed_out",
        /// The caller left before the answer was over.
        CallerLeft = 5 "caller_left",
        /// What came was not HTTP, or broke a limit of the reader.
        Garbled = 6 "garbled",
        /// The trial ended while it was still open.
        Abandoned = 7 "abandoned",
    }
}

closed_list! {
    /// The dialect in which an error body is written.
    ErrorShape {
        /// There is no error body.
        None = 0 "none",
        /// `{"error": {"message", "type", "param", "code"}}`.
        Openai = 1 "openai",
        /// `{"type": "error", "error": {"type", "message"}}`.
        Anthropic = 2 "anthropic",
        /// `{"error": {"code", "message", "status"}}`.
        Gemini = 3 "gemini",
        /// JSON, but in the shape of no dialect.
        Json = 4 "json",
        /// An HTML page.
        Html = 5 "html",
        /// Something else, or nothing at all.
        Other = 6 "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_survives_its_row() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_code(outcome.code()), *outcome);
        }
    }

    #[test]
    fn every_error_shape_survives_its_row() {
        for shape in ErrorShape::ALL {
            assert_eq!(ErrorShape::from_code(shape.code()), *shape);
        }
    }
}
