//! Shares as they are written in the configuration: `80%`.

use serde::{Deserialize, Deserializer, de};

/// A share above nothing and up to all of it, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrittenShare(pub(super) u64);

fn parse(text: &str) -> Option<WrittenShare> {
    let percent = text.strip_suffix('%')?;
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 4 {
        return None;
    }
    let millionths = format!("{whole}{fraction:0<4}").parse().ok()?;
    (1..=1_000_000).contains(&millionths).then_some(WrittenShare(millionths))
}

impl<'de> Deserialize<'de> for WrittenShare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| de::Error::custom("not a share: write one such as `80%`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        let cases = [
            ("80%", Some(800_000)),
            ("12.5%", Some(125_000)),
            ("100%", Some(1_000_000)),
            ("0.0001%", Some(1)),
            ("0%", None),
            ("101%", None),
            ("80", None),
            ("%", None),
            ("-1%", None),
            ("0.00001%", None),
        ];
        for (text, millionths) in cases {
            assert_eq!(parse(text), millionths.map(WrittenShare), "{text}");
        }
    }
}
