//! Reading a response as it comes: what an exchange's row keeps of its head, its body or its stream.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use dialect::openai::{Answer, ChatEvent};
use dialect::{ErrorBody, Shape, SseFramer, TextHash, wait_hint};
use record::{ErrorShape, ExchangeRow, NOT_REACHED, NameId, NameTable};

/// A longer plain body is not read: no answer of a provider is that long, and a hostile target must not fill the memory.
pub(crate) const MOST_BODY: usize = 1024 * 1024;
/// A longer stream is not read on, though nothing of it is held.
const MOST_STREAM: u64 = 64 * 1024 * 1024;
/// A longer event is no event of a provider.
const MOST_EVENT: usize = 256 * 1024;
/// A buffer that had to grow beyond this for one response is not kept for the next.
const KEPT_CAPACITY: usize = 64 * 1024;
/// Further names of errors are not told apart; only a hostile target has so many.
const MOST_NAMES: usize = 1_000;
/// A longer name of an error is cut there.
const LONGEST_NAME: usize = 100;

/// A response exceeds what a client is willing to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Reads responses one after the other, keeping its buffers.
#[derive(Debug)]
pub(crate) struct Reading {
    status: u16,
    stream: bool,
    html: bool,
    framer: SseFramer,
    /// The plain body. Of a stream nothing is kept but what `kept` asks for.
    body: Vec<u8>,
    keep: usize,
    bytes: u64,
    hash: TextHash,
    output_tokens: Option<u64>,
    terminated: bool,
    content: bool,
    error: Option<ErrorBody>,
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
    /// A reading that keeps so many bytes of a stream's body, for samples.
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            status: 0,
            stream: false,
            html: false,
            framer: SseFramer::new(MOST_EVENT),
            body: Vec::new(),
            keep,
            bytes: 0,
            hash: TextHash::default(),
            output_tokens: None,
            terminated: false,
            content: false,
            error: None,
        }
    }

    /// A request is about to be sent: nothing of the response before it may be taken for a part of its own.
    pub(crate) fn reset(&mut self) {
        (self.status, self.stream, self.html) = (0, false, false);
        self.framer.reset();
        self.body.clear();
        self.body.shrink_to(KEPT_CAPACITY);
        (self.bytes, self.hash, self.output_tokens) = (0, TextHash::default(), None);
        (self.terminated, self.content, self.error) = (false, false, None);
    }

    /// The head has come.
    pub(crate) fn head<'h>(
        &mut self,
        status: u16,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
        row: &mut ExchangeRow,
    ) {
        self.reset();
        let headers = headers.inspect(|(name, value)| {
            if name.eq_ignore_ascii_case("content-type") {
                self.stream = value.starts_with(b"text/event-stream");
                self.html = value.starts_with(b"text/html");
            }
        });
        let hint = wait_hint(headers, SystemTime::now());
        self.status = status;
        row.status = status;
        row.hint_ms = hint.map_or(NOT_REACHED, millis);
    }

    /// A part of the body has come, at this time after the intended start.
    pub(crate) fn part(&mut self, bytes: &[u8], at_us: u32, row: &mut ExchangeRow) -> Result<(), TooLong> {
        self.bytes += bytes.len() as u64;
        let room = if self.stream { self.keep } else { MOST_BODY }.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if !self.stream {
            return if bytes.len() > room { Err(TooLong) } else { Ok(()) };
        }
        if self.bytes > MOST_STREAM {
            return Err(TooLong);
        }
        let Self { framer, hash, output_tokens, terminated, content, error, .. } = self;
        let pushed = framer.push(bytes, |event| match ChatEvent::read(event.data) {
            ChatEvent::Chunk(chunk) => {
                if let Some(text) = chunk.text.as_deref().filter(|text| !text.is_empty()) {
                    *content = true;
                    hash.add(text);
                    if row.first_content == NOT_REACHED {
                        row.first_content = at_us;
                    }
                }
                *output_tokens = chunk.usage.map(|usage| usage.output).or(*output_tokens);
            }
            ChatEvent::Error => *error = Some(ErrorBody::read(Some("application/json"), event.data)),
            ChatEvent::Done => *terminated = true,
            ChatEvent::Unreadable => {}
        });
        pushed.map_err(|_| TooLong)
    }

    /// The response is over, whole or not.
    pub(crate) fn finish(&mut self, row: &mut ExchangeRow, names: &mut ErrorNames) {
        if self.status != 0 && !self.stream {
            self.finish_plain();
        }
        row.bytes = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        row.terminated = self.terminated;
        row.text_hash = if self.content { self.hash.value() } else { 0 };
        row.output_tokens =
            self.output_tokens.map_or(NOT_REACHED, |tokens| u32::try_from(tokens).unwrap_or(NOT_REACHED - 1));
        if let Some(error) = self.error.take() {
            row.error_shape = shape(error.shape);
            row.error = error.name().map_or(NameId::NONE, |name| names.id(name));
        }
        self.status = 0;
    }

    fn finish_plain(&mut self) {
        if !(200..300).contains(&self.status) {
            self.error = Some(ErrorBody::read(self.html.then_some("text/html"), &self.body));
        } else if let Some(answer) = Answer::read(&self.body) {
            if let Some(text) = &answer.text {
                self.content = true;
                self.hash.add(text);
            }
            self.output_tokens = answer.usage.map(|usage| usage.output);
            self.terminated = answer.finish_reason.is_some();
        }
    }

    /// The body, or what is kept of it.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

fn shape(shape: Shape) -> ErrorShape {
    match shape {
        Shape::None => ErrorShape::None,
        Shape::Openai => ErrorShape::Openai,
        Shape::Anthropic => ErrorShape::Anthropic,
        Shape::Gemini => ErrorShape::Gemini,
        Shape::Json => ErrorShape::Json,
        Shape::Html => ErrorShape::Html,
        Shape::Other => ErrorShape::Other,
    }
}

fn millis(hint: Duration) -> u32 {
    u32::try_from(hint.as_millis()).unwrap_or(NOT_REACHED).min(NOT_REACHED - 1)
}
