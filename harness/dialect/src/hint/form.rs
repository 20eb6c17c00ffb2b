//! Every form in which a reply tells a wait: in headers, in fields of the body, in prose.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::hint::duration::{decimal_seconds, go_duration, whole_millis, whole_seconds};
use crate::hint::timestamp::{http_date_after, next_second, rfc3339, unix_seconds};

/// A form of a wait hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HintForm {
    /// `retry-after: 20`, rounded up.
    Seconds,
    /// `retry-after: 1.5`.
    Fraction,
    /// `retry-after: Wed, 21 Oct 2026 07:28:00 GMT`, rounded up.
    Date,
    /// `retry-after-ms: 1500`.
    Millis,
    /// `x-ms-retry-after-ms: 1500`.
    AzureMillis,
    /// `x-ratelimit-reset-requests: 6m0s`.
    ResetDuration,
    /// `x-ratelimit-reset-requests: 360`, rounded up.
    ResetSeconds,
    /// `anthropic-ratelimit-requests-reset: 2026-10-21T07:28:00Z`, rounded up.
    ResetTimestamp,
    /// `anthropic-ratelimit-unified-reset: 1792567680`, rounded up.
    ResetEpoch,
    /// A `RetryInfo` among the error's details: `"retryDelay": "22s"`.
    RetryInfo,
    /// An `ErrorInfo` among the error's details: `"quotaResetDelay": "373ms"`.
    QuotaReset,
    /// A sentence at the end of the error's message: `Please try again in 6m0s.`
    Prose,
    /// `retry-after` with a date of the day before, which asks for no wait.
    Past,
    /// `retry-after: -20`, which is no hint.
    Negative,
    /// `retry-after: soon`, which is no hint.
    Nonsense,
    /// `x-ratelimit-reset-requests: -1`, which is what a provider says that knows of no reset, and no hint.
    ResetUnknown,
}

/// A wait hint that is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// How it is written.
    pub form: HintForm,
    /// The wait.
    pub wait: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl HintForm {
    /// Whether it names a moment, and not a time that begins when the reply is read.
    #[must_use]
    pub fn names_a_moment(self) -> bool {
        matches!(self, Self::Date | Self::ResetTimestamp | Self::ResetEpoch)
    }

    /// Every form, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Seconds,
        Self::Fraction,
        Self::Date,
        Self::Millis,
        Self::AzureMillis,
        Self::ResetDuration,
        Self::ResetSeconds,
        Self::ResetTimestamp,
        Self::ResetEpoch,
        Self::RetryInfo,
        Self::QuotaReset,
        Self::Prose,
        Self::Past,
        Self::Negative,
        Self::Nonsense,
        Self::ResetUnknown,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Fraction => "fraction",
            Self::Date => "date",
            Self::Millis => "millis",
            Self::AzureMillis => "azure_millis",
            Self::ResetDuration => "reset_duration",
            Self::ResetSeconds => "reset_seconds",
            Self::ResetTimestamp => "reset_timestamp",
            Self::ResetEpoch => "reset_epoch",
            Self::RetryInfo => "retry_info",
            Self::QuotaReset => "quota_reset",
            Self::Prose => "prose",
            Self::Past => "past",
            Self::Negative => "negative",
            Self::Nonsense => "nonsense",
            Self::ResetUnknown => "reset_unknown",
        }
    }

    /// The form of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|form| form.name() == name)
    }
}

impl Hint {
    /// The header that tells it, if it is told in one. `now` is the wall-clock time of the reply.
    #[must_use]
    pub fn header(self, now: SystemTime) -> Option<(&'static str, String)> {
        let Self { form, wait } = self;
        Some(match form {
            HintForm::Seconds => ("retry-after", whole_seconds(wait).to_string()),
            HintForm::Fraction => ("retry-after", with_fraction(wait)),
            HintForm::Date => ("retry-after", http_date_after(after(now, wait))),
            HintForm::Millis => ("retry-after-ms", whole_millis(wait).to_string()),
            HintForm::AzureMillis => ("x-ms-retry-after-ms", whole_millis(wait).to_string()),
            HintForm::ResetDuration => ("x-ratelimit-reset-requests", go_duration(wait)),
            HintForm::ResetSeconds => ("x-ratelimit-reset-requests", whole_seconds(wait).to_string()),
            HintForm::ResetTimestamp => {
                ("anthropic-ratelimit-requests-reset", rfc3339(next_second(after(now, wait))))
            }
            HintForm::ResetEpoch => {
                let at = unix_seconds(next_second(after(now, wait)));
                ("anthropic-ratelimit-unified-reset", at.to_string())
            }
            HintForm::Past => ("retry-after", http_date_after(now.checked_sub(DAY).unwrap_or(UNIX_EPOCH))),
            HintForm::Negative => ("retry-after", format!("-{}", whole_seconds(wait).max(1))),
            HintForm::Nonsense => ("retry-after", "soon".to_owned()),
            HintForm::ResetUnknown => ("x-ratelimit-reset-requests", "-1".to_owned()),
            HintForm::RetryInfo | HintForm::QuotaReset | HintForm::Prose => return None,
        })
    }

    /// The wait as a reader of the reply computes it, which rounding makes longer; none for what is no hint, or asks for no
    /// wait.
    #[must_use]
    pub fn told(self, now: SystemTime) -> Option<Duration> {
        let Self { form, wait } = self;
        Some(match form {
            HintForm::Seconds | HintForm::ResetSeconds => Duration::from_secs(whole_seconds(wait)),
            HintForm::Date | HintForm::ResetTimestamp | HintForm::ResetEpoch => {
                next_second(after(now, wait)).duration_since(now).unwrap_or_default()
            }
            HintForm::Fraction
            | HintForm::Millis
            | HintForm::AzureMillis
            | HintForm::ResetDuration
            | HintForm::RetryInfo
            | HintForm::QuotaReset
            | HintForm::Prose => Duration::from_millis(whole_millis(wait)),
            HintForm::Past | HintForm::Negative | HintForm::Nonsense | HintForm::ResetUnknown => return None,
        })
    }

    /// The item of the error's `details` that tells it, if it is told in one, as JSON.
    #[must_use]
    pub fn detail(self) -> Option<String> {
        match self.form {
            HintForm::RetryInfo => {
                let wait = decimal_seconds(self.wait);
                Some(format!(
                    r#"{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{wait}s"}}"#
                ))
            }
            HintForm::QuotaReset => {
                let wait = go_duration(self.wait);
                Some(format!(
                    r#"{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","metadata":{{"quotaResetDelay":"{wait}"}}}}"#
                ))
            }
            _ => None,
        }
    }

    /// The sentence that tells it, if it is told in one.
    #[must_use]
    pub fn sentence(self) -> Option<String> {
        (self.form == HintForm::Prose).then(|| format!("Please try again in {}.", go_duration(self.wait)))
    }
}

/// The time after a wait. What is longer than a thousand years is so long: no date of HTTP lies beyond the year 9999.
fn after(now: SystemTime, wait: Duration) -> SystemTime {
    now.checked_add(wait.min(DAY * 365_000)).unwrap_or(now)
}

/// Seconds with a fraction, even where it is zero.
fn with_fraction(wait: Duration) -> String {
    let mut text = decimal_seconds(wait);
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found_by_its_own_name_only() {
        for form in HintForm::ALL {
            assert_eq!(HintForm::from_name(form.name()), Some(*form));
        }
        assert_eq!(HintForm::from_name("later"), None);
    }

    #[test]
    fn a_wait_is_written_in_each_form() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        let wait = Duration::from_micros(90_250_001);
        for (form, header) in [
            (HintForm::Seconds, "retry-after: 91"),
            (HintForm::Fraction, "retry-after: 90.251"),
            (HintForm::Date, "retry-after: Wed, 21 Oct 2026 07:29:31 GMT"),
            (HintForm::Millis, "retry-after-ms: 90251"),
            (HintForm::AzureMillis, "x-ms-retry-after-ms: 90251"),
            (HintForm::ResetDuration, "x-ratelimit-reset-requests: 1m30.251s"),
            (HintForm::ResetSeconds, "x-ratelimit-reset-requests: 91"),
            (HintForm::ResetTimestamp, "anthropic-ratelimit-requests-reset: 2026-10-21T07:29:31Z"),
            (HintForm::ResetEpoch, "anthropic-ratelimit-unified-reset: 1792567771"),
            (HintForm::Past, "retry-after: Tue, 20 Oct 2026 07:28:00 GMT"),
            (HintForm::Negative, "retry-after: -91"),
            (HintForm::Nonsense, "retry-after: soon"),
            (HintForm::ResetUnknown, "x-ratelimit-reset-requests: -1"),
        ] {
            let hint = Hint { form, wait };
            let (name, value) = hint.header(now).unwrap();
            assert_eq!(format!("{name}: {value}"), header);
            assert_eq!((hint.detail(), hint.sentence()), (None, None), "{form:?}");
        }
        for (form, detail) in [
            (HintForm::RetryInfo, r#""retryDelay":"90.251s"}"#),
            (HintForm::QuotaReset, r#""metadata":{"quotaResetDelay":"1m30.251s"}}"#),
        ] {
            let hint = Hint { form, wait };
            assert!(hint.detail().unwrap().ends_with(detail), "{form:?}");
            assert_eq!((hint.header(now), hint.sentence()), (None, None), "{form:?}");
        }
        let prose = Hint { form: HintForm::Prose, wait };
        assert_eq!(prose.sentence().unwrap(), "Please try again in 1m30.251s.");
        assert_eq!((prose.header(now), prose.detail()), (None, None));
        assert_eq!(with_fraction(Duration::from_secs(20)), "20.0");
    }

    #[test]
    fn no_wait_is_too_long_to_be_written() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        for form in HintForm::ALL {
            let hint = Hint { form: *form, wait: Duration::MAX };
            assert!(hint.header(now).or(hint.detail().or(hint.sentence()).map(|text| ("", text))).is_some());
        }
    }
}
