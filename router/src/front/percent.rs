//! Percent code, as it stands in addresses.

/// A part of a path without its percent code.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'%' => {
                let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
                rest = &after[2..];
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A value of a query without its percent code, in which a plus is a blank.
pub(super) fn decoded_in_query(text: &str) -> Option<String> {
    decoded(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_decoded_is_nothing() {
        let cases = [
            ("a%20b", Some("a b")),
            ("a+b", Some("a+b")),
            ("%C3%A9", Some("é")),
            ("%zz", None),
            ("%f", None),
            ("%+1", None),
            ("%ff", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decoded(text).as_deref(), expected, "{text}");
        }
        assert_eq!(decoded_in_query("a+b%2B").as_deref(), Some("a b+"));
    }
}
