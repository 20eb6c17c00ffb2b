//! Which messages of a phase are kept: the first few that are sound, and more of those that are not.

use record::{Entry, ExchangeRow, Fact, FactSender, Moment, Outcome, Sample, Side};

use crate::surroundings::Surroundings;

/// How many exchanges of a phase are kept that are as they should be.
const SOUND: u32 = 5;
/// How many are kept that are not.
const ANOMALIES: u32 = 50;
/// Of a head no more than this is kept.
const LONGEST_HEAD: usize = 16 * 1024;
/// Header fields in which a client says who it is: their values stand in no evidence.
const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// Keeps messages as long as there is room for them.
#[derive(Debug)]
pub(crate) struct Samples {
    facts: FactSender,
    /// Whether every message is asked for.
    all: bool,
    /// Of a head or body no more than this is kept.
    shown: usize,
    sound: u32,
    anomalies: u32,
}

/// One side's message: its head as it came over the wire, and its body.
pub(crate) struct Message<'a> {
    pub(crate) side: Side,
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Samples {
    pub(crate) fn new(surroundings: &Surroundings) -> Self {
        let (sound, anomalies) = if surroundings.recorded.nothing { (0, 0) } else { (SOUND, ANOMALIES) };
        Self {
            facts: surroundings.facts.clone(),
            all: surroundings.recorded.messages,
            shown: surroundings.shown_of_message(),
            sound,
            anomalies,
        }
    }

    /// Whether an exchange that ended like this is to be kept. It then counts as kept.
    pub(crate) fn wants(&mut self, row: &ExchangeRow) -> bool {
        if self.all {
            return true;
        }
        let sound = row.outcome == Outcome::Complete && (200..300).contains(&row.status);
        let left = if sound { &mut self.sound } else { &mut self.anomalies };
        let wants = *left > 0;
        *left = left.saturating_sub(1);
        wants
    }

    pub(crate) fn keep(&self, row: &ExchangeRow, message: &Message<'_>, at: Moment) {
        let (line, head) = read_head(whole_lines(message.head));
        let kept = &message.body[..message.body.len().min(self.shown)];
        let sample = Sample {
            side: message.side,
            exchange: row.id,
            arrived: None,
            at,
            line: line.unwrap_or_else(|| row.outcome.word().to_owned()),
            head,
            body: String::from_utf8_lossy(kept).into_owned(),
            cut: kept.len() < message.body.len(),
        };
        self.facts.send(Fact::Entry(Box::new(Entry::Sample(sample))));
    }
}

/// As many lines of a head as are kept: half a field might be half a secret.
fn whole_lines(head: &[u8]) -> &[u8] {
    if head.len() <= LONGEST_HEAD {
        return head;
    }
    let end = head[..LONGEST_HEAD].windows(2).rposition(|end| end == b"\r\n");
    &head[..end.map_or(0, |end| end + 2)]
}

/// The first line of a head and its fields; whatever is no field is left out. None for a head that never came.
fn read_head(head: &[u8]) -> (Option<String>, Vec<(String, String)>) {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let first = lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
    let fields = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| {
        let secret = CREDENTIALS.iter().any(|credential| name.eq_ignore_ascii_case(credential));
        (name.to_owned(), if secret { "(left out)" } else { value.trim() }.to_owned())
    });
    (first, fields.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_is_too_long_loses_whole_lines() {
        let head = format!("GET / HTTP/1.1\r\na: b\r\nc: {}\r\n\r\n", "d".repeat(LONGEST_HEAD));
        let (_, fields) = read_head(whole_lines(head.as_bytes()));
        assert_eq!(fields, [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn a_head_is_read_without_its_credential() {
        let head = b"POST /v1/chat HTTP/1.1\r\nhost: x:1\r\nAuthorization: Bearer secret\r\n\r\n";
        let (line, fields) = read_head(head);
        assert_eq!(line.as_deref(), Some("POST /v1/chat HTTP/1.1"));
        let expected = [("host", "x:1"), ("Authorization", "(left out)")];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(read_head(b""), (None, Vec::new()));
    }
}
