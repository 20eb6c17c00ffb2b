//! The key of a request: where a provider looks for it, and where a client puts it.

use std::borrow::Cow;

use crate::asked::{decoded, parameter};
use crate::dialect::Dialect;

impl Dialect {
    /// The key that a request carries. `query` is what stands behind the question mark, and `header` looks a header up by its
    /// name in small letters.
    pub fn credential<'h>(
        self,
        query: &'h str,
        header: impl Fn(&str) -> Option<&'h [u8]>,
    ) -> Option<Cow<'h, [u8]>> {
        let own = self.own_header().and_then(&header).map(<[u8]>::trim_ascii);
        let in_query = || match self {
            Self::Gemini | Self::GeminiList => parameter(query, "key").and_then(decoded),
            _ => None,
        };
        let in_query = || in_query().map(bytes).filter(|key| !key.is_empty());
        let own = own.filter(|key| !key.is_empty()).map(Cow::Borrowed);
        own.or_else(in_query).or_else(|| bearer(header("authorization")?).map(Cow::Borrowed))
    }

    /// The header with the key.
    #[must_use]
    pub fn credential_header(self, key: &str) -> (&'static str, String) {
        match self.own_header() {
            Some(name) => (name, key.to_owned()),
            None => ("authorization", format!("Bearer {key}")),
        }
    }

    /// Whether the provider answers nobody without a key. Servers of one's own often have none.
    #[must_use]
    pub fn needs_key(self) -> bool {
        !matches!(self, Self::Vllm | Self::Ollama | Self::OllamaV1)
    }

    /// The header that the dialect has for keys and for nothing else.
    fn own_header(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("x-api-key"),
            Self::Azure => Some("api-key"),
            Self::Gemini | Self::GeminiList => Some("x-goog-api-key"),
            Self::Openai | Self::Vllm | Self::Ollama | Self::OllamaV1 => None,
        }
    }
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers = &'static [(&'static str, &'static str)];

    fn found(dialect: Dialect, query: &'static str, headers: Headers) -> Option<String> {
        let find =
            |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
        dialect.credential(query, find).map(|key| String::from_utf8(key.into_owned()).unwrap())
    }

    #[test]
    fn a_key_is_found_where_the_dialect_has_it() {
        use Dialect::{Anthropic, Azure, Gemini, Ollama, Openai, Vllm};
        const EVERYWHERE: [Dialect; 6] = [Openai, Anthropic, Azure, Vllm, Gemini, Ollama];
        type Case = (Headers, &'static [Dialect], &'static str);
        let cases: [Case; 9] = [
            (&[], &[], ""),
            (&[("authorization", "Bearer k")], &EVERYWHERE, "k"),
            (&[("authorization", "bearer  k ")], &EVERYWHERE, "k"),
            (&[("authorization", "Bearer ")], &[], ""),
            (&[("authorization", "Basic k")], &[], ""),
            (&[("x-api-key", "k")], &[Anthropic], "k"),
            (&[("api-key", " k")], &[Azure], "k"),
            (&[("x-goog-api-key", "k")], &[Gemini], "k"),
            (&[("x-api-key", " "), ("authorization", "Bearer b")], &EVERYWHERE, "b"),
        ];
        for (headers, finders, key) in cases {
            for dialect in EVERYWHERE {
                let expected = finders.contains(&dialect).then(|| key.to_owned());
                assert_eq!(found(dialect, "key2=x", headers), expected, "{dialect:?} {headers:?}");
            }
        }
    }

    #[test]
    fn only_gemini_takes_a_key_from_the_query_and_behind_its_header() {
        for (query, headers, expected) in [
            ("alt=sse&key=k", &[][..], Some("k")),
            ("key=a%2Db", &[], Some("a-b")),
            ("key=", &[("authorization", "Bearer b")], Some("b")),
            ("key=q", &[("x-goog-api-key", "h")], Some("h")),
            ("key=q", &[("authorization", "Bearer b")], Some("q")),
        ] {
            assert_eq!(found(Dialect::Gemini, query, headers).as_deref(), expected, "{query} {headers:?}");
            let bearer = headers.iter().any(|(name, _)| *name == "authorization");
            assert_eq!(found(Dialect::Azure, query, headers), bearer.then(|| "b".to_owned()));
        }
    }

    #[test]
    fn a_client_s_key_stands_where_an_upstream_looks_for_it() {
        for dialect in Dialect::ALL {
            let (name, value) = dialect.credential_header("k-1");
            let find = |wanted: &str| (wanted == name).then_some(value.as_bytes());
            assert_eq!(dialect.credential("", find).as_deref(), Some(&b"k-1"[..]));
        }
    }
}
