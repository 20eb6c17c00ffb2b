//! What a reply of the scenario comes to for one request: its head, and a body that is whole, streamed, or breaks off.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use dialect::{
    About, Cause, ChatRequest, Dialect, Hint, Inputs, Refusal, RefusalReply, Serving, StreamEvents, Surface,
    Usage,
};
use http::HeaderValue;
use record::NameId;
use scenario::{Protocol, Values};

use crate::answer_maker::AnswerMaker;
use crate::contents::count;
use crate::deed::{BreakPlace, BrokenRule};
use crate::draw::Draws;
use crate::paced_events::{Break, PacedEvents, plain_wait};
use crate::reply_body::TornBody;
use crate::reply_head::{JSON, ReplyHead, ToldWait};
use crate::reply_rule::{ReplyRule, Said};
use crate::service::Sending;
use crate::tear::{LastWords, Tear};
use crate::upstream::Upstream;

/// A request to a model without its text.
#[derive(Debug, Default)]
pub(crate) struct Chat {
    pub(crate) surface: Surface,
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) continuous_usage: bool,
    pub(crate) words: u64,
    /// Whether it asks no model and wants to know which there are.
    pub(crate) lists_models: bool,
    /// What it wants to know of the server itself, if it asks for that.
    pub(crate) about: Option<About>,
    /// What is to be embedded; none for a request that asks for a text.
    pub(crate) inputs: Option<Inputs>,
}

/// Who speaks, to what, and when.
pub(crate) struct Speaker<'a> {
    pub(crate) upstream: &'a Upstream,
    /// In which dialect.
    pub(crate) dialect: Dialect,
    pub(crate) chat: &'a Chat,
    pub(crate) values: &'a Values,
    pub(crate) draws: Draws,
    pub(crate) request_id: &'a str,
    pub(crate) wall: SystemTime,
    pub(crate) unix_seconds: u64,
}

/// A reply that is ready to be sent.
pub(crate) struct Speech {
    pub(crate) head: ReplyHead,
    pub(crate) body: SpokenBody,
    /// Tokens of the request and of the answer.
    pub(crate) used: (u64, u64),
    /// What the whole reply reports; none where it is told as the reply goes on, or not at all.
    pub(crate) reported: Option<(u32, u32)>,
    /// The hash of the text, for a reply that is sent whole; 0 for one without any.
    pub(crate) text_hash: u32,
    /// Whether the evidence is not shown the body.
    pub(crate) hidden: bool,
}

/// The body of a reply, before it is bound to a connection.
pub(crate) enum SpokenBody {
    Whole(Bytes),
    Events(Box<PacedEvents>),
    Torn(TornBody),
    File(Sending),
}

impl Chat {
    pub(crate) fn new(surface: Surface, request: ChatRequest<'_>) -> Self {
        let ChatRequest { model, stream, include_usage, continuous_usage, words, inputs, .. } = request;
        let (model, lists_models, about) = (model.into_owned(), false, None);
        Self { surface, model, stream, include_usage, continuous_usage, words, lists_models, about, inputs }
    }
}

impl Speaker<'_> {
    /// A reply that is given as it is.
    ///
    /// # Errors
    /// Something of the reply cannot be filled in, in words for the user.
    pub(crate) fn say(
        &self,
        rule: &ReplyRule,
        script: NameId,
        wait: Option<Duration>,
    ) -> Result<Speech, String> {
        self.speech(rule, None, (script, wait))
    }

    /// A reply that breaks off.
    ///
    /// # Errors
    /// Something of the reply cannot be filled in, in words for the user.
    pub(crate) fn break_off(&self, broken: &BrokenRule, script: NameId) -> Result<Speech, String> {
        let mut speech = self.speech(&broken.of, Some(broken), (script, broken.of.wait))?;
        if matches!(broken.end, scenario::StreamEnd::Error | scenario::StreamEnd::ErrorThenDone) {
            speech.head.error = broken.error_number;
        }
        Ok(speech)
    }

    /// A refusal that stands in no scenario.
    pub(crate) fn refuse(&self, cause: Cause<'_>, number: NameId) -> Speech {
        let refusal = self.refusal(cause, None, &[]);
        let mut head = ReplyHead { status: refusal.status, error: number, ..ReplyHead::new(NameId::NONE) };
        head.body(JSON);
        Speech::whole(head, refusal.body.into())
    }

    fn speech(
        &self,
        rule: &ReplyRule,
        broken: Option<&BrokenRule>,
        (script, wait): (NameId, Option<Duration>),
    ) -> Result<Speech, String> {
        let mut head = ReplyHead::new(script);
        let hints: Vec<Hint> = wait
            .map_or_else(Vec::new, |wait| rule.hints.iter().map(|form| Hint { form: *form, wait }).collect());
        // A refusal in the dialect's own words can tell a wait in its body; everything else tells it in headers or not at all.
        let in_body =
            matches!(rule.said, Said::Error { body: None, .. }) && !self.upstream.protocol.is_service();
        for (name, value) in hints.iter().filter_map(|hint| hint.header(self.wall)) {
            head.set(name, value);
        }
        let mut speech = match &rule.said {
            Said::Answer(maker) => self.answer(head, maker, broken)?,
            Said::Error { error, number, body } => {
                let model = Some(self.chat.model.as_str()).filter(|model| !model.is_empty());
                let cause = match (error, model) {
                    (dialect::ErrorName::ModelNotFound, Some(model)) => Cause::ModelNotFound(model),
                    _ => Cause::Named(*error),
                };
                let refusal = self.refusal(cause, rule.status, &hints);
                (head.status, head.error) = (refusal.status, *number);
                refusal.headers.into_iter().for_each(|(name, value)| head.set(name, value));
                head.body(JSON);
                let body = body.as_ref().map(|body| body.bytes(self.values)).transpose()?;
                self.plain(head, body.unwrap_or_else(|| refusal.body.into()), broken)
            }
            Said::Body(body) => {
                let body = body.bytes(self.values)?;
                if !body.is_empty() {
                    head.body(JSON);
                }
                self.plain(head, body, broken)
            }
        };
        speech.head.status = rule.status.unwrap_or(speech.head.status);
        speech.head.length = rule.length;
        speech.used = rule.charges.unwrap_or(speech.used);
        speech.head.leave_out(&rule.without);
        for (name, value) in &rule.headers {
            let value = HeaderValue::from_maybe_shared(value.bytes(self.values)?)
                .map_err(|_| {
                    format!("the header `{name}` would hold what no header can, such as a line break: fill in something else")
                })?;
            speech.head.headers.insert(name.clone(), value);
        }
        speech.head.hint = self.told_wait(&hints, (&speech.head, in_body));
        Ok(speech)
    }

    /// The wait that a reader computes from what the reply really tells: of several hints in one header, the last one stands.
    /// All hints tell one wait, and rounding only makes it longer: who reads the most precise one comes too early for none.
    fn told_wait(&self, hints: &[Hint], (head, in_body): (&ReplyHead, bool)) -> Option<ToldWait> {
        let stands = |hint: &&Hint| match hint.header(self.wall) {
            Some((name, value)) => {
                head.headers.get(name).is_some_and(|told| told.as_bytes() == value.as_bytes())
            }
            None => in_body,
        };
        let told = |hint: &Hint| {
            Some(ToldWait { wait: hint.told(self.wall)?, is_a_moment: hint.form.names_a_moment() })
        };
        hints.iter().filter(stands).filter_map(told).min_by_key(|told| told.wait)
    }

    fn answer(
        &self,
        mut head: ReplyHead,
        maker: &AnswerMaker,
        broken: Option<&BrokenRule>,
    ) -> Result<Speech, String> {
        let (dialect, surface) = (self.dialect, self.chat.surface);
        if self.chat.lists_models {
            head.body(JSON);
            let body = dialect.model_list(self.upstream.models.served(), self.unix_seconds);
            return Ok(self.plain(head, body.into(), broken));
        }
        if let Some(about) = self.chat.about {
            let told = self.upstream.told_about(dialect, about);
            told.content_type.into_iter().for_each(|kind| head.body(kind));
            return Ok(self.plain(head, told.body.into(), broken));
        }
        let id = self.draws.id(dialect.answer_id_prefix(surface));
        let serving = Serving { id: &id, created: self.unix_seconds, model: &self.chat.model };
        if let Some(inputs) = &self.chat.inputs {
            return Ok(self.embeddings(head, (maker, inputs, &serving), broken));
        }
        let made = maker.make(self.chat.words, self.values, (self.draws, dialect.tool_id_prefix()))?;
        head.answer = maker.name;
        let usage = made.answer.usage;
        let used = (usage.whole_input(), u64::from(usage.output));
        let events =
            |answer| dialect.stream_events(surface, answer, &serving, maker.dialect_shape(self.chat));
        if self.chat.stream {
            head.body(dialect.stream_format(surface).content_type());
            let events = events(made.answer);
            let breaks = broken.map(|broken| {
                let error = self.refusal(Cause::Named(broken.error), None, &[]);
                Break::new(place_in(broken.place, &events), error, (self.tear(broken), broken.lasts))
            });
            let events = PacedEvents::new(events, (maker.shape.clone(), self.draws), breaks);
            let body = SpokenBody::Events(Box::new(events));
            let hidden = maker.cuts_secrets();
            return Ok(Speech { head, body, used, reported: None, text_hash: 0, hidden });
        }
        head.body(JSON);
        let body = Bytes::from(dialect.answer_body(surface, &made.answer, &serving));
        let reported = Some((limited(used.0), usage.output));
        let Some(broken) = broken else {
            return Ok(Speech { used, reported, text_hash: made.hash, ..Speech::whole(head, body) });
        };
        let contents = count(events(made.answer));
        let torn = self.torn(head, &body, broken, contents);
        // What only comes late is told in the end.
        let (reported, text_hash) = if broken.lasts.is_some() { (reported, made.hash) } else { (None, 0) };
        Ok(Speech { used, reported, text_hash, ..torn })
    }

    /// A vector for each text. It has no text that could be told by its name, so that the row names no answer.
    fn embeddings(
        &self,
        mut head: ReplyHead,
        (maker, inputs, serving): (&AnswerMaker, &Inputs, &Serving<'_>),
        broken: Option<&BrokenRule>,
    ) -> Speech {
        let usage = Usage { output: 0, reasoning: 0, ..maker.usage_of(self.chat.words, 0) };
        let used = (usage.whole_input(), 0);
        head.body(JSON);
        let body = self.dialect.embeddings_body(inputs, usage, serving);
        let reported = broken.is_none().then(|| (limited(used.0), 0));
        Speech { used, reported, ..self.plain(head, body.into(), broken) }
    }

    /// A reply with a plain body that is no answer, which perhaps breaks off.
    fn plain(&self, head: ReplyHead, body: Bytes, broken: Option<&BrokenRule>) -> Speech {
        match broken {
            None => Speech::whole(head, body),
            Some(broken) => self.torn(head, &body, broken, 1),
        }
    }

    /// A reply whose plain body, which would be so many contents as a stream, breaks off.
    fn torn(&self, head: ReplyHead, body: &Bytes, broken: &BrokenRule, contents: u32) -> Speech {
        let length = body.len();
        let kept = match broken.place {
            BreakPlace::After(_) => length / 2,
            BreakPlace::Share(share) => portion(length as u64, share.millionths.into(), 1_000_000),
            BreakPlace::Bytes(bytes) => usize::try_from(bytes).unwrap_or(length).min(length),
            BreakPlace::Contents(told) => portion(length as u64, told, contents.max(1).into()),
        };
        let error = self.refusal(Cause::Named(broken.error), None, &[]).body;
        let mut tear = self.tear(broken);
        tear.say(LastWords { error, ..LastWords::default() });
        let rest = broken.lasts.map(|lasts| (lasts, body.slice(kept..)));
        let (begin, wait) = (body.slice(..kept), plain_wait(broken.place));
        let torn = TornBody { begin, length, wait, rest, tear, pause: None };
        Speech { body: SpokenBody::Torn(torn), ..Speech::whole(head, Bytes::new()) }
    }

    fn tear(&self, broken: &BrokenRule) -> Tear {
        Tear::new(broken.end, self.upstream.stopped())
    }

    /// A refusal in the upstream's own words, perhaps with another status than is usual. A service has no dialect: it says the
    /// status and the name of the error.
    fn refusal(&self, cause: Cause<'_>, status: Option<u16>, hints: &[Hint]) -> RefusalReply {
        let refusal = Refusal { cause, status, hints, now: self.wall, request_id: self.request_id };
        let refusal = self.dialect.refusal(&refusal);
        match self.upstream.protocol {
            Protocol::Llm(_) => refusal,
            Protocol::Http => {
                let name = cause.error().map_or("unknown_path", dialect::ErrorName::name);
                RefusalReply { body: format!(r#"{{"error":"{name}"}}"#).into_bytes(), ..refusal }
            }
            Protocol::Rest => {
                let name = cause.error().map_or("unknown_path", dialect::ErrorName::name);
                let body =
                    serde_json::json!({ "error": { "code": name, "message": name.replace('_', " ") } });
                RefusalReply { body: body.to_string().into_bytes(), ..refusal }
            }
        }
    }
}

impl Speech {
    fn whole(head: ReplyHead, body: Bytes) -> Self {
        Self::plain(head, SpokenBody::Whole(body))
    }

    /// A reply that is no answer of a model.
    pub(crate) fn plain(head: ReplyHead, body: SpokenBody) -> Self {
        Self { head, body, used: (0, 0), reported: None, text_hash: 0, hidden: false }
    }
}

/// Where a stream breaks off, with a share as the number of contents that it means.
fn place_in(place: BreakPlace, events: &StreamEvents) -> BreakPlace {
    let BreakPlace::Share(share) = place else { return place };
    let all = u64::from(count(events.clone()));
    BreakPlace::Contents(portion(all, share.millionths.into(), 1_000_000) as u64)
}

/// A part of a whole, which is no more than the whole.
fn portion(whole: u64, part: u64, of: u64) -> usize {
    let portion = u128::from(whole) * u128::from(part) / u128::from(of.max(1));
    usize::try_from(portion.min(u128::from(whole))).unwrap_or(usize::MAX)
}

fn limited(tokens: u64) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}
