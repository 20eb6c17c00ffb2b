//! Queries of requests: what stands behind a path.

use std::fmt::Write;

use scenario::{Named, Template, Values};

use crate::trial::requests::{CannotMake, fill};

/// A path with these parameters behind those that it has already.
pub(crate) fn with_query(
    mut path: String,
    query: &Named<Template>,
    values: &Values,
) -> Result<String, CannotMake> {
    for (name, value) in &query.0 {
        path.push(if path.contains('?') { '&' } else { '?' });
        encode(&name.value, &mut path);
        path.push('=');
        encode(&fill(value, values)?, &mut path);
    }
    Ok(path)
}

/// Writes a text so that each of its bytes is one of the query, and none of them ends it.
fn encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => to.push(char::from(byte)),
            // A string takes every text.
            _ => drop(write!(to, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenario::{At, Span};

    #[test]
    fn parameters_are_encoded_and_stand_behind_those_of_the_path() {
        let mut values = Values::default();
        values.set("upstream", "u", "http://127.0.0.1:7/v1");
        let at = |value: &str| At { value: value.to_owned(), span: Span::default() };
        let query: &[(&str, &str)] = &[("api-version", "2024 10&x=1"), ("ü", "{{ upstream.u }}")];
        for (path, query, expected) in [
            ("/a", query, "/a?api-version=2024%2010%26x%3D1&%C3%BC=http%3A%2F%2F127.0.0.1%3A7%2Fv1"),
            ("/a?b=c", &query[..1], "/a?b=c&api-version=2024%2010%26x%3D1"),
            ("/a?b=c", &[], "/a?b=c"),
        ] {
            let named = query.iter().map(|(name, value)| (at(name), Template::parse(value).unwrap()));
            let written = with_query(path.to_owned(), &Named(named.collect()), &values).unwrap();
            assert_eq!(written, expected);
        }
    }
}
