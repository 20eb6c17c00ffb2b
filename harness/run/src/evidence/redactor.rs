//! Secrets in what is about to be written: each is replaced by its label, so that the evidence of a leak does not leak; and a
//! client's answer that carries one is told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use record::{Carried, Entry, EventSeen, LedgerRow, Sample, Side, TargetEvent};

use crate::evidence::pieces::{HIDDEN, tells_in_pieces};

/// The secrets of a trial with their labels.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    secrets: Vec<Secret>,
}

#[derive(Clone)]
struct Secret {
    /// What it is, for people: `key openai/first`, `tenant acme`, `admin key`.
    label: String,
    /// How it can be written: as it is, percent-encoded, in base64 at each of three alignments.
    forms: Vec<String>,
    /// Whether a client that is given it was given something that it must not have.
    foreign_to_clients: bool,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}>", self.label)
    }
}

impl Redactor {
    /// Adds a provider's key or the operator's.
    pub(crate) fn add(&mut self, label: &str, text: &str) {
        self.insert(label, text, true);
    }

    /// Adds a tenant's key, which is its own.
    pub(crate) fn add_tenant(&mut self, label: &str, text: &str) {
        self.insert(label, text, false);
    }

    fn insert(&mut self, label: &str, text: &str, foreign_to_clients: bool) {
        if !text.is_empty() && !self.secrets.iter().any(|secret| secret.forms[0] == text) {
            self.secrets.push(Secret { label: label.to_owned(), forms: forms(text), foreign_to_clients });
        }
    }

    /// Replaces every secret in an entry. Where a client's answer carried one, that is returned, to be told.
    pub(crate) fn clean(&self, entry: &mut Entry) -> Option<Carried> {
        match entry {
            Entry::Sample(sample) => return self.clean_sample(sample),
            Entry::Text(text) => {
                self.clean_text(&mut text.text);
                if text.cut {
                    self.clean_end(&mut text.text);
                }
            }
            Entry::Answer(answer) => self.clean_all(&mut answer.text),
            // A hostile target can put a secret into the code of an error, which is a name.
            Entry::Name { text, .. } => self.clean_all([text]),
            Entry::Log { line, .. } => self.clean_all([line]),
            // What several of them tell together is found elsewhere.
            Entry::Event(event) => self.clean_event(event),
            Entry::Ledger(row) => {
                let LedgerRow { tenant, model, key, state, end_user, tags, .. } = row;
                self.clean_all([tenant, model, key, state, end_user].into_iter().chain(tags));
            }
            Entry::Metric(metric) => {
                let labels = metric.labels.iter_mut().flat_map(|(name, value)| [name, value]);
                self.clean_all(labels.chain([&mut metric.name]).chain(&mut metric.text));
            }
            Entry::Ran(ran) => {
                self.clean_all([&mut ran.output]);
                self.clean_long_end(&mut ran.output);
            }
            Entry::File(file) => {
                self.clean_all(file.text.iter_mut().chain([&mut file.path]));
                file.text.iter_mut().for_each(|text| self.clean_long_end(text));
            }
            Entry::Operated(operated) => self.clean_all(&mut operated.failed),
            Entry::Target { event: TargetEvent::Died(reason), .. } => self.clean_all([reason]),
            Entry::End(end) => self.clean_all(&mut end.cut_short),
            Entry::Mistake(mistake) => self.clean_all([mistake]),
            Entry::Unmatched(unmatched) => self.clean_all([&mut unmatched.asked, &mut unmatched.why]),
            // What the harness alone writes, from labels and numbers.
            Entry::Trial(_)
            | Entry::Cast(_)
            | Entry::Began { .. }
            | Entry::Ended { .. }
            | Entry::Figures(_)
            | Entry::Part(_)
            | Entry::Pair(_)
            | Entry::Said(_)
            | Entry::EventsCut { .. }
            | Entry::Carried(_)
            | Entry::Process(_)
            | Entry::Lag(_)
            | Entry::Target { .. } => {}
        }
        None
    }

    /// Replaces every secret that an event tells alone.
    pub(super) fn clean_event(&self, event: &mut EventSeen) {
        self.clean_all([&mut event.name, &mut event.data]);
        self.clean_long_end(&mut event.data);
    }

    /// Whether a text holds a secret.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.forms().any(|form| text.contains(form))
    }

    /// The longest end of a text with which a secret may begin.
    pub(super) fn begun_at_end<'t>(&self, text: &'t str) -> &'t str {
        let begun = |form: &str| {
            let longest = (form.len() - 1).min(text.len());
            (1..=longest).rev().find(|length| text.as_bytes().ends_with(&form.as_bytes()[..*length]))
        };
        let length = self.forms().filter_map(begun).max().unwrap_or(0);
        text.get(text.len() - length..).unwrap_or_default()
    }

    fn forms(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().flat_map(|secret| &secret.forms).map(String::as_str)
    }

    fn clean_sample(&self, sample: &mut Sample) -> Option<Carried> {
        if tells_in_pieces(&sample.body, self) {
            HIDDEN.clone_into(&mut sample.body);
        }
        let mut found = self.clean_text(&mut sample.line);
        found.extend(self.clean_text(&mut sample.body));
        if sample.cut {
            self.clean_end(&mut sample.body);
        }
        for text in sample.head.iter_mut().flat_map(|(name, value)| [name, value]) {
            found.extend(self.clean_text(text));
        }
        let mut what: Vec<String> = found
            .into_iter()
            .filter(|secret| secret.foreign_to_clients)
            .map(|secret| secret.label.clone())
            .collect();
        what.sort();
        what.dedup();
        (sample.side == Side::ClientGot && !what.is_empty()).then_some(Carried {
            side: sample.side,
            exchange: sample.exchange,
            arrived: None,
            at: sample.at,
            what,
        })
    }

    fn clean_all<'t>(&self, texts: impl IntoIterator<Item = &'t mut String>) {
        for text in texts {
            self.clean_text(text);
        }
    }

    /// A text that is as long as this may have been cut where it was recorded, which its entry does not tell.
    fn clean_long_end(&self, text: &mut String) {
        const PERHAPS_CUT: usize = 4 * 1024;
        if text.len() + 4 > PERHAPS_CUT {
            self.clean_end(text);
        }
    }

    /// Where a body was cut, a secret may have been cut in two, and half a secret is still too much.
    fn clean_end(&self, text: &mut String) {
        for form in self.secrets.iter().flat_map(|secret| &secret.forms) {
            let longest = form.len().min(text.len());
            let begun =
                (1..=longest).rev().find(|length| text.as_bytes().ends_with(&form.as_bytes()[..*length]));
            if let Some(length) = begun {
                text.truncate(text.len() - length);
            }
        }
    }

    /// Replaces the secrets in a text, and tells which there were.
    fn clean_text(&self, text: &mut String) -> Vec<&Secret> {
        let mut found = Vec::new();
        for secret in &self.secrets {
            for form in &secret.forms {
                if text.contains(form.as_str()) {
                    *text = text.replace(form.as_str(), &format!("<{}>", secret.label));
                    found.push(secret);
                }
            }
        }
        found
    }
}

fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    let percent: String = text
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    forms.push(percent);
    forms.extend((0..3).map(|before| base64_inside(text, before)));
    forms.dedup();
    // A short piece of base64 is found in texts that hold no secret.
    forms.retain(|form| form == text || form.len() >= 12);
    forms
}

/// How a text reads in base64 behind so many other bytes, without the characters at its edges that depend on its neighbours.
fn base64_inside(text: &str, before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(text.as_bytes());
    let encoded = STANDARD_NO_PAD.encode(&bytes);
    let start = (before * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded[start..end.max(start)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{ExchangeId, Moment};

    const KEY: &str = "sk-sp-1234-5678-90ab";

    fn redactor() -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add("key openai/first", KEY);
        redactor
    }

    fn sample(body: &str, cut: bool) -> Sample {
        Sample {
            side: Side::ClientGot,
            exchange: ExchangeId(0),
            arrived: None,
            at: Moment(0),
            line: String::new(),
            head: Vec::new(),
            body: body.to_owned(),
            cut,
        }
    }

    #[test]
    fn a_key_never_reaches_the_evidence() {
        let mut entry = Entry::Log { at: Moment(0), line: format!("Bearer {KEY} was {KEY}") };
        assert_eq!(redactor().clean(&mut entry), None);
        let clean = "Bearer <key openai/first> was <key openai/first>".to_owned();
        assert_eq!(entry, Entry::Log { at: Moment(0), line: clean });
    }

    #[test]
    fn half_a_key_at_the_end_of_a_cut_body_goes_too() {
        let mut sample = sample("the key is sk-sp-12", true);
        redactor().clean_sample(&mut sample);
        assert_eq!(sample.body, "the key is ");
    }

    #[test]
    fn a_key_in_the_name_of_a_header_is_found_as_in_its_value() {
        let mut sample = sample("", false);
        sample.head = vec![(KEY.to_owned(), "1".to_owned())];
        let carried = redactor().clean_sample(&mut sample).expect("it is found");
        assert_eq!(carried.what, ["key openai/first"]);
        assert_eq!(sample.head, [("<key openai/first>".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn half_a_key_at_the_end_of_a_long_text_goes_too() {
        let event = |data: String| {
            let (exchange, at, kind) = (ExchangeId(0), Moment(0), record::EventKind::Other);
            Entry::Event(EventSeen { exchange, index: 1, at, kind, name: String::new(), data })
        };
        let mut entry = event(format!("{}sk-sp-1234", "x".repeat(4_086)));
        redactor().clean(&mut entry);
        assert_eq!(entry, event("x".repeat(4_086)));
        let mut short = event("ends in sk-sp-1234".to_owned());
        redactor().clean(&mut short);
        assert_eq!(short, event("ends in sk-sp-1234".to_owned()));
    }

    #[test]
    fn a_client_that_is_given_a_key_in_whatever_form_is_told() {
        let encode = |text: &str| STANDARD_NO_PAD.encode(text);
        for body in [
            format!("the key is {KEY}"),
            encode(&format!("user:{KEY}:x")),
            encode(&format!("u:{KEY}")),
            encode(&format!("us:{KEY} and more")),
        ] {
            let carried = redactor().clean_sample(&mut sample(&body, false)).expect("it is found");
            assert_eq!(carried.what, ["key openai/first"], "{body}");
        }
        assert_eq!(redactor().clean_sample(&mut sample("nothing of the kind", false)), None);
    }

    #[test]
    fn a_tenant_may_see_its_own_key_and_evidence_may_not() {
        let mut redactor = Redactor::default();
        redactor.add_tenant("tenant acme", KEY);
        let mut sample = sample(KEY, false);
        assert_eq!(redactor.clean_sample(&mut sample), None);
        assert_eq!(sample.body, "<tenant acme>");
    }
}
