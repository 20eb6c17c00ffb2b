//! Streams: how they are paced and cut into events, and how they go wrong.

use std::time::Duration;

use crate::model::{Distribution, ErrorName, Reply};
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::read::{Read, SchemaBook, Share, one_or_several, one_or_several_schema, part, words};

part! {
    /// How a stream is paced and cut into events.
    "a stream's shape" => StreamShape {
        /// From the head to the first event. For example `first_event: 20ms`.
        first_event: Distribution = Distribution::Fixed(Duration::ZERO),
        /// From one event to the next. For example `gap: 2ms` or `gap: { normal: { mean: 20ms, deviation: 5ms } }`.
        gap: Distribution = Distribution::Fixed(Duration::ZERO),
        /// Into how many contents the text is cut; one for each word if missing. For example `contents: 60`.
        contents: Option<u32>,
        /// Where the usage stands. For example `usage: every_event`.
        usage: UsagePlace = UsagePlace::Usual,
        /// Whether a ping or comment stands between the events. For example `pings: true`.
        pings: bool = false,
        /// How its lines are written; as the provider writes them if missing.
        /// For example `framing: crlf` or `framing: [crlf, split]`.
        framing: FramingWords = FramingWords(Vec::new()),
        /// Whether its contents come as they should. For example `contents_come: doubled`.
        contents_come: ContentsCome = ContentsCome::Usual,
        /// How it ends when it is complete. For example `ending: without_marker`.
        ending: Ending = Ending::Usual,
    }
}

words! {
    /// Whether the contents of a stream come as they should.
    "how contents come" => ContentsCome {
        /// Each once and in order.
        "usual" => Usual,
        /// Each twice.
        "doubled" => Doubled,
        /// The second before the first, the fourth before the third, and so on.
        "swapped" => Swapped,
    }
}

words! {
    /// How a complete stream ends.
    "an ending" => Ending {
        /// As the provider ends it.
        "usual" => Usual,
        /// Without the event that tells why it ends.
        "without_finish" => WithoutFinish,
        /// Without the marker that says it is complete.
        "without_marker" => WithoutMarker,
        /// With its first content once more, behind the marker.
        "more_behind" => MoreBehind,
    }
}

words! {
    /// Where the usage of a stream stands.
    "a place for the usage" => UsagePlace {
        /// Where the provider puts it, if the request asks for it.
        "usual" => Usual,
        /// On every event, cumulative.
        "every_event" => EveryEvent,
        /// On the last event with content.
        "last_content" => LastContent,
        /// On the event that tells why the answer ends.
        "finish" => Finish,
        /// Nowhere.
        "none" => Nowhere,
    }
}

/// Ways to write the lines of a stream, all of them together.
#[derive(Clone, Debug, PartialEq)]
pub struct FramingWords(pub Vec<Framing>);

words! {
    /// How the lines of a stream are written.
    "a framing" => Framing {
        /// With carriage return and line feed.
        "crlf" => Crlf,
        /// With carriage return alone.
        "cr" => Cr,
        /// With events of an unknown type between them.
        "strangers" => Strangers,
        /// With the data of an event on several lines.
        "multi_line" => MultiLine,
        /// Without a space behind `data:`.
        "tight" => Tight,
        /// With comments between them.
        "comments" => Comments,
        /// In pieces of one byte, so that every character is split.
        "split" => Split,
    }
}

part! {
    /// A stream that goes wrong. A request for a plain answer gets the same trouble in its body.
    "a broken stream" => BrokenStream {
        /// After so many contents. For example `after_contents: 40`.
        after_contents: Option<u32>,
        /// After this share of the contents. For example `after_share: 50%`.
        after_share: Option<Share>,
        /// After so many bytes of the body. For example `after_bytes: 700`.
        after_bytes: Option<u32>,
        /// After so long since the head. For example `after: 1s`.
        after: Option<Duration>,
        /// What happens then. For example `then: close`.
        then: StreamEnd,
        /// For so long, then it goes on as if nothing had been, for `then: stall` and `then: pings`; to the end if missing.
        /// For example `lasts: 500ms`.
        lasts: Option<Duration>,
        /// The error that is told, for `then: error`. For example `error: overloaded`.
        error: ErrorName = ErrorName::ServerError,
        /// The answer that it breaks off, with the shape of its stream; the normal one if missing.
        /// For example `of: { text: { tokens: 60 }, stream: { gap: 5ms } }`.
        of: Option<Reply>,
    }
}

words! {
    /// How a stream goes wrong.
    "a stream's end" => StreamEnd {
        /// It ends in an orderly way, without the marker that says it is complete.
        "end" => End,
        /// The connection is closed in the middle of the body.
        "close" => Close,
        /// The connection is reset.
        "reset" => Reset,
        /// Nothing comes, and the connection stays open.
        "stall" => Stall,
        /// The provider tells an error in the middle of the stream.
        "error" => Error,
        /// The provider tells an error, and ends as if the stream were complete.
        "error_then_done" => ErrorThenDone,
        /// Something comes that is no event.
        "garbage" => Garbage,
        /// Nothing comes but pings or comments, one every 100 ms, and the connection stays open.
        "pings" => Pings,
    }
}

impl StreamShape {
    /// Every event at once.
    #[must_use]
    pub fn immediate() -> Self {
        Self {
            first_event: Distribution::Fixed(Duration::ZERO),
            gap: Distribution::Fixed(Duration::ZERO),
            contents: None,
            usage: UsagePlace::Usual,
            pings: false,
            framing: FramingWords(Vec::new()),
            contents_come: ContentsCome::Usual,
            ending: Ending::Usual,
            span: Span::default(),
        }
    }
}

impl Read for FramingWords {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let words: Vec<Framing> = one_or_several(node, problems)?;
        let endings = words.iter().filter(|word| matches!(word, Framing::Crlf | Framing::Cr)).count();
        let twice = words.iter().enumerate().any(|(index, word)| words[..index].contains(word));
        if endings > 1 || twice {
            let problem = Problem::new(node.span, "a framing that contradicts or repeats itself");
            problems.push(problem.help("write each word once, and `crlf` or `cr`"));
            return None;
        }
        Some(Self(words))
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        one_or_several_schema::<Framing>("a framing, or several together", book)
    }
}

impl BrokenStream {
    /// Tells a break without one place.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        let places = [
            self.after_contents.is_some(),
            self.after_share.is_some(),
            self.after_bytes.is_some(),
            self.after.is_some(),
        ];
        if places.iter().filter(|there| **there).count() != 1 {
            problems.push(
                Problem::new(self.span, "a stream that breaks at no place or at several")
                    .help("write exactly one of: `after_contents: 40`, `after_share: 50%`, `after_bytes: 700`, `after: 1s`"),
            );
        }
        if self.after_share.is_some_and(|share| share.millionths > 1_000_000) {
            problems.push(
                Problem::new(self.span, "a stream has no more than 100% of its contents")
                    .help("write for example `after_share: 50%`"),
            );
        }
        if self.lasts.is_some() && !matches!(self.then, StreamEnd::Stall | StreamEnd::Pings) {
            problems.push(
                Problem::new(self.span, "`lasts` beside an end for good")
                    .help("leave `lasts` out, or write `then: stall`"),
            );
        }
        if let Some(of) = &self.of {
            of.check(problems);
            if of.error.is_some() || of.body.is_some() {
                problems.push(
                    Problem::new(of.span, "only an answer of the dialect can be broken off")
                        .help("write `text:` with `usage:` and `stream:` under `of:`"),
                );
            }
        }
    }
}
