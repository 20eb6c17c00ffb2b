//! A caller that speaks any dialect on any surface, and reads what it is told.

use dialect::{Chat, Dialect, Framer, StreamEvent, Surface};
use serde_json::{Map, Value};

use crate::stage::Reply;

/// What a stream told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) text: String,
    /// Whether an error was told.
    pub(crate) error: bool,
    /// Whether the stream said that it is complete.
    pub(crate) ended: bool,
}

/// A request to a model as a client of the dialect writes it.
pub(crate) fn ask(dialect: Dialect, surface: Surface, stream: bool, secret: &str) -> String {
    let path = dialect.request_path(surface, "chat", stream);
    ask_at(&path, dialect, surface, stream, secret)
}

/// The same at another path.
pub(crate) fn ask_at(path: &str, dialect: Dialect, surface: Surface, stream: bool, secret: &str) -> String {
    let chat = Chat {
        model: "chat".to_owned(),
        prompt: "ping pong".to_owned(),
        stream,
        include_usage: stream,
        extra: Map::<String, Value>::new(),
        ..Chat::default()
    };
    let body = String::from_utf8(dialect.request_body(surface, &chat)).unwrap();
    let (name, value) = dialect.credential_header(secret);
    let headers = dialect.request_headers().iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.chain([format!("{name}: {value}\r\n")]).collect();
    format!("POST {path} HTTP/1.1\r\nhost: upstream\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// Reads a stream.
pub(crate) fn read(dialect: Dialect, surface: Surface, reply: &Reply) -> Told {
    let format = dialect.stream_format(surface);
    assert_eq!(reply.header("content-type"), Some(format.content_type()), "{dialect:?} {surface:?}");
    let mut framer = Framer::new(64 * 1024);
    framer.reset(format);
    let mut told = Told::default();
    let read = framer.push(reply.body.as_bytes(), |event| match dialect.read_event(surface, event) {
        StreamEvent::Piece(piece) => {
            told.text.push_str(&piece.text.unwrap_or_default());
            told.ended |= piece.ends;
        }
        StreamEvent::Error => told.error = true,
        StreamEvent::End => told.ended = true,
        StreamEvent::Silent => {}
        StreamEvent::Unreadable => panic!("{dialect:?} {surface:?}: {}", String::from_utf8_lossy(event.data)),
    });
    assert_eq!(read, Ok(()));
    assert_eq!(
        (framer.strays(), framer.is_unfinished()),
        (0, false),
        "{dialect:?} {surface:?}: {}",
        reply.body
    );
    told
}
