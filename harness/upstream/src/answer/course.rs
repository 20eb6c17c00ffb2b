//! What an upstream will reply to a request, decided before it thinks.

use std::cell::OnceCell;
use std::sync::Arc;

use dialect::{Cause, ChatRequest, Dialect, Unfit};
use http::{HeaderValue, Method};
use record::{Moment, NameId};
use scenario::{Protocol, Values};

use super::Visit;
use crate::asked::Asked;
use crate::charge::Charge;
use crate::decision::Decision;
use crate::deed::Done;
use crate::keyring::{KeyUse, NoEntry};
use crate::plans::Cost;
use crate::request_body::{Cut, Received};
use crate::speech::Chat;

/// What will be replied, as far as it is decided before the upstream thinks.
pub(super) enum Course<'r> {
    Refused(Cause<'static>, NameId),
    UnknownPath,
    Models,
    Decided(Decided<'r>),
}

/// What the rules decided.
pub(super) struct Decided<'r> {
    pub(super) decision: Decision<'r>,
    /// Nothing but defaults for a request that is no chat request.
    pub(super) chat: Chat,
    /// What templates of the reply fill in.
    pub(super) values: Values,
    /// Whether the upstream thinks about it.
    pub(super) thinks: bool,
}

impl Visit {
    /// Decides, and charges what is taken.
    pub(super) fn course(&self, received: &Received, now: Moment) -> Course<'_> {
        let errors = &self.upstream.errors;
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
        let (method, path) = (&self.head.method, self.head.uri.path());
        if method == Method::GET && dialect.models_paths().contains(&path) {
            let decided = self.decide((key, None), received, None, now);
            return if decided.decision.deviates { Course::Decided(decided) } else { Course::Models };
        }
        if method != Method::POST || !dialect.chat_paths().contains(&path) {
            return Course::UnknownPath;
        }
        let header = |name: &str| self.head.headers.get(name).map(HeaderValue::as_bytes);
        if let Some(name) = dialect.missing_header(header) {
            return Course::Refused(Cause::NoHeader(name), errors.bad_request);
        }
        self.chat((key, dialect), received, now)
    }

    fn chat(&self, (key, dialect): (KeyUse, Dialect), received: &Received, now: Moment) -> Course<'_> {
        let chat = match dialect.chat_request(&received.bytes) {
            Ok(chat) => chat,
            Err(unfit) => return self.unfit(unfit),
        };
        let journal = &self.upstream.journal;
        let model = self.upstream.models.number(&chat.model, |model| journal.redacted(model));
        self.connection.note(|attempt| (attempt.row.model, attempt.row.streamed) = (model, chat.stream));
        let most_output = chat.max_tokens.map_or_else(|| self.upstream.rules.usual_output(), u64::from);
        let cost = Cost { model: &chat.model, input: chat.words, most_output };
        let mut decided = self.decide((key, Some(&chat)), received, Some(cost), now);
        decided.thinks = true;
        let ChatRequest { model, stream, include_usage, words, .. } = chat;
        decided.chat = Chat { model: model.into_owned(), stream, include_usage, words };
        self.charge(key, &mut decided);
        Course::Decided(decided)
    }

    fn unfit(&self, unfit: Unfit) -> Course<'_> {
        Course::Refused(Cause::Unfit(unfit), self.upstream.errors.bad_request)
    }

    /// What a service replies, whatever it is asked.
    fn serve(&self, key: KeyUse, received: &Received, now: Moment) -> Course<'_> {
        let cost = Cost { model: "", input: 0, most_output: 0 };
        let mut decided = self.decide((key, None), received, Some(cost), now);
        decided.thinks = true;
        self.charge(key, &mut decided);
        Course::Decided(decided)
    }

    fn decide(
        &self,
        (key, chat): (KeyUse, Option<&ChatRequest<'_>>),
        received: &Received,
        cost: Option<Cost<'_>>,
        now: Moment,
    ) -> Decided<'_> {
        let seat = self.upstream.keys.seat(key);
        let asked = Asked {
            seat,
            key,
            nth: self.nth,
            chat,
            head: &self.head,
            body: &received.bytes,
            tree: OnceCell::new(),
        };
        let decision = self.upstream.rules.decide(seat, &asked, cost, now);
        let names: &[String] = match decision.done {
            Done::Reply(rule) => &rule.names,
            Done::Broken(broken) => &broken.of.names,
            Done::Connection(_) => &[],
        };
        let values = asked.values(names);
        Decided { decision, chat: Chat::default(), values, thinks: false }
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
