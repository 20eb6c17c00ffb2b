//! Into how many contents a reply's stream is cut, for clients that leave after a share of them.

use std::num::NonZeroU32;

use dialect::{Answer, Dialect, Serving, StreamEvents, StreamShape, Surface, ToolCall};
use scenario::{Data, Reply};

use crate::answer_maker::DEFAULT_TEXT;

/// How many events with content the stream of a reply has. Of a text that is filled in for each request, the template is
/// counted as it stands.
#[must_use]
pub fn contents_of(reply: &Reply, seed: u64) -> u32 {
    let text = match &reply.text {
        None => DEFAULT_TEXT.to_owned(),
        Some(Data::Text(template)) => template.text().to_owned(),
        Some(made) => String::from_utf8_lossy(&made.made(seed, 0).unwrap_or_default()).into_owned(),
    };
    let tool = |tool: &scenario::ToolCall| ToolCall {
        id: String::new(),
        name: tool.name.clone(),
        arguments: tool.arguments.clone(),
    };
    let answer =
        Answer { text: text.into(), tools: reply.tools.iter().map(tool).collect(), ..Answer::default() };
    let contents = reply.shape().contents.and_then(NonZeroU32::new);
    let shape = StreamShape { contents, ..StreamShape::default() };
    let serving = Serving { id: "", created: 0, model: "" };
    count(Dialect::Openai.stream_events(Surface::Chat, answer, &serving, shape))
}

/// How many events with content a stream has.
pub(crate) fn count(frames: StreamEvents) -> u32 {
    u32::try_from(frames.filter(|frame| frame.kind.is_content()).count()).unwrap_or(u32::MAX)
}
