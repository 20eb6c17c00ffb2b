//! How long a response asks its client to wait, in every form that providers use in headers.

use std::time::{Duration, SystemTime};

/// The wait that these headers ask for: `retry-after-ms` before `retry-after`, as the official clients read them.
///
/// `retry-after` may hold seconds, a fraction of seconds or an HTTP date. A date in the past asks for no wait at all. A
/// negative number and anything that is no number and no date are no hint.
pub fn wait_hint<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    now: SystemTime,
) -> Option<Duration> {
    let mut seconds = None;
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("retry-after-ms") {
            if let Some(wait) = number(value, 1_000.0) {
                return Some(wait);
            }
        } else if seconds.is_none() && name.eq_ignore_ascii_case("retry-after") {
            seconds = number(value, 1.0).or_else(|| date(value, now));
        }
    }
    seconds
}

fn number(value: &[u8], per_second: f64) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    // The parser of floating-point numbers also takes `inf`, `nan` and exponents, which are no header's numbers.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    Duration::try_from_secs_f64(text.parse::<f64>().ok()? / per_second).ok()
}

fn date(value: &[u8], now: SystemTime) -> Option<Duration> {
    let at = httpdate::parse_http_date(std::str::from_utf8(value).ok()?.trim()).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_hint_is_read() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        let ms = |millis| Some(Duration::from_millis(millis));
        type Case = (&'static [(&'static str, &'static str)], Option<Duration>);
        let cases: [Case; 16] = [
            (&[], None),
            (&[("content-type", "20")], None),
            (&[("Retry-After", "20")], ms(20_000)),
            (&[("retry-after", " 1.5 ")], ms(1_500)),
            (&[("retry-after", "0")], ms(0)),
            (&[("retry-after", "86400")], ms(86_400_000)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")], ms(30_000)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT")], ms(0)),
            (&[("retry-after", "-3")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after", "1e3")], None),
            (&[("retry-after", "99999999999999999999999999")], None),
            (&[("retry-after-ms", "250")], ms(250)),
            (&[("retry-after", "20"), ("retry-after-ms", "250")], ms(250)),
            (&[("retry-after", "20"), ("retry-after-ms", "soon")], ms(20_000)),
        ];
        for (headers, expected) in cases {
            let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
            assert_eq!(wait_hint(headers.clone(), now), expected, "{:?}", headers.collect::<Vec<_>>());
        }
    }
}
