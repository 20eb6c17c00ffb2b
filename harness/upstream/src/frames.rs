//! The frames of a streamed answer as they come: in order and each once, or in whatever disorder the scenario wants.

use std::collections::VecDeque;

use dialect::{Frame, FrameKind, RefusalReply, StreamEvents};
use scenario::{ContentsCome, Ending, StreamShape};

use crate::tear::LastWords;

/// The frames of one streamed answer.
#[derive(Debug)]
pub(crate) struct Frames {
    events: StreamEvents,
    disorder: Option<Box<Disorder>>,
}

/// What is out of order.
#[derive(Debug)]
struct Disorder {
    come: ContentsCome,
    ending: Ending,
    /// The frames that come next.
    next: VecDeque<Frame>,
    /// The first content, which comes once more behind the end.
    first: Option<Frame>,
}

impl Frames {
    pub(crate) fn new(events: StreamEvents, shape: &StreamShape) -> Self {
        let orderly = shape.contents_come == ContentsCome::Usual && shape.ending == Ending::Usual;
        let disorder = (!orderly).then(|| {
            let (come, ending) = (shape.contents_come, shape.ending);
            Box::new(Disorder { come, ending, next: VecDeque::new(), first: None })
        });
        let mut frames = Self { events, disorder };
        frames.prepare();
        frames
    }

    /// What the next frame will say; none after the last.
    pub(crate) fn next_kind(&self) -> Option<FrameKind> {
        match &self.disorder {
            None => self.events.next_kind(),
            Some(disorder) => disorder.next.front().map(|frame| frame.kind),
        }
    }

    /// The text that a frame carries.
    pub(crate) fn text_of(&self, frame: &Frame) -> Option<&str> {
        self.events.answer().text.get(frame.text.clone())
    }

    /// How the dialect tells here that something ends.
    pub(crate) fn last_words(&mut self, error: &RefusalReply) -> LastWords {
        LastWords {
            error: self.events.error_frame(error),
            marker: self.events.end_frame(),
            ping: self.events.ping_frame(),
        }
    }

    fn prepare(&mut self) {
        if let Some(disorder) = &mut self.disorder {
            disorder.prepare(&mut self.events);
        }
    }
}

impl Iterator for Frames {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let Some(disorder) = &mut self.disorder else { return self.events.next() };
        let frame = disorder.next.pop_front();
        self.prepare();
        frame
    }
}

impl Disorder {
    /// Sees to it that the next frame is there, if there is any.
    fn prepare(&mut self, events: &mut StreamEvents) {
        while self.next.is_empty() {
            let Some(frame) = events.next() else {
                self.next.extend(self.first.take());
                return;
            };
            if self.ending == Ending::MoreBehind && self.first.is_none() && frame.kind.is_content() {
                self.first = Some(frame.clone());
            }
            self.add(frame, events);
        }
    }

    fn add(&mut self, frame: Frame, events: &mut StreamEvents) {
        let missing = match self.ending {
            Ending::WithoutFinish => frame.kind == FrameKind::Finish,
            Ending::WithoutMarker => frame.kind == FrameKind::End,
            Ending::Usual | Ending::MoreBehind => false,
        };
        if missing {
            return;
        }
        if frame.kind.is_content() {
            match self.come {
                ContentsCome::Usual => {}
                ContentsCome::Doubled => self.next.push_back(frame.clone()),
                ContentsCome::Swapped => {
                    let follows = events.next_kind().is_some_and(FrameKind::is_content);
                    self.next.extend(follows.then(|| events.next()).flatten());
                }
            }
        }
        self.next.push_back(frame);
    }
}

#[cfg(test)]
mod tests {
    use dialect::{Answer, Dialect, Serving, Surface};

    use super::*;

    fn told(come: ContentsCome, ending: Ending) -> Vec<String> {
        let answer = Answer { text: "one two three".into(), ..Answer::default() };
        let serving = Serving { id: "id", created: 0, model: "m" };
        let usual = dialect::StreamShape::default();
        let events = Dialect::Openai.stream_events(Surface::Chat, answer, &serving, usual);
        let frames =
            Frames::new(events, &StreamShape { contents_come: come, ending, ..StreamShape::immediate() });
        let told = |frame: Frame| match frame.kind {
            FrameKind::Content => "one two three"[frame.text].trim().to_owned(),
            kind => format!("{kind:?}"),
        };
        frames.map(told).collect()
    }

    #[test]
    fn frames_come_in_the_disorder_that_is_wanted() {
        use ContentsCome::{Doubled, Swapped};
        use Ending::{MoreBehind, WithoutFinish, WithoutMarker};
        let usual = ["Opening", "one", "two", "three", "Finish", "End"];
        for (come, ending, expected) in [
            (ContentsCome::Usual, Ending::Usual, &usual[..]),
            (ContentsCome::Usual, WithoutFinish, &["Opening", "one", "two", "three", "End"]),
            (ContentsCome::Usual, WithoutMarker, &usual[..5]),
            (ContentsCome::Usual, MoreBehind, &["Opening", "one", "two", "three", "Finish", "End", "one"]),
            (
                Doubled,
                Ending::Usual,
                &["Opening", "one", "one", "two", "two", "three", "three", "Finish", "End"],
            ),
            (Swapped, Ending::Usual, &["Opening", "two", "one", "three", "Finish", "End"]),
        ] {
            assert_eq!(told(come, ending), expected, "{come:?}, {ending:?}");
        }
    }
}
