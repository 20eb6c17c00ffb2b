//! An exchange as a row: one client request and its response, as the client saw it.

use std::time::Duration;

use crate::bytes::{RowReader, RowWriter};
use crate::clock::{Moment, NOT_REACHED};
use crate::correlation::ExchangeId;
use crate::names::NameId;
use crate::outcome::{ErrorShape, Outcome};

/// One client request and its response. Times are microseconds after `intended`, [`NOT_REACHED`] where nothing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeRow {
    /// Its number in the trial.
    pub id: ExchangeId,
    /// The step or phase that sent it.
    pub traffic: NameId,
    /// The entry of `requests:` that it is an instance of.
    pub request: NameId,
    /// When it should have been sent.
    pub intended: Moment,
    /// When its first byte was sent.
    pub sent: u32,
    /// When the response's head was complete.
    pub head: u32,
    /// When the first content of a stream came.
    pub first_content: u32,
    /// When it was over.
    pub ended: u32,
    /// The response's status; 0 where there was none.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether a stream was asked for.
    pub streamed: bool,
    /// Whether the dialect's own end marker was seen.
    pub terminated: bool,
    /// Whether the mark of another exchange came back.
    pub foreign: bool,
    /// The shape of the error body.
    pub error_shape: ErrorShape,
    /// Which instance of the target it was sent to.
    pub instance: u8,
    /// The error's code, or its type where it has none.
    pub error: NameId,
    /// The model that was asked for.
    pub model: NameId,
    /// The tenant in whose name it was sent.
    pub tenant: NameId,
    /// Bytes of the response's body.
    pub bytes: u32,
    /// The wait hint that the client was given, in milliseconds; [`NOT_REACHED`] where there was none.
    pub hint_ms: u32,
    /// Output tokens by the response's own usage; [`NOT_REACHED`] where it reports none.
    pub output_tokens: u32,
    /// A hash of the text that was delivered; 0 where there was none.
    pub text_hash: u32,
    /// How many contents of a stream came.
    pub contents: u32,
}

impl ExchangeRow {
    /// The width of a row.
    pub const BYTES: usize = 64;

    /// A row for a request that is about to be sent: nothing is known yet but who sends what and when.
    #[must_use]
    pub fn opened(id: ExchangeId, traffic: NameId, request: NameId, intended: Moment) -> Self {
        Self {
            id,
            traffic,
            request,
            intended,
            sent: NOT_REACHED,
            head: NOT_REACHED,
            first_content: NOT_REACHED,
            ended: NOT_REACHED,
            status: 0,
            outcome: Outcome::Abandoned,
            streamed: false,
            terminated: false,
            foreign: false,
            error_shape: ErrorShape::None,
            instance: 0,
            error: NameId::NONE,
            model: NameId::NONE,
            tenant: NameId::NONE,
            bytes: 0,
            hint_ms: NOT_REACHED,
            output_tokens: NOT_REACHED,
            text_hash: 0,
            contents: 0,
        }
    }

    /// When it was over; for one that never was, when it should have begun.
    #[must_use]
    pub fn end(&self) -> Moment {
        self.intended.plus_micros(self.ended).unwrap_or(self.intended)
    }

    /// From the intended start to the end: what a user waits.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        reached(self.ended)
    }

    /// From the actual send to the end: what the target needed.
    #[must_use]
    pub fn service(&self) -> Option<Duration> {
        Some(reached(self.ended)?.saturating_sub(reached(self.sent)?))
    }

    /// The row's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        RowWriter::new(&mut bytes)
            .u32(self.id.0)
            .u16(self.traffic.0)
            .u16(self.request.0)
            .u64(self.intended.0)
            .u32(self.sent)
            .u32(self.head)
            .u32(self.first_content)
            .u32(self.ended)
            .u16(self.status)
            .u8(self.outcome.code())
            .u8(u8::from(self.streamed) | u8::from(self.terminated) << 1 | u8::from(self.foreign) << 2)
            .u8(self.error_shape.code())
            .u8(self.instance)
            .u16(self.error.0)
            .u16(self.model.0)
            .u16(self.tenant.0)
            .u32(self.bytes)
            .u32(self.hint_ms)
            .u32(self.output_tokens)
            .u32(self.text_hash)
            .u32(self.contents);
        bytes
    }

    /// The row in these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut row = RowReader::new(bytes);
        let (id, traffic, request) = (ExchangeId(row.u32()), NameId(row.u16()), NameId(row.u16()));
        let mut read = Self::opened(id, traffic, request, Moment(row.u64()));
        read.sent = row.u32();
        read.head = row.u32();
        read.first_content = row.u32();
        read.ended = row.u32();
        read.status = row.u16();
        read.outcome = Outcome::from_code(row.u8());
        let flags = row.u8();
        read.streamed = flags & 1 != 0;
        read.terminated = flags & 2 != 0;
        read.foreign = flags & 4 != 0;
        read.error_shape = ErrorShape::from_code(row.u8());
        read.instance = row.u8();
        read.error = NameId(row.u16());
        read.model = NameId(row.u16());
        read.tenant = NameId(row.u16());
        read.bytes = row.u32();
        read.hint_ms = row.u32();
        read.output_tokens = row.u32();
        read.text_hash = row.u32();
        read.contents = row.u32();
        read
    }
}

fn reached(micros: u32) -> Option<Duration> {
    (micros != NOT_REACHED).then(|| Duration::from_micros(u64::from(micros)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_its_bytes() {
        let mut row = ExchangeRow::opened(ExchangeId(7), NameId(1), NameId(2), Moment(3_000_000_000));
        (row.sent, row.head, row.first_content, row.ended) = (10, 2_000, 2_500, 90_000);
        (row.status, row.outcome, row.streamed, row.terminated) = (429, Outcome::Cut, true, true);
        (row.error_shape, row.instance, row.error) = (ErrorShape::Openai, 1, NameId(9));
        (row.model, row.tenant, row.bytes) = (NameId(4), NameId(5), 1_024);
        (row.hint_ms, row.output_tokens, row.text_hash) = (20_000, 12, 0xdead_beef);
        (row.foreign, row.contents) = (true, 40);
        assert_eq!(ExchangeRow::from_bytes(&row.to_bytes()), row);
        assert_eq!(row.service(), Some(Duration::from_micros(89_990)));
    }

    #[test]
    fn a_row_is_no_wider_than_sixty_four_bytes() {
        const { assert!(ExchangeRow::BYTES <= 64) }
    }
}
