//! Secrets that a stream tells in pieces: what one event begins and later ones end is found in none of them alone. Texts at the
//! same place of neighbouring events are put together, and while one may have begun a secret, its event is not written.

use std::collections::{BTreeMap, HashMap, VecDeque};

use record::{EventSeen, ExchangeId};
use serde_json::Value;

use crate::evidence::Redactor;

/// The events that wait until it is known what they tell, by their exchanges.
#[derive(Default)]
pub(crate) struct Waiting {
    exchanges: HashMap<ExchangeId, Stretch>,
}

/// The events of one stream that wait, and what they may have begun.
#[derive(Default)]
struct Stretch {
    held: VecDeque<EventSeen>,
    /// The number of the first one that is held, counted from 0.
    first: usize,
    /// By its place in the events.
    begun: BTreeMap<String, Begun>,
}

/// The beginning of what may become a secret.
struct Begun {
    text: String,
    /// The number of the event in which it began.
    since: usize,
}

/// What stands for the data of events that tell a part of a secret.
pub(super) const HIDDEN: &str = "<hidden: it tells a secret in pieces>";

/// No more events of a stream wait. A secret in more pieces is not found, but its first ones are hidden.
const MOST_HELD: usize = 64;

/// More texts of one event than this are not looked at, nor deeper ones.
const MOST_TEXTS: usize = 64;
const DEEPEST: usize = 16;

impl Waiting {
    /// Takes in an event, and gives those of its stream that can be written, without any secret.
    pub(crate) fn add(&mut self, event: EventSeen, redactor: &Redactor) -> Vec<EventSeen> {
        let exchange = event.exchange;
        let mut stretch = self.exchanges.remove(&exchange).unwrap_or_default();
        let ready = stretch.add(event, redactor);
        if !stretch.held.is_empty() {
            self.exchanges.insert(exchange, stretch);
        }
        ready
    }

    /// The events of a stream that is over.
    pub(crate) fn end(&mut self, exchange: ExchangeId) -> Vec<EventSeen> {
        // Most trials tell no events, and this is asked for every exchange.
        if self.exchanges.is_empty() {
            return Vec::new();
        }
        self.exchanges.remove(&exchange).map(|stretch| stretch.held.into()).unwrap_or_default()
    }

    /// The events of all streams, once nothing more comes.
    pub(crate) fn end_all(&mut self) -> Vec<EventSeen> {
        let mut events: Vec<EventSeen> =
            std::mem::take(&mut self.exchanges).into_values().flat_map(|stretch| stretch.held).collect();
        events.sort_by_key(|event| (event.at, event.exchange, event.index));
        events
    }
}

impl Stretch {
    fn add(&mut self, mut event: EventSeen, redactor: &Redactor) -> Vec<EventSeen> {
        let found = self.take_in(&event.data, redactor);
        redactor.clean_event(&mut event);
        self.held.push_back(event);
        if found {
            self.held.iter_mut().for_each(hide);
        }
        if self.held.len() > MOST_HELD {
            self.held.front_mut().into_iter().for_each(hide);
            self.begun.retain(|_, begun| begun.since > self.first);
        }
        let end = self.first + self.held.len();
        let waits = self.begun.values().map(|begun| begun.since).min().unwrap_or(end);
        let ready = self.held.drain(..waits.saturating_sub(self.first)).collect();
        self.first = waits;
        ready
    }

    /// Goes on with what was begun, and tells whether an event ends a secret that an earlier one began.
    fn take_in(&mut self, data: &str, redactor: &Redactor) -> bool {
        let number = self.first + self.held.len();
        let mut found = false;
        for (place, text) in texts_of(data) {
            let before = self.begun.remove(&place);
            let since = before.as_ref().map_or(number, |begun| begun.since);
            let own = text.len();
            let joined = before.map_or_else(String::new, |begun| begun.text) + &text;
            found |= joined.len() > own && redactor.holds(&joined);
            let end = redactor.begun_at_end(&joined);
            if !end.is_empty() {
                let since = if end.len() > own { since } else { number };
                self.begun.insert(place, Begun { text: end.to_owned(), since });
            }
        }
        found
    }
}

/// Whether the events in a message's body tell a secret in pieces. Each of its lines may be one.
pub(crate) fn tells_in_pieces(body: &str, redactor: &Redactor) -> bool {
    let mut stretch = Stretch::default();
    let data = body.lines().map(|line| line.strip_prefix("data:").unwrap_or(line).trim());
    // What a body shows is bounded, and so is what is begun: the events themselves are not held.
    data.filter(|data| data.starts_with('{')).any(|data| stretch.take_in(data, redactor))
}

fn hide(event: &mut EventSeen) {
    HIDDEN.clone_into(&mut event.data);
}

/// The texts of an event, each with its place. What is no JSON is one text.
fn texts_of(data: &str) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    match serde_json::from_str(data) {
        Ok(Value::String(_)) | Err(_) => texts.push((String::new(), data.to_owned())),
        Ok(value) => gather(value, String::new(), 0, &mut texts),
    }
    texts
}

fn gather(value: Value, place: String, depth: usize, texts: &mut Vec<(String, String)>) {
    if depth > DEEPEST || texts.len() >= MOST_TEXTS {
        return;
    }
    match value {
        Value::String(text) => texts.push((place, text)),
        Value::Array(items) => {
            (0..).zip(items).for_each(|(index, item): (usize, _)| {
                gather(item, format!("{place}/{index}"), depth + 1, texts);
            });
        }
        Value::Object(members) => {
            members.into_iter().for_each(|(name, member)| {
                gather(member, format!("{place}/{name}"), depth + 1, texts);
            });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{EventKind, Moment};

    const KEY: &str = "sk-sp-1234-5678-90ab";

    fn redactor() -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add("key openai/first", KEY);
        redactor
    }

    fn event(index: u32, data: &str) -> EventSeen {
        let (exchange, at) = (ExchangeId(1), Moment(index.into()));
        EventSeen {
            exchange,
            index,
            at,
            kind: EventKind::Content,
            name: String::new(),
            data: data.to_owned(),
        }
    }

    /// What is written of a stream of events, in the order of writing.
    fn written(events: &[String]) -> Vec<String> {
        let (mut waiting, redactor, mut written) = (Waiting::default(), redactor(), Vec::new());
        for (index, data) in (1..).zip(events) {
            written.extend(waiting.add(event(index, data), &redactor));
        }
        written.extend(waiting.end(ExchangeId(1)));
        assert!(waiting.end_all().is_empty(), "nothing is left");
        assert!(written.iter().map(|event| event.index).eq(1..=events.len() as u32), "all of them, in order");
        written.into_iter().map(|event| event.data).collect()
    }

    fn said(text: &str) -> String {
        format!(r#"{{"model":"desk","choices":[{{"delta":{{"content":"{text}"}}}}]}}"#)
    }

    #[test]
    fn a_key_in_pieces_is_hidden_and_what_stands_around_it_is_not() {
        let hidden = HIDDEN.to_owned();
        let (begin, rest) = KEY.split_at(9);
        let (middle, end) = rest.split_at(4);
        let ping = r#"{"type":"ping"}"#.to_owned();
        for (pieces, expected) in [
            (vec![said("it is sk-sp-12"), said("34-5678-90ab!")], vec![hidden.clone(); 2]),
            (
                vec![said("so"), said(begin), ping.clone(), said(middle), said(end), said("well")],
                vec![
                    said("so"),
                    hidden.clone(),
                    hidden.clone(),
                    hidden.clone(),
                    hidden.clone(),
                    said("well"),
                ],
            ),
            (KEY.chars().map(|c| said(&c.to_string())).collect(), vec![hidden.clone(); KEY.len()]),
            // Data that is no JSON.
            (vec![begin.to_owned(), rest.to_owned()], vec![hidden.clone(); 2]),
            // A beginning that comes to nothing.
            (vec![said(begin), said("nothing")], vec![said(begin), said("nothing")]),
            // At two places it is no key.
            (
                vec![said(begin), format!(r#"{{"other":"{rest}"}}"#)],
                vec![said(begin), format!(r#"{{"other":"{rest}"}}"#)],
            ),
            // Alone it is known by its label.
            (vec![said(KEY), said("x")], vec![said("<key openai/first>"), said("x")]),
        ] {
            assert_eq!(written(&pieces), expected);
        }
    }

    #[test]
    fn an_event_that_begins_nothing_is_written_at_once() {
        let mut waiting = Waiting::default();
        for (index, text, ready) in [(1, "well", 1), (2, "it is s", 0), (3, "o", 2), (4, "it is s", 0)] {
            let data = format!(r#"{{"content":"{text}"}}"#);
            assert_eq!(waiting.add(event(index, &data), &redactor()).len(), ready, "{text}");
        }
        assert_eq!(waiting.end_all().len(), 1);
    }

    #[test]
    fn no_stream_makes_very_many_events_wait() {
        let mut waiting = Waiting::default();
        let mut written = waiting.add(event(0, &said("sk-sp-12")), &redactor());
        for index in 1..1_000 {
            written.extend(waiting.add(event(index, r#"{"type":"ping"}"#), &redactor()));
        }
        assert!(written.len() >= 1_000 - MOST_HELD, "{}", written.len());
        assert_eq!(written[0].data, HIDDEN, "it may have been the beginning of a key");
        assert_ne!(written[1].data, HIDDEN);
    }

    #[test]
    fn a_body_with_a_key_in_pieces_is_known() {
        let body =
            |end: &str| format!("data: {}\n\nevent: x\ndata:{}\n\n", said("it is sk-sp-12"), said(end));
        assert!(tells_in_pieces(&body("34-5678-90ab"), &redactor()));
        assert!(!tells_in_pieces(&body("34-5678-90ax"), &redactor()));
        assert!(!tells_in_pieces("", &redactor()));
    }
}
