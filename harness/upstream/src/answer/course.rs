//! What an upstream will reply to a request, decided before it thinks.

use std::cell::OnceCell;
use std::sync::Arc;

use dialect::{About, Cause, ChatRequest, Dialect, Surface};
use http::{HeaderValue, Method};
use record::{Moment, NameId};
use scenario::{Protocol, Values};

use super::{Visit, target};
use crate::asked::Asked;
use crate::charge::Charge;
use crate::decision::{Business, Decision};
use crate::keyring::{KeyUse, NoEntry};
use crate::plans::Cost;
use crate::request_body::{Cut, Received};
use crate::speech::Chat;

/// What will be replied, as far as it is decided before the upstream thinks.
pub(super) enum Course<'r> {
    Refused(Cause<'static>, NameId),
    UnknownPath,
    Models,
    About(About),
    Decided(Decided<'r>),
}

/// What the rules decided.
pub(super) struct Decided<'r> {
    pub(super) decision: Decision<'r>,
    /// Nothing but defaults for a request that asks no model.
    pub(super) chat: Chat,
    /// What templates of the reply fill in.
    pub(super) values: Values,
    /// Whether it is work for the upstream, about which it thinks.
    pub(super) works: bool,
}

impl Visit {
    /// Decides, and charges what is taken.
    pub(super) fn course(&self, received: &Received, now: Moment) -> Course<'_> {
        let errors = &self.upstream.errors;
        if let Some(about) = self.asked_about() {
            let key = self.key.unwrap_or_else(|_| self.upstream.keys.nobody());
            let mut decided = self.decide((key, None), received, Business::Stray, now);
            decided.chat.about = Some(about);
            return if decided.decision.deviates { Course::Decided(decided) } else { Course::About(about) };
        }
        let key = match self.key {
            Ok(key) => key,
            Err(NoEntry::Missing) => return Course::Refused(Cause::NoKey, errors.invalid_key),
            Err(NoEntry::Unknown) => {
                return Course::Refused(Cause::Named(dialect::ErrorName::InvalidKey), errors.invalid_key);
            }
        };
        if received.cut == Some(Cut::TooLong) {
            return Course::Refused(Cause::Named(dialect::ErrorName::TooLarge), errors.too_large);
        }
        let Protocol::Llm(dialect) = self.upstream.protocol else {
            return self.serve(key, received, now);
        };
        if self.head.method == Method::GET && dialect.lists_models(target(&self.head)).is_some() {
            let mut decided = self.decide((key, None), received, Business::List, now);
            decided.chat.lists_models = true;
            return if decided.decision.deviates { Course::Decided(decided) } else { Course::Models };
        }
        let refused = match self.ask_model(dialect, key, received, now) {
            Course::Decided(decided) => return Course::Decided(decided),
            refused => refused,
        };
        let decided = self.decide((key, None), received, Business::Stray, now);
        if decided.decision.deviates { Course::Decided(decided) } else { refused }
    }

    /// What the server is asked of itself, for which nobody needs a key.
    fn asked_about(&self) -> Option<About> {
        let Protocol::Llm(dialect) = self.upstream.protocol else { return None };
        // What has an address of its own is a server of one's own, also where it speaks as OpenAI does.
        let of_ones_own = self.connection.entrance().is_some() && dialect == Dialect::Openai;
        let dialect = if of_ones_own { Dialect::Vllm } else { dialect };
        dialect.asked_about(target(&self.head)).filter(|_| self.head.method == Method::GET)
    }

    fn ask_model(&self, dialect: Dialect, key: KeyUse, received: &Received, now: Moment) -> Course<'_> {
        let errors = &self.upstream.errors;
        let asked = dialect.asked(target(&self.head)).filter(|_| self.head.method == Method::POST);
        let Some(asked) = asked else { return Course::UnknownPath };
        let header = |name: &str| self.head.headers.get(name).map(HeaderValue::as_bytes);
        if let Some(name) = asked.dialect.missing_header(header) {
            return Course::Refused(Cause::NoHeader(name), errors.bad_request);
        }
        match asked.request(&received.bytes) {
            Ok(chat) => self.chat(key, (asked.surface, chat), received, now),
            Err(unfit) => Course::Refused(Cause::Unfit(unfit), errors.bad_request),
        }
    }

    fn chat(
        &self,
        key: KeyUse,
        (surface, chat): (Surface, ChatRequest<'_>),
        received: &Received,
        now: Moment,
    ) -> Course<'_> {
        let journal = &self.upstream.journal;
        let model = self.upstream.models.number(&chat.model, |model| journal.redacted(model));
        self.connection.note(|attempt| (attempt.row.model, attempt.row.streamed) = (model, chat.stream));
        let most_output = chat.max_tokens.map_or_else(|| self.upstream.rules.usual_output(), u64::from);
        let cost = Cost { model: &chat.model, input: chat.words, most_output, weight: 1 };
        let mut decided = self.decide((key, Some(&chat)), received, Business::Work(cost), now);
        if let Some(work) = &self.upstream.work {
            self.connection.note(|attempt| attempt.at_work = Some(work.begin()));
        }
        decided.chat = Chat::new(surface, chat);
        self.charge(key, &mut decided);
        Course::Decided(decided)
    }

    /// What a service replies, whatever it is asked.
    fn serve(&self, key: KeyUse, received: &Received, now: Moment) -> Course<'_> {
        let cost = Cost { model: "", input: 0, most_output: 0, weight: 1 };
        let mut decided = self.decide((key, None), received, Business::Work(cost), now);
        if self.upstream.service.as_ref().is_some_and(|service| service.claims_health(&self.head)) {
            decided.decision = self.upstream.rules.undisturbed();
        }
        self.charge(key, &mut decided);
        Course::Decided(decided)
    }

    fn decide(
        &self,
        (key, chat): (KeyUse, Option<&ChatRequest<'_>>),
        received: &Received,
        business: Business<'_>,
        now: Moment,
    ) -> Decided<'_> {
        let seat = self.upstream.keys.seat(key);
        let asked = Asked {
            keys: &self.upstream.keys,
            seat,
            key,
            nth: self.nth,
            ordinal: self.ordinal,
            chat,
            head: &self.head,
            body: &received.bytes,
            tree: OnceCell::new(),
        };
        let works = matches!(business, Business::Work(_));
        let decision = self.upstream.rules.decide(seat, &asked, business, now);
        if !decision.deviates {
            self.note_unmatched(&asked);
        }
        if decision.script.is_some() {
            // A caller may leave while the upstream thinks.
            self.connection.note(|attempt| attempt.row.script = decision.script);
        }
        let values = decision.done.reply().map(|reply| asked.values(&reply.names)).unwrap_or_default();
        Decided { decision, chat: Chat::default(), values, works }
    }

    /// Tells of the first requests that no entry took, for whoever asks why an entry was never met.
    fn note_unmatched(&self, asked: &Asked<'_>) {
        let journal = &self.upstream.journal;
        if !journal.wants_unmatched() {
            return;
        }
        let near = self.upstream.rules.near_miss(asked);
        let asked = format!("{} {}", self.head.method, target(&self.head));
        self.connection.note(|attempt| journal.unmatched(&attempt.row, &asked, near.as_ref()));
    }

    /// What was taken is given back when the attempt is over, however it ends.
    fn charge(&self, key: KeyUse, decided: &mut Decided<'_>) {
        let taken = std::mem::take(&mut decided.decision.taken);
        if taken.is_empty() {
            return;
        }
        let upstream = Arc::clone(&self.upstream);
        let (model, used) = (decided.chat.model.clone(), (decided.chat.words, 0));
        let charge = Charge { upstream, key, model, taken, used };
        self.connection.note(|attempt| attempt.charge = Some(Box::new(charge)));
    }
}
