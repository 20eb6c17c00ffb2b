//! Keys in what is about to be written: each is replaced by its label, so that the evidence of a leak does not leak.

use record::{Entry, Sample};

/// The keys of a trial with their labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redactor {
    secrets: Vec<Secret>,
}

#[derive(Clone)]
struct Secret {
    label: String,
    text: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<key {}>", self.label)
    }
}

impl Redactor {
    /// Adds a key.
    pub(crate) fn add(&mut self, label: &str, text: &str) {
        if !text.is_empty() {
            self.secrets.push(Secret { label: label.to_owned(), text: text.to_owned() });
        }
    }

    /// Replaces every key in an entry.
    pub(crate) fn clean(&self, entry: &mut Entry) {
        match entry {
            Entry::Sample(sample) => self.clean_sample(sample),
            Entry::Log { line, .. } => self.clean_text(line),
            _ => {}
        }
    }

    fn clean_sample(&self, sample: &mut Sample) {
        self.clean_text(&mut sample.line);
        self.clean_text(&mut sample.body);
        if sample.cut {
            self.clean_end(&mut sample.body);
        }
        for (_, value) in &mut sample.head {
            self.clean_text(value);
        }
    }

    /// Where a body was cut, a key may have been cut in two, and half a key is still too much.
    fn clean_end(&self, text: &mut String) {
        for secret in &self.secrets {
            let longest = secret.text.len().min(text.len());
            let begun = (1..=longest)
                .rev()
                .find(|length| text.as_bytes().ends_with(&secret.text.as_bytes()[..*length]));
            if let Some(length) = begun {
                text.truncate(text.len() - length);
            }
        }
    }

    fn clean_text(&self, text: &mut String) {
        for secret in &self.secrets {
            if text.contains(&secret.text) {
                *text = text.replace(&secret.text, &format!("<key {}>", secret.label));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Moment;

    #[test]
    fn a_key_never_reaches_the_evidence() {
        let mut redactor = Redactor::default();
        redactor.add("first", "sk-sp-1234");
        let mut entry = Entry::Log { at: Moment(0), line: "Bearer sk-sp-1234 was sk-sp-1234".into() };
        redactor.clean(&mut entry);
        assert_eq!(entry, Entry::Log { at: Moment(0), line: "Bearer <key first> was <key first>".into() });
    }

    #[test]
    fn half_a_key_at_the_end_of_a_cut_body_goes_too() {
        let mut redactor = Redactor::default();
        redactor.add("first", "sk-sp-1234");
        let mut sample = Sample {
            side: record::Side::ClientGot,
            exchange: record::ExchangeId(0),
            at: Moment(0),
            line: String::new(),
            head: Vec::new(),
            body: "the key is sk-sp-12".into(),
            cut: true,
        };
        redactor.clean_sample(&mut sample);
        assert_eq!(sample.body, "the key is ");
    }
}
