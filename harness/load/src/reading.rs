//! Reading a response as it comes: what an exchange's row keeps of its head, its body or its stream.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use dialect::{
    Dialect, ErrorBody, Framer, RawEvent, Shape, StreamEvent, StreamFormat, Surface, is_wait_hint, wait_hint,
};
use record::{
    Correlation, Entry, ErrorShape, EventKind, EventSeen, ExchangeId, ExchangeRow, Fact, FactSender, Moment,
    NOT_REACHED, NameId, NameTable, Said, TextSeen,
};

use crate::answered::{Answered, has_foreign_mark};
use crate::said::SaidSoFar;
use crate::sending::Sending;
use crate::surroundings::Surroundings;

/// A longer plain body is not read: no answer of a provider is that long, and a hostile target must not fill the memory.
pub(crate) const MOST_BODY: usize = 1024 * 1024;
/// A longer stream is not read on, though nothing of it is held.
const MOST_STREAM: u64 = 64 * 1024 * 1024;
/// A longer event is no event of a provider.
const MOST_EVENT: usize = 256 * 1024;
/// A buffer that had to grow beyond this for one response is not kept for the next.
pub(crate) const KEPT_CAPACITY: usize = 64 * 1024;
/// Further names of errors are not told apart; only a hostile target has so many.
const MOST_NAMES: usize = 1_000;
/// A longer name of an error is cut there.
const LONGEST_NAME: usize = 100;
/// Of an event that is recorded no more than this is kept.
const MOST_DATA: usize = 4 * 1024;
/// Further events of a stream are not recorded.
const MOST_EVENTS: u32 = 10_000;

/// A response exceeds what a client is willing to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Reads responses one after the other, keeping its buffers.
#[derive(Debug)]
pub(crate) struct Reading {
    dialect: Dialect,
    surface: Surface,
    exchange: ExchangeId,
    correlation: Correlation,
    status: u16,
    /// How its events are told apart; none for a plain body.
    stream: Option<StreamFormat>,
    html: bool,
    framer: Framer,
    /// The plain body. Of a stream nothing is kept but what `keep` asks for.
    body: Vec<u8>,
    keep: usize,
    bytes: u64,
    answer: Answered,
    /// After so many contents the client has had enough, and reads no further.
    enough: u32,
    error: Option<ErrorBody>,
    /// Where events go, if they are recorded.
    events: Option<FactSender>,
    index: u32,
    /// When the last content of a stream came.
    last_content: Option<Moment>,
    /// The times between contents that nobody has asked for yet, in microseconds; none where nobody will.
    gaps: Option<Vec<u32>>,
}

/// Numbers of error names, looked up once each.
#[derive(Debug)]
pub(crate) struct ErrorNames {
    names: NameTable,
    known: HashMap<String, NameId>,
}

impl ErrorNames {
    pub(crate) fn new(names: NameTable) -> Self {
        Self { names, known: HashMap::new() }
    }

    fn id(&mut self, name: &str) -> NameId {
        let name = &name[..name.floor_char_boundary(LONGEST_NAME)];
        if let Some(id) = self.known.get(name) {
            return *id;
        }
        if self.known.len() == MOST_NAMES {
            return NameId::NONE;
        }
        let id = self.names.id(name);
        self.known.insert(name.to_owned(), id);
        id
    }
}

impl Reading {
    /// A reading for such a client, that keeps as much of each body and text as the trial records.
    pub(crate) fn new(surroundings: &Surroundings, sending: &Sending) -> Self {
        let recorded = surroundings.recorded;
        let mut answer = Answered::default();
        if recorded.texts {
            answer.keep_text();
        }
        answer.said_at_end = recorded.tools.then(SaidSoFar::default);
        Self {
            dialect: Dialect::Openai,
            surface: Surface::Chat,
            exchange: ExchangeId::NONE,
            correlation: surroundings.correlation,
            status: 0,
            stream: None,
            html: false,
            framer: Framer::new(MOST_EVENT),
            body: Vec::new(),
            // One byte more than is shown, so that a body that was cut is known to have been.
            keep: surroundings.shown_of_message() + 1,
            bytes: 0,
            answer,
            enough: sending.most_contents(),
            error: None,
            events: recorded.events.then(|| surroundings.facts.clone()),
            index: 0,
            last_content: None,
            gaps: None,
        }
    }

    /// With the texts of answers, whatever the trial records.
    pub(crate) fn with_text(mut self) -> Self {
        self.answer.keep_text();
        self
    }

    /// With the times between contents, for somebody who takes them as they come.
    pub(crate) fn with_gaps(mut self) -> Self {
        self.gaps = Some(Vec::new());
        self
    }

    /// A response to an exchange in this dialect, on this surface, is to come. Nothing of the one before it may be taken for a part of it.
    pub(crate) fn expect(&mut self, (dialect, surface): (Dialect, Surface), exchange: ExchangeId) {
        (self.dialect, self.surface, self.exchange) = (dialect, surface, exchange);
        self.reset();
    }

    fn reset(&mut self) {
        (self.status, self.stream, self.html) = (0, None, false);
        self.framer.reset(StreamFormat::Events);
        self.body.clear();
        self.body.shrink_to(KEPT_CAPACITY);
        (self.bytes, self.error, self.index) = (0, None, 0);
        self.last_content = None;
        self.gaps.iter_mut().for_each(Vec::clear);
        self.answer.reset();
    }

    /// The head has come.
    pub(crate) fn head<'h>(
        &mut self,
        status: u16,
        headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
        row: &mut ExchangeRow,
    ) {
        let mut asks_to_wait = false;
        for (name, value) in headers.clone() {
            if name.eq_ignore_ascii_case("content-type") {
                self.stream = self.dialect.stream_format_of(self.surface, value);
                self.html = value.starts_with(b"text/html");
            }
            asks_to_wait |= is_wait_hint(name);
        }
        // Few answers do, and the wall clock is asked for those alone.
        let hint = asks_to_wait.then(|| wait_hint(headers, SystemTime::now())).flatten();
        self.framer.reset(self.stream.unwrap_or_default());
        self.status = status;
        row.status = status;
        row.hint_ms = hint.map_or(NOT_REACHED, millis);
    }

    /// A part of the body has come.
    pub(crate) fn part(&mut self, bytes: &[u8], now: Moment, row: &mut ExchangeRow) -> Result<(), TooLong> {
        self.bytes += bytes.len() as u64;
        let room = if self.stream.is_some() { self.keep } else { MOST_BODY }.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.stream.is_none() {
            return if bytes.len() > room { Err(TooLong) } else { Ok(()) };
        }
        if self.bytes > MOST_STREAM {
            return Err(TooLong);
        }
        let Self {
            framer,
            answer,
            enough,
            error,
            dialect,
            surface,
            events,
            index,
            exchange,
            correlation,
            last_content,
            gaps,
            ..
        } = self;
        let pushed = framer.push(bytes, |event| {
            if answer.contents >= *enough {
                return;
            }
            let read = dialect.read_event(*surface, event);
            *index = index.saturating_add(1);
            if let Some(facts) = events
                && let Some(entry) = recorded(*exchange, *index, now, event, &read)
            {
                facts.send(Fact::Entry(Box::new(entry)));
            }
            match read {
                StreamEvent::Piece(piece) => {
                    let text = piece.text.as_deref().unwrap_or_default();
                    if !text.is_empty() || !piece.tools.is_empty() {
                        answer.contents = answer.contents.saturating_add(1);
                        if row.first_content == NOT_REACHED {
                            row.first_content = now.micros_after(row.intended);
                        }
                        // What comes together came with no time between.
                        if let (Some(last), Some(gaps)) = (last_content.replace(now), gaps.as_mut()) {
                            gaps.push(now.micros_after(last));
                        }
                    }
                    answer.say(text, *exchange, *correlation);
                    let told = piece.usage.and_then(|usage| usage.output);
                    answer.output_tokens = told.or(answer.output_tokens);
                    answer.terminated |= piece.ends;
                    if let Some(said) = &mut answer.said_at_end {
                        said.add(&piece.tools, piece.finish.as_deref());
                    }
                }
                StreamEvent::Error => *error = Some(ErrorBody::read(Some("application/json"), event.data)),
                StreamEvent::End => answer.terminated = true,
                StreamEvent::Silent | StreamEvent::Unreadable => {}
            }
        });
        row.contents = answer.contents;
        pushed.map_err(|_| TooLong)
    }

    /// The response is over, whole or not.
    pub(crate) fn finish(&mut self, row: &mut ExchangeRow, names: &mut ErrorNames) {
        if self.status != 0 && self.stream.is_none() {
            self.finish_plain();
        }
        let answer = &self.answer;
        row.bytes = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        row.terminated = answer.terminated;
        row.foreign = answer.foreign;
        row.text_hash = answer.text_hash();
        row.output_tokens = answer.output_tokens.map_or(NOT_REACHED, |tokens| tokens.min(NOT_REACHED - 1));
        row.contents = answer.contents;
        if let Some(error) = self.error.take() {
            row.error_shape = shape(error.shape);
            row.error = error.name().map_or(NameId::NONE, |name| names.id(name));
        }
        self.status = 0;
    }

    fn finish_plain(&mut self) {
        let Self { answer, body, dialect, surface, exchange, correlation, .. } = self;
        if !(200..300).contains(&self.status) {
            self.error = Some(ErrorBody::read(self.html.then_some("text/html"), body));
            answer.foreign |= has_foreign_mark(body, *exchange, *correlation);
        } else if let Some(read) = dialect.read_answer(*surface, body) {
            answer.say(read.text.as_deref().unwrap_or_default(), *exchange, *correlation);
            answer.output_tokens = read.usage.and_then(|usage| usage.output);
            answer.terminated = read.finish.is_some() || !read.vectors.is_empty();
            if let Some(said) = &mut answer.said_at_end {
                said.add_answer(&read);
            }
        }
    }

    /// Whether the head came, and as many contents as the client wants.
    pub(crate) fn has_enough(&self) -> bool {
        self.status != 0 && self.answer.contents >= self.enough
    }

    /// The times between the contents that came since this was asked, in microseconds.
    pub(crate) fn take_gaps(&mut self) -> impl Iterator<Item = u32> + '_ {
        self.gaps.iter_mut().flat_map(|gaps| gaps.drain(..))
    }

    /// When the last content of a stream came.
    pub(crate) fn last_content(&self) -> Option<Moment> {
        self.last_content
    }

    /// The text of the answer so far, up to a cap; empty where none is kept.
    pub(crate) fn text(&self) -> &str {
        self.answer.text()
    }

    /// The text for the evidence, where it is kept and any came.
    pub(crate) fn text_seen(&self, at: Moment) -> Option<TextSeen> {
        let (text, cut) = self.answer.told()?;
        Some(TextSeen { exchange: self.exchange, at, text: text.to_owned(), cut })
    }

    /// What was said at the end of an answer, for the evidence, where that is kept and there was one.
    pub(crate) fn said(&self, row: &ExchangeRow, at: Moment) -> Option<Said> {
        let said = self.answer.said_at_end.as_ref().filter(|_| (200..300).contains(&row.status))?;
        Some(said.told((self.dialect, self.surface), self.exchange, at))
    }

    /// The body, or what is kept of it.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

/// An event as the evidence tells it, or that there were too many.
fn recorded(
    exchange: ExchangeId,
    index: u32,
    at: Moment,
    event: RawEvent<'_>,
    read: &StreamEvent<'_>,
) -> Option<Entry> {
    match index {
        ..=MOST_EVENTS => Some(Entry::Event(seen(exchange, index, at, event, read))),
        _ => (index == MOST_EVENTS + 1).then_some(Entry::EventsCut { exchange, at }),
    }
}

fn seen(
    exchange: ExchangeId,
    index: u32,
    at: Moment,
    event: RawEvent<'_>,
    read: &StreamEvent<'_>,
) -> EventSeen {
    let kind = match read {
        StreamEvent::Piece(piece) => {
            let has_text = piece.text.as_deref().is_some_and(|text| !text.is_empty());
            match (has_text || !piece.tools.is_empty(), piece.finish.is_some(), piece.usage.is_some()) {
                (true, ..) => EventKind::Content,
                (false, true, _) => EventKind::Finish,
                (false, false, true) => EventKind::Usage,
                (false, false, false) => EventKind::Other,
            }
        }
        StreamEvent::Error => EventKind::Error,
        StreamEvent::End => EventKind::End,
        StreamEvent::Silent if event.name == b"ping" => EventKind::Ping,
        StreamEvent::Silent | StreamEvent::Unreadable => EventKind::Other,
    };
    let text = |bytes: &[u8]| match String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_DATA)]) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    };
    EventSeen { exchange, index, at, kind, name: text(event.name), data: text(event.data) }
}

fn shape(shape: Shape) -> ErrorShape {
    match shape {
        Shape::None => ErrorShape::None,
        Shape::Openai => ErrorShape::Openai,
        Shape::Anthropic => ErrorShape::Anthropic,
        Shape::Gemini => ErrorShape::Gemini,
        // The shapes of these have no names yet in what is recorded.
        Shape::Json | Shape::Azure | Shape::Vllm | Shape::Ollama => ErrorShape::Json,
        Shape::Html => ErrorShape::Html,
        Shape::Other => ErrorShape::Other,
    }
}

fn millis(hint: Duration) -> u32 {
    u32::try_from(hint.as_millis()).unwrap_or(NOT_REACHED).min(NOT_REACHED - 1)
}
