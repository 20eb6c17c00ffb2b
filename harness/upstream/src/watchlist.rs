//! Secrets that belong to no request of an upstream, and whether one carries some: as they are, percent-encoded or in base64.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::request;
use memchr::memmem::Finder;

/// What an upstream looks for in every request.
#[derive(Default)]
pub(crate) struct Watchlist {
    watched: Vec<Watched>,
}

struct Watched {
    label: String,
    forms: Vec<Finder<'static>>,
}

/// A shorter piece of base64 is found in texts that hold no secret.
const SHORTEST_FORM: usize = 12;

impl Watchlist {
    /// Looks for texts, each with its label.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = (String, &'a str)>) -> Self {
        let secrets = secrets.into_iter().filter(|(_, text)| !text.is_empty());
        Self { watched: secrets.map(|(label, text)| Watched { label, forms: forms(text) }).collect() }
    }

    /// The labels of what a request carries.
    pub(crate) fn found(&self, head: &request::Parts, body: &[u8]) -> Vec<String> {
        if self.watched.is_empty() {
            return Vec::new();
        }
        let target = head.uri.path_and_query().map_or("", |target| target.as_str());
        let carried = |watched: &&Watched| {
            watched.forms.iter().any(|form| {
                let is_in = |text: &[u8]| form.find(text).is_some();
                is_in(body)
                    || is_in(target.as_bytes())
                    || head.headers.values().any(|value| is_in(value.as_bytes()))
            })
        };
        self.watched.iter().filter(carried).map(|watched| watched.label.clone()).collect()
    }
}

impl fmt::Debug for Watchlist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.watched.iter().map(|watched| &watched.label)).finish()
    }
}

fn forms(text: &str) -> Vec<Finder<'static>> {
    let percent: String = text
        .bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let mut forms = vec![text.to_owned()];
    let encoded = std::iter::once(percent).chain((0..3).map(|before| inside_base64(text, before)));
    forms.extend(encoded.filter(|form| form != text && form.len() >= SHORTEST_FORM));
    forms.into_iter().map(|form| Finder::new(form.as_bytes()).into_owned()).collect()
}

/// How a text reads in base64 behind so many other bytes, without the letters that depend on its neighbours.
fn inside_base64(text: &str, before: usize) -> String {
    let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(text.bytes()).collect();
    let encoded = STANDARD_NO_PAD.encode(&bytes);
    let (begin, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    encoded.get(begin..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const SECRET: &str = "sk-sp-tenant/0123456789";

    #[test]
    fn a_secret_is_found_wherever_it_stands_and_however_it_is_written() {
        let list =
            Watchlist::new([("tenant acme".to_owned(), SECRET), ("admin key".to_owned(), "sk-sp-admin")]);
        let found = |uri: &str, header: &str, body: &str| {
            let (head, ()) = Request::get(uri).header("x-some", header).body(()).unwrap().into_parts();
            list.found(&head, body.as_bytes())
        };
        let encoded = |before: &str| STANDARD_NO_PAD.encode(format!("{before}{SECRET} and more"));
        for (uri, header, body) in [
            ("/", "", SECRET),
            ("/", SECRET, ""),
            ("/?key=sk-sp-tenant%2F0123456789", "", ""),
            ("/", &encoded("user:"), ""),
            ("/", "", &encoded("u:")),
            ("/", "", &encoded("")),
        ] {
            assert_eq!(found(uri, header, body), ["tenant acme"], "{uri} {header} {body}");
        }
        assert_eq!(found("/", "Bearer sk-sp-other", "{}"), Vec::<String>::new());
        assert!(!format!("{list:?}").contains("sk-sp"));
    }
}
