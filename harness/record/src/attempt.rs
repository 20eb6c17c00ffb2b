//! An attempt as a row: one request that an upstream saw.

use std::time::Duration;

use crate::bytes::{RowReader, RowWriter};
use crate::clock::{Moment, NOT_REACHED};
use crate::correlation::ExchangeId;
use crate::names::NameId;
use crate::outcome::{Outcome, closed_list};

closed_list! {
    /// How an attempt is joined to an exchange.
    Joined {
        /// By the mark that its exchange planted.
        Exchange = 0 "exchange",
        /// It carries a mark of another trial.
        Foreign = 1 "foreign",
        /// It carries no mark: a health check, a warm-up.
        Nothing = 2 "nothing",
    }
}

/// One request that an upstream saw. Times are microseconds after `arrived`, [`NOT_REACHED`] where nothing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// The exchange that it belongs to, or [`ExchangeId::NONE`].
    pub exchange: ExchangeId,
    /// How that is known.
    pub joined: Joined,
    /// The upstream that saw it.
    pub upstream: NameId,
    /// The key that it carried; none for an unknown key or no key.
    pub key: NameId,
    /// The model that it asked for.
    pub model: NameId,
    /// The script entry, timeline entry or plan that decided the reply.
    pub script: NameId,
    /// The error that was replied, by the language's name for it.
    pub error: NameId,
    /// When its head had come.
    pub arrived: Moment,
    /// When its body had come.
    pub read: u32,
    /// When the first byte of the reply was handed to the connection.
    pub head: u32,
    /// When the last byte of the reply was handed to the connection, or the connection ended.
    pub ended: u32,
    /// The status that was replied; 0 where there was none.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether a stream was asked for.
    pub streamed: bool,
    /// The wait hint that was replied, in milliseconds; [`NOT_REACHED`] where there was none.
    pub hint_ms: u32,
    /// Which use of its key it was, counted from 1.
    pub key_use: u32,
    /// A hash of the request's body.
    pub body_hash: u32,
    /// A hash of the text that was handed to the connection; 0 where there was none.
    pub text_hash: u32,
    /// Input tokens of every class that the reply reported.
    pub input_tokens: u32,
    /// Output tokens that the reply reported.
    pub output_tokens: u32,
    /// The answer that was given, where one was: [`crate::AnswerSeen`] says the rest.
    pub answer: NameId,
}

impl AttemptRow {
    /// The width of a row.
    pub const BYTES: usize = 64;

    /// A row for a request whose head has just come: nothing is known yet but where and when.
    #[must_use]
    pub fn opened(upstream: NameId, arrived: Moment) -> Self {
        Self {
            exchange: ExchangeId::NONE,
            joined: Joined::Nothing,
            upstream,
            key: NameId::NONE,
            model: NameId::NONE,
            script: NameId::NONE,
            error: NameId::NONE,
            arrived,
            read: NOT_REACHED,
            head: NOT_REACHED,
            ended: NOT_REACHED,
            status: 0,
            outcome: Outcome::Abandoned,
            streamed: false,
            hint_ms: NOT_REACHED,
            key_use: 0,
            body_hash: 0,
            text_hash: 0,
            input_tokens: 0,
            output_tokens: 0,
            answer: NameId::NONE,
        }
    }

    /// When it was over; for one that never was, when it arrived.
    #[must_use]
    pub fn end(&self) -> Moment {
        self.arrived.plus_micros(self.ended).unwrap_or(self.arrived)
    }

    /// When its reply began; for one without a reply, when it was over.
    #[must_use]
    pub fn replied(&self) -> Moment {
        self.arrived.plus_micros(self.head).unwrap_or_else(|| self.end())
    }

    /// Whether nobody can know whose it is: it carries no mark as far as it was read, and its body, where the mark stands as a
    /// rule, did not come whole.
    #[must_use]
    pub fn is_of_unknown_origin(&self) -> bool {
        self.joined == Joined::Nothing && self.read == NOT_REACHED
    }

    /// The wait hint that it was given.
    #[must_use]
    pub fn hint(&self) -> Option<Duration> {
        (self.hint_ms != NOT_REACHED).then(|| Duration::from_millis(u64::from(self.hint_ms)))
    }

    /// The row's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        RowWriter::new(&mut bytes)
            .u32(self.exchange.0)
            .u8(self.joined.code() | u8::from(self.streamed) << 7)
            .u16(self.upstream.0)
            .u16(self.key.0)
            .u16(self.model.0)
            .u16(self.script.0)
            .u16(self.error.0)
            .u64(self.arrived.0)
            .u32(self.read)
            .u32(self.head)
            .u32(self.ended)
            .u16(self.status)
            .u8(self.outcome.code())
            .u32(self.hint_ms)
            .u32(self.key_use)
            .u32(self.body_hash)
            .u32(self.text_hash)
            .u32(self.input_tokens)
            .u32(self.output_tokens)
            .u16(self.answer.0);
        bytes
    }

    /// The row in these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut row = RowReader::new(bytes);
        let exchange = ExchangeId(row.u32());
        let flags = row.u8();
        let upstream = NameId(row.u16());
        let (key, model, script, error) =
            (NameId(row.u16()), NameId(row.u16()), NameId(row.u16()), NameId(row.u16()));
        let mut read = Self::opened(upstream, Moment(row.u64()));
        (read.exchange, read.joined) = (exchange, Joined::from_code(flags & 0x7f));
        read.streamed = flags & 0x80 != 0;
        (read.key, read.model, read.script, read.error) = (key, model, script, error);
        read.read = row.u32();
        read.head = row.u32();
        read.ended = row.u32();
        read.status = row.u16();
        read.outcome = Outcome::from_code(row.u8());
        read.hint_ms = row.u32();
        read.key_use = row.u32();
        read.body_hash = row.u32();
        read.text_hash = row.u32();
        read.input_tokens = row.u32();
        read.output_tokens = row.u32();
        read.answer = NameId(row.u16());
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_its_bytes() {
        let mut row = AttemptRow::opened(NameId(1), Moment(9_000_000_000));
        (row.exchange, row.joined) = (ExchangeId(3), Joined::Exchange);
        (row.key, row.model, row.script, row.error) = (NameId(2), NameId(3), NameId(4), NameId(5));
        (row.read, row.head, row.ended) = (100, 200, 300);
        (row.status, row.outcome, row.streamed) = (429, Outcome::CallerLeft, true);
        (row.hint_ms, row.key_use) = (20_000, 2);
        (row.body_hash, row.text_hash, row.answer) = (120, 240, NameId(17));
        (row.input_tokens, row.output_tokens) = (11, 7);
        assert_eq!(AttemptRow::from_bytes(&row.to_bytes()), row);
    }

    #[test]
    fn a_row_is_no_wider_than_sixty_four_bytes() {
        const { assert!(AttemptRow::BYTES <= 64) }
    }
}
