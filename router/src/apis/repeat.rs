//! What may be asked again after an attempt that was no success, and of whom: nothing that may already have had an effect,
//! unless the API itself promises that a second time changes nothing.

use http::{HeaderMap, Method};

/// What a request does at an API each time that it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It only reads.
    None,
    /// What it does is done once, however often it arrives at the same API.
    Once,
    /// Each time it does it again.
    EachTime,
}

/// How an attempt went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No byte of it was sent.
    NeverSent,
    /// The API refused it for a limit or for its key, and did nothing.
    Refused,
    /// The API is in trouble of its own.
    Failed,
    /// It was sent, and no answer came.
    Lost,
}

/// Who may be asked next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Anyone,
    /// The same API with the same key alone.
    TheSame,
    Nobody,
}

/// With it an API does once what it is asked for twice.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl Effect {
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let has_key = headers.get(IDEMPOTENCY_KEY).is_some_and(|key| !key.is_empty());
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Self::None,
            Method::PUT | Method::DELETE => Self::Once,
            _ if has_key => Self::Once,
            _ => Self::EachTime,
        }
    }

    pub(crate) fn who_next(self, trouble: Trouble) -> Who {
        match (trouble, self) {
            (Trouble::NeverSent | Trouble::Refused, _) | (_, Self::None) => Who::Anyone,
            (Trouble::Failed | Trouble::Lost, Self::Once) => Who::TheSame,
            (Trouble::Failed | Trouble::Lost, Self::EachTime) => Who::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_may_have_had_an_effect_goes_to_nobody_else() {
        use {Trouble::*, Who::*};
        let cases = [
            (Effect::None, [Anyone, Anyone, Anyone, Anyone]),
            (Effect::Once, [Anyone, Anyone, TheSame, TheSame]),
            (Effect::EachTime, [Anyone, Anyone, Nobody, Nobody]),
        ];
        for (effect, expected) in cases {
            assert_eq!([NeverSent, Refused, Failed, Lost].map(|trouble| effect.who_next(trouble)), expected);
        }
    }

    #[test]
    fn the_effect_follows_from_the_method_and_the_idempotency_key() {
        let keyed =
            |key| HeaderMap::from_iter([(IDEMPOTENCY_KEY.parse().unwrap(), HeaderValue::from_static(key))]);
        let cases = [
            (Method::GET, "", Effect::None),
            (Method::HEAD, "", Effect::None),
            (Method::PUT, "", Effect::Once),
            (Method::DELETE, "", Effect::Once),
            (Method::POST, "", Effect::EachTime),
            (Method::PATCH, "", Effect::EachTime),
            (Method::POST, "k-1", Effect::Once),
            (Method::PATCH, "k-1", Effect::Once),
        ];
        for (method, key, expected) in cases {
            assert_eq!(Effect::of(&method, &keyed(key)), expected, "{method} {key}");
        }
    }
}
