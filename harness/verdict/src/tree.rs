//! An exchange with everything that belongs to it: its attempts, and what else was seen of it where the scenario asks.

use record::{
    AttemptRow, Carried, EventKind, EventSeen, ExchangeId, ExchangeRow, Joined, LedgerRow, NOT_REACHED,
    Outcome, Said, Sample, Side, TextSeen,
};

use crate::code::Block;
use crate::fields::secrets_in;
use crate::hints::{Asked, KeyPast, RunningHint};

/// An exchange with its attempts in the order of arrival. An attempt that joins nothing stands alone in one.
#[derive(Debug, Default)]
pub(crate) struct OpenTree {
    pub(crate) exchange: Option<ExchangeRow>,
    pub(crate) attempts: Vec<HeldAttempt>,
    /// What had been asked of the key that could serve the exchange first, when it ended.
    pub(crate) first_free: Option<Asked>,
    /// Boxed, since hardly any exchange has some.
    more: Option<Box<More>>,
}

/// What else was seen of an exchange.
#[derive(Debug, Default)]
pub(crate) struct More {
    /// The response, as the client got it.
    pub(crate) got: Option<Sample>,
    /// Requests, as upstreams got them.
    pub(crate) asked: Vec<Sample>,
    pub(crate) events: Vec<EventSeen>,
    /// Whether further events came that are not in the evidence.
    pub(crate) events_cut: bool,
    pub(crate) text: Option<TextSeen>,
    /// The secrets of the text that stand in no event alone: each is spread over several.
    pub(crate) spread: Vec<String>,
    pub(crate) said: Option<Said>,
    pub(crate) code: Vec<Block>,
    pub(crate) carried: Vec<Carried>,
    pub(crate) ledger: Vec<LedgerRow>,
}

/// Something that was seen of an exchange beside its row.
#[derive(Debug)]
pub(crate) enum Extra {
    Sample(Sample),
    Event(EventSeen),
    EventsCut,
    Text(TextSeen),
    Said(Said),
    Carried(Carried),
    Ledger(LedgerRow),
}

/// An attempt with what was known of its key when it arrived.
#[derive(Debug)]
pub(crate) struct HeldAttempt {
    pub(crate) row: AttemptRow,
    /// Boxed, since hardly any attempt has one.
    pub(crate) running: Option<Box<RunningHint>>,
    pub(crate) past: KeyPast,
}

impl HeldAttempt {
    /// Whether the reply that asked to leave its key alone was given in this tree.
    pub(crate) fn was_limited_by(&self, tree: &OpenTree) -> bool {
        let giver = self.running.as_ref().map(|running| running.giver.exchange);
        tree.exchange.is_some_and(|exchange| giver == Some(exchange.id))
    }

    pub(crate) fn is_joined(&self) -> bool {
        self.row.joined == Joined::Exchange && self.row.exchange != ExchangeId::NONE
    }
}

impl OpenTree {
    /// An attempt that stands alone, with its request if that is known.
    pub(crate) fn alone(held: HeldAttempt, request: Option<Sample>) -> Self {
        let mut alone = Self { attempts: vec![held], ..Self::default() };
        request.into_iter().for_each(|request| alone.add(Extra::Sample(request)));
        alone
    }

    /// An exchange that stands alone.
    pub(crate) fn bare(row: ExchangeRow) -> Self {
        Self { exchange: Some(row), ..Self::default() }
    }

    pub(crate) fn more(&self) -> Option<&More> {
        self.more.as_deref()
    }

    pub(crate) fn add(&mut self, extra: Extra) {
        let more = self.more.get_or_insert_default();
        match extra {
            Extra::Sample(sample) if sample.side == Side::ClientGot => more.got = Some(sample),
            Extra::Sample(sample) if sample.side == Side::UpstreamGot => more.asked.push(sample),
            Extra::Sample(_) => {}
            Extra::Event(event) => more.events.push(event),
            Extra::EventsCut => more.events_cut = true,
            Extra::Text(text) => {
                more.code = Block::all_in(&text.text);
                more.text = Some(text);
            }
            Extra::Said(said) => more.said = Some(said),
            Extra::Carried(carried) => more.carried.push(carried),
            Extra::Ledger(row) => more.ledger.push(row),
        }
    }

    /// Puts what came in the order of ends into that of the beginnings.
    pub(crate) fn sort(&mut self) {
        self.attempts.sort_by_key(|held| {
            let row = &held.row;
            (row.arrived, row.end(), row.upstream, row.key, row.key_use)
        });
        if let Some(more) = &mut self.more {
            more.events.sort_by_key(|event| event.index);
            more.asked.sort_by_key(|sample| sample.at);
            more.spread = more.secrets_in_no_event();
        }
    }

    /// The place of the attempt whose answer the client was given: the one that handed over the text that came, or else the
    /// last one that was answered as the client was.
    pub(crate) fn serving(&self) -> Option<usize> {
        let exchange = self.exchange.as_ref().filter(|exchange| exchange.status != 0)?;
        let by_text = self.attempts.iter().rposition(|held| {
            exchange.text_hash != 0
                && held.row.text_hash == exchange.text_hash
                && held.row.status == exchange.status
        });
        by_text.or_else(|| self.attempts.iter().rposition(|held| held.row.status == exchange.status))
    }

    /// Whether the client had gone before it had everything, and when.
    pub(crate) fn left(&self) -> Option<record::Moment> {
        let exchange = self.exchange.as_ref().filter(|exchange| exchange.outcome == Outcome::CallerLeft)?;
        (exchange.ended != NOT_REACHED).then(|| exchange.end())
    }

    /// The request of an attempt, as its upstream got it.
    pub(crate) fn request_of(&self, held: &HeldAttempt) -> Option<&Sample> {
        let next =
            self.attempts.iter().map(|other| other.row.arrived).filter(|at| *at > held.row.arrived).min();
        let between =
            |sample: &Sample| sample.at >= held.row.arrived && next.is_none_or(|next| sample.at < next);
        let own = |sample: &&Sample| match sample.arrived {
            Some(arrived) => arrived == held.row.arrived,
            None => between(sample),
        };
        self.more()?.asked.iter().find(own)
    }
}

impl More {
    /// Secrets that the answer's text has and no event alone.
    fn secrets_in_no_event(&self) -> Vec<String> {
        let Some(text) = self.text.as_ref().filter(|_| !self.events.is_empty()) else { return Vec::new() };
        let mut spread: Vec<&str> = secrets_in(&text.text).collect();
        spread.sort_unstable();
        spread.dedup();
        for event in self.events.iter().filter(|event| event.kind == EventKind::Content) {
            for own in secrets_in(&event.data) {
                spread.retain(|secret| *secret != own);
            }
        }
        spread.into_iter().map(str::to_owned).collect()
    }
}
