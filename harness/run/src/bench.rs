//! What a run is judged by: the texts of its scenarios and rules, what the target claims and declares, and how strictly.
//!
//! It is kept beside the evidence, so that a run can be judged again anywhere, by the same or a later version.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use record::ToldHeaders;
use scenario::{Capability, ContractVersion, Field, Source, Subject, Suite, SuiteError, SuiteTexts};
use serde::{Deserialize, Serialize};
use target::{Bound, Profile};
use verdict::Observable;

use crate::abroad::{FIELDS_OF_UPSTREAMS, OF_UPSTREAMS};
use crate::confession::Confession;
use crate::evidence::RunFolder;

/// What a run is judged by.
#[derive(Debug)]
pub struct Bench {
    /// The scenarios and rules.
    pub suite: Suite,
    /// What the target claims.
    pub claims: Vec<Capability>,
    /// The bounds that the target's profile declares: numbers as they are, durations in seconds.
    pub bounds: BTreeMap<String, f64>,
    /// What a run against the target cannot see.
    pub unseen: Vec<Subject>,
    /// Which fields of what it sees it cannot see.
    pub unseen_fields: Vec<Field>,
    /// The headers in which the target tells its clients of an exchange.
    pub told: ToldHeaders,
    /// The failures that the target's profile confesses.
    pub confessions: Vec<Confession>,
    /// Whether a SHOULD counts as a MUST.
    pub strict: bool,
    /// The version of the contract that binds, if not the newest: a rule that came later only warns.
    pub contract: Option<ContractVersion>,
}

/// Why what a run is judged by cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The file cannot be read or written.
    #[error("cannot use `{path}`: {error}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what a run leaves behind.
    #[error("`{path}` is not what a run is judged by: {error}", path = .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// The scenarios cannot be read by this version.
    #[error("the scenarios of the run cannot be read by this version")]
    Suite(Box<SuiteError>),
}

#[derive(Serialize, Deserialize)]
struct BenchFile {
    scenarios: Vec<Text>,
    chapters: Vec<Text>,
    /// The files that the scenarios name.
    #[serde(default)]
    imports: Vec<Text>,
    claims: Vec<String>,
    bounds: BTreeMap<String, f64>,
    #[serde(default)]
    unseen: Vec<String>,
    #[serde(default)]
    unseen_fields: Vec<String>,
    #[serde(default)]
    told: ToldHeaders,
    #[serde(default)]
    confessions: Vec<Confession>,
    strict: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contract: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Text {
    name: String,
    text: String,
}

impl Bench {
    /// What a run of a suite against a target is judged by.
    #[must_use]
    pub fn of(suite: Suite, profile: &Profile, strict: bool) -> Self {
        let bounds =
            profile.says.bounds.0.iter().map(|(name, bound)| (name.value.clone(), in_numbers(*bound)));
        let readable =
            [(Subject::Ledger, profile.reads_ledger()), (Subject::Metrics, profile.reads_metrics())];
        Self {
            suite,
            claims: claims_of(profile),
            bounds: bounds.collect(),
            unseen: readable
                .into_iter()
                .filter(|(_, readable)| !readable)
                .map(|(subject, _)| subject)
                .collect(),
            unseen_fields: unseen_fields(profile),
            told: profile.told_headers(),
            confessions: Confession::all_of(profile),
            strict,
            contract: None,
        }
    }

    /// The same of a target that somebody else runs: nobody sees its process and its log, and where its upstreams are somebody
    /// else's too, nobody sees what reaches them.
    #[must_use]
    pub fn of_abroad(self, foreign: bool) -> Self {
        let Self { mut unseen, mut unseen_fields, .. } = self;
        unseen.extend([Subject::Log, Subject::Process]);
        if foreign {
            unseen.extend(OF_UPSTREAMS);
            unseen_fields.extend(FIELDS_OF_UPSTREAMS);
        }
        Self { unseen, unseen_fields, ..self }
    }

    /// What a run can see, for the judge.
    pub(crate) fn observable(&self) -> Observable {
        let without = |observable: Observable, subject: &Subject| {
            let reason = match subject {
                Subject::Ledger => "the target's profile says nothing of a `ledger:` under `reads:`",
                Subject::Metrics => {
                    "the target's profile says nothing of `metrics:` or `status:` under `reads:`"
                }
                Subject::Log | Subject::Process => "the target is run by somebody else",
                Subject::Attempts | Subject::Requests => "the target's upstreams are somebody else's",
                _ => "this run cannot see it",
            };
            observable.without(*subject, reason)
        };
        let without_field = |observable: Observable, field: &Field| {
            let reason = match field {
                Field::EndUser => {
                    "the target's profile names no `end_user:` under the `fields:` of its `ledger:`"
                }
                Field::Tag => "the target's profile names no `tags:` under the `fields:` of its `ledger:`",
                _ => "the target's upstreams are somebody else's",
            };
            observable.without_field(*field, reason)
        };
        let observable = self.unseen.iter().fold(Observable::everything(), without);
        self.unseen_fields.iter().fold(observable, without_field).with_told(self.told.clone())
    }

    /// Leaves it in a run's folder, beside the scenarios that other processes left there for the same run.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn save(&self, folder: &RunFolder) -> Result<(), BenchError> {
        let _alone = folder.lock().map_err(|error| BenchError::Io { path: folder.bench(), error })?;
        let texts = self.suite.texts();
        let others = BenchFile::read(folder).ok();
        let (scenarios, chapters, imports) =
            others.map_or_else(Default::default, |file| (file.scenarios, file.chapters, file.imports));
        let file = BenchFile {
            scenarios: joined(texts.scenarios, scenarios),
            chapters: joined(texts.chapters, chapters),
            imports: joined(texts.imports, imports),
            claims: self.claims.iter().map(|claim| claim.word().to_owned()).collect(),
            bounds: self.bounds.clone(),
            unseen: self.unseen.iter().map(|subject| subject.word().to_owned()).collect(),
            unseen_fields: self.unseen_fields.iter().map(|field| field.word().to_owned()).collect(),
            told: self.told.clone(),
            confessions: self.confessions.clone(),
            strict: self.strict,
            contract: self.contract.map(|version| version.to_string()),
        };
        let path = folder.bench();
        let text = serde_json::to_string_pretty(&file)
            .map_err(|error| BenchError::Format { path: path.clone(), error })?;
        fs::write(&path, text).map_err(|error| BenchError::Io { path, error })
    }

    /// Takes it from a run's folder.
    ///
    /// # Errors
    ///
    /// If it is not there, or this version cannot read it.
    pub fn load(folder: &RunFolder) -> Result<Self, BenchError> {
        let file = BenchFile::read(folder)?;
        let source = |text: Text| Source { name: text.name, text: text.text };
        let texts = SuiteTexts {
            scenarios: file.scenarios.into_iter().map(source).collect(),
            chapters: file.chapters.into_iter().map(source).collect(),
            imports: file.imports.into_iter().map(source).collect(),
        };
        let suite = Suite::of(texts).map_err(|error| BenchError::Suite(Box::new(error)))?;
        let known = |word: &String| {
            Capability::ALL.iter().find(|(known, ..)| known == word).map(|(_, claim, _)| *claim)
        };
        // A claim that this version does not know cannot be needed by a scenario that it can read.
        let claims = file.claims.iter().filter_map(known).collect();
        let subject = |word: &String| {
            Subject::ALL.iter().find(|(known, ..)| known == word).map(|(_, subject, _)| *subject)
        };
        let unseen = file.unseen.iter().filter_map(subject).collect();
        let field =
            |word: &String| Field::ALL.iter().find(|(known, ..)| known == word).map(|(_, field, _)| *field);
        let unseen_fields = file.unseen_fields.iter().filter_map(field).collect();
        let contract = file.contract.as_deref().and_then(ContractVersion::parse);
        let BenchFile { bounds, told, confessions, strict, .. } = file;
        Ok(Self { suite, claims, bounds, unseen, unseen_fields, told, confessions, strict, contract })
    }
}

/// The fields of a ledger that the profile does not say how to read.
fn unseen_fields(profile: &Profile) -> Vec<Field> {
    let Some(ledger) = &profile.says.reads.ledger else { return Vec::new() };
    let fields = &ledger.fields;
    let readable = [(Field::EndUser, fields.end_user.is_some()), (Field::Tag, fields.tags.is_some())];
    readable.into_iter().filter(|(_, readable)| !readable).map(|(field, _)| field).collect()
}

/// What a target claims.
pub(crate) fn claims_of(profile: &Profile) -> Vec<Capability> {
    profile.says.claims.iter().map(|claim| claim.value).collect()
}

fn in_numbers(bound: Bound) -> f64 {
    match bound {
        Bound::Number(number) => number,
        Bound::Duration(duration) => duration.as_secs_f64(),
    }
}

impl BenchFile {
    fn read(folder: &RunFolder) -> Result<Self, BenchError> {
        let path = folder.bench();
        let text = fs::read_to_string(&path).map_err(|error| BenchError::Io { path: path.clone(), error })?;
        serde_json::from_str(&text).map_err(|error| BenchError::Format { path, error })
    }
}

/// Texts of this process, and of others those that it does not have.
fn joined(own: Vec<Source>, others: Vec<Text>) -> Vec<Text> {
    let mut texts: Vec<Text> = own.into_iter().map(Text::from).collect();
    for other in others {
        if !texts.iter().any(|text| text.name == other.name) {
            texts.push(other);
        }
    }
    texts.sort_by(|a, b| a.name.cmp(&b.name));
    texts
}

impl From<Source> for Text {
    fn from(source: Source) -> Self {
        Self { name: source.name, text: source.text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{profile, suite_of};
    use crate::scratch::{Scratch, fresh_mark};
    use record::{Counting, MoneyUnit};

    #[test]
    fn what_a_run_is_judged_by_is_read_back_as_it_was_written() {
        let profile = profile(
            "claims: [key-pool]\nbounds: { cooldown_lag: 50ms }\nknown_failures:\n  \
             - { rule: TST-001, scenario: test/one, verdict: fail, reason: r, until: 2999-01-01 }\n\
             reads:\n  cost: { header: x-cost, unit: micros }\n  attempts: { header: x-retries, counts: retries }\n  \
             ledger: { get: /ledger, auth: none, rows: '$[*]', fields: { cost: $.cost, end_user: $.user } }",
        );
        let bench = Bench::of(suite_of("  - { step: s, send: ask }"), &profile, true);
        let scratch = Scratch::new(fresh_mark()).unwrap();
        let folder = RunFolder::create(scratch.path()).unwrap();
        bench.save(&folder).unwrap();
        let again = Bench::load(&folder).unwrap();
        assert_eq!((&again.unseen, &again.unseen_fields), (&vec![Subject::Metrics], &vec![Field::Tag]));
        let told = ToldHeaders {
            cost: Some(("x-cost".to_owned(), MoneyUnit::Micros)),
            attempts: Some(("x-retries".to_owned(), Counting::Retries)),
            ..ToldHeaders::default()
        };
        assert_eq!(again.told, told);
        assert_eq!((&again.claims, &again.bounds, again.strict), (&bench.claims, &bench.bounds, true));
        assert_eq!(again.confessions, bench.confessions);
        assert_eq!(again.confessions.len(), 1);
        assert_eq!(again.suite.scenarios[0].sha256, bench.suite.scenarios[0].sha256);
    }
}
