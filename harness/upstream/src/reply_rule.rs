//! A reply of the scenario, made ready: what is known beforehand is worked out once, what depends on the request is left.

use std::time::Duration;

use dialect::HintForm;
use http::{HeaderName, HeaderValue};
use record::NameId;
use scenario::{BodyLength, Data, Distribution, HintName, Protocol, Reply};

use crate::answer_maker::AnswerMaker;
use crate::material::Material;
use crate::preparation::Preparation;

/// A reply, made ready.
#[derive(Debug)]
pub(crate) struct ReplyRule {
    /// Where in the upstream it stands.
    pub(crate) place: String,
    pub(crate) said: Said,
    /// The status, where the scenario sets it.
    pub(crate) status: Option<u16>,
    /// Headers besides the dialect's own.
    pub(crate) headers: Vec<(HeaderName, Material)>,
    /// Headers of the dialect that it leaves out.
    pub(crate) without: Vec<HeaderName>,
    /// The wait that it asks for.
    pub(crate) wait: Option<Duration>,
    /// How it tells that wait.
    pub(crate) hints: Vec<HintForm>,
    pub(crate) latency: Option<Distribution>,
    /// How the length of its body is told.
    pub(crate) length: BodyLength,
    /// Tokens of request and answer that plans count instead of what it reports.
    pub(crate) charges: Option<(u64, u64)>,
    /// The names behind `request.` that are filled in.
    pub(crate) names: Vec<String>,
}

/// What a reply says.
#[derive(Debug)]
pub(crate) enum Said {
    /// An answer of the dialect.
    Answer(Box<AnswerMaker>),
    /// An error of the dialect, perhaps with another body.
    Error {
        /// The error.
        error: dialect::ErrorName,
        /// Its name's number.
        number: NameId,
        /// The body in so many words.
        body: Option<Material>,
    },
    /// A body in so many words; empty for a status alone.
    Body(Material),
}

/// What a service says that was not told what to say.
const DEFAULT_BODY: &str = r#"{"ok":true}"#;

impl ReplyRule {
    /// A reply, made ready. `place` says where in the upstream it stands.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn new(reply: &Reply, place: &str, preparation: &mut Preparation<'_>) -> Result<Self, String> {
        let said = Said::new(reply, place, preparation)?;
        let headers: Vec<(HeaderName, Material)> = reply
            .headers
            .0
            .iter()
            .map(|(name, value)| header(&name.value, Material::filled(value)))
            .collect::<Result<_, String>>()?;
        let mut names = said.material().map(Material::names).unwrap_or_default();
        names.extend(headers.iter().flat_map(|(_, value)| value.names()));
        Ok(Self {
            place: place.to_owned(),
            hints: hints(reply, preparation.protocol),
            said,
            status: reply.status,
            headers,
            without: reply
                .without
                .iter()
                .map(|name| header_name(&name.value))
                .collect::<Result<_, String>>()?,
            wait: reply.retry_after,
            latency: reply.latency.clone(),
            length: reply.length,
            charges: reply.charges.as_ref().map(|charges| (charges.input.into(), charges.output.into())),
            names,
        })
    }

    /// An error by its name and nothing else.
    pub(crate) fn error(
        error: scenario::ErrorName,
        wait: Option<Duration>,
        preparation: &mut Preparation<'_>,
    ) -> Result<Self, String> {
        let reply = Reply { retry_after: wait, ..Reply::of(error) };
        Self::new(&reply, error.word(), preparation)
    }
}

impl Said {
    fn new(reply: &Reply, place: &str, preparation: &mut Preparation<'_>) -> Result<Self, String> {
        let body = |data: &Data| Material::new(data, preparation.seed_of(place));
        if let Some(name) = reply.error {
            let error = named(name)?;
            let number = preparation.names.id(name.word());
            return Ok(Self::Error { error, number, body: reply.body.as_ref().map(body) });
        }
        if let Some(data) = &reply.body {
            return Ok(Self::Body(body(data)));
        }
        let answers = reply.text.is_some()
            || reply.usage.is_some()
            || reply.finish.is_some()
            || !reply.tools.is_empty()
            || reply.stream.is_some();
        if !answers && reply.status.is_some_and(|status| status != 200) {
            return Ok(Self::Body(Material::text("")));
        }
        Ok(match preparation.protocol {
            Protocol::Llm(_) => Self::Answer(Box::new(AnswerMaker::new(reply, place, preparation))),
            Protocol::Http | Protocol::Rest => {
                Self::Body(reply.text.as_ref().map_or_else(|| Material::text(DEFAULT_BODY), body))
            }
        })
    }

    fn material(&self) -> Option<&Material> {
        match self {
            Self::Answer(answer) => Some(answer.text()),
            Self::Error { body, .. } => body.as_ref(),
            Self::Body(body) => Some(body),
        }
    }
}

/// The dialect's error of the same name.
pub(crate) fn named(name: scenario::ErrorName) -> Result<dialect::ErrorName, String> {
    let word = name.word();
    dialect::ErrorName::from_name(word).ok_or_else(|| format!("no dialect knows the error `{word}`"))
}

fn header(name: &str, value: Material) -> Result<(HeaderName, Material), String> {
    let parsed = header_name(name)?;
    if let Material::Fixed(bytes) = &value {
        HeaderValue::from_maybe_shared(bytes.clone())
            .map_err(|_| format!("the header `{name}` holds what no header can"))?;
    }
    Ok((parsed, value))
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header's name"))
}

/// The forms in which a reply tells its wait. A sentence belongs to the refusals of a limit only.
fn hints(reply: &Reply, protocol: Protocol) -> Vec<HintForm> {
    use scenario::ErrorName::{Concurrency, DailyLimit, RateLimit, SlowDown};
    let dialect = match protocol {
        Protocol::Llm(dialect) => Some(dialect),
        Protocol::Http | Protocol::Rest => None,
    };
    if reply.hints.is_empty() {
        let limited = matches!(reply.error, Some(RateLimit | DailyLimit | SlowDown | Concurrency));
        let usual = dialect.map_or(&[HintForm::Seconds][..], dialect::Dialect::usual_hints);
        return usual.iter().copied().filter(|form| *form != HintForm::Prose || limited).collect();
    }
    let form = |hint: &HintName| {
        Some(match hint {
            HintName::Untold => return None,
            HintName::Seconds => HintForm::Seconds,
            HintName::Fraction => HintForm::Fraction,
            HintName::Date => HintForm::Date,
            HintName::Millis => HintForm::Millis,
            HintName::AzureMillis => HintForm::AzureMillis,
            HintName::Reset => dialect.map_or(HintForm::ResetSeconds, dialect::Dialect::reset_hint),
            HintName::ResetDuration => HintForm::ResetDuration,
            HintName::ResetSeconds => HintForm::ResetSeconds,
            HintName::ResetTimestamp => HintForm::ResetTimestamp,
            HintName::ResetEpoch => HintForm::ResetEpoch,
            HintName::Body => HintForm::RetryInfo,
            HintName::QuotaReset => HintForm::QuotaReset,
            HintName::Prose => HintForm::Prose,
            HintName::Past => HintForm::Past,
            HintName::Negative => HintForm::Negative,
            HintName::Nonsense => HintForm::Nonsense,
            HintName::ResetUnknown => HintForm::ResetUnknown,
        })
    };
    reply.hints.iter().filter_map(form).collect()
}
