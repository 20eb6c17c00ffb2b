//! Times in the words of providers: RFC 3339 as `anthropic-ratelimit-requests-reset` has it, and HTTP dates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// A time in RFC 3339 with whole seconds in UTC: `2026-10-21T07:28:00Z`. What is left of a second is cut off.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
    let seconds = i64::try_from(unix_seconds(at)).unwrap_or(i64::MAX);
    let (year, month, day) = civil_of(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads a time in RFC 3339, with its fraction and its offset.
pub(super) fn read_rfc3339(text: &str) -> Option<SystemTime> {
    let (date, time) = text.split_at_checked(10)?;
    let (time, rest) = time.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let sound =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
            let (digits, zone) = rest.split_at(end);
            (Duration::try_from_secs_f64(format!("0.{digits}").parse().ok()?).ok()?, zone)
        }
        None => (Duration::ZERO, rest),
    };
    let local = days_of(year, month, day) * DAY + hour * 3_600 + minute * 60 + second;
    let seconds = u64::try_from(local - offset(zone)?).ok()?;
    sound.then_some(UNIX_EPOCH + Duration::from_secs(seconds) + fraction)
}

/// A time as HTTP writes it, rounded up to a second: who comes then never comes too early.
pub(super) fn http_date_after(at: SystemTime) -> String {
    httpdate::fmt_http_date(next_second(at))
}

/// The time itself if it is a whole second, and the next one otherwise.
pub(crate) fn next_second(at: SystemTime) -> SystemTime {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() + u64::from(since.subsec_nanos() > 0);
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Seconds of Unix time.
pub(super) fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// How far a zone is ahead of UTC, in seconds.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(zone.strip_prefix(['+', '-'])?, ':', [2, 2])?;
    Some(sign * (hours * 3_600 + minutes * 60))
}

fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let sound = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = part.parse().ok().filter(|_| sound)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// The days from 1 January 1970 to a date of the Gregorian calendar, counted in years that begin in March, so that the leap
/// day is a year's last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date so many days after 1 January 1970.
fn civil_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn times_are_written_and_read_back() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_792_567_680, "2026-10-21T07:28:00Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(at(seconds)), text);
            assert_eq!(read_rfc3339(text), Some(at(seconds)), "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_agrees_with_the_calendar_of_http() {
        for day in (0..146_097).step_by(13) {
            let time = at(day * 86_400 + 3_661);
            let written = rfc3339(time);
            assert_eq!(read_rfc3339(&written), Some(time), "{written}");
            let http = httpdate::fmt_http_date(time);
            let month = MONTHS[written[5..7].parse::<usize>().unwrap() - 1];
            let date = format!("{} {month} {} {}", &written[8..10], &written[..4], &written[11..19]);
            assert!(http.contains(&date), "{http} is {written}");
        }
    }

    #[test]
    fn offsets_and_fractions_are_read() {
        for (text, millis) in [
            ("2026-10-21T07:28:00.5Z", Some(1_792_567_680_500)),
            ("2026-10-21T09:28:00+02:00", Some(1_792_567_680_000)),
            ("2026-10-21t01:58:00-05:30", Some(1_792_567_680_000)),
            ("2026-10-21 07:28:00z", Some(1_792_567_680_000)),
            ("2026-10-21T07:28:00", None),
            ("2026-10-21", None),
            ("2026-13-21T07:28:00Z", None),
            ("2026-10-21T25:28:00Z", None),
            ("2026-10-21T07:28:00.Z", None),
            ("2026-10-21T07:28:00.5", None),
            ("1969-10-21T07:28:00Z", None),
            ("+026-10-21T07:28:00Z", None),
            ("grün", None),
        ] {
            let expected = millis.map(|millis| UNIX_EPOCH + Duration::from_millis(millis));
            assert_eq!(read_rfc3339(text), expected, "{text}");
        }
    }

    #[test]
    fn a_part_of_a_second_is_rounded_up() {
        let late = UNIX_EPOCH + Duration::from_millis(1_500);
        assert_eq!(next_second(late), at(2));
        assert_eq!(next_second(at(2)), at(2));
    }
}
