//! What a trial is judged by, and verdicts that need no evidence.

use std::collections::BTreeMap;
use std::time::Duration;

use record::{Judged, SourceLine, ToldHeaders, Verdict};
use scenario::{
    Claim, ContractVersion, Expectation, Field, Level, Measure, Rules, Scenario, Sources, Subject,
};

use crate::claim::{rows_of, unobservable};
use crate::measure::fields_of_measure;
use crate::words;

/// The grace that an attempt has after a wait hint's last byte, on a machine that is not late.
pub const BASE_GRACE: Duration = Duration::from_millis(10);

/// What a trial is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The case, with everything substituted.
    pub scenario: &'a Scenario,
    /// The rules that it can cite; they say how binding an expectation is.
    pub rules: &'a Rules,
    /// The texts that its spans refer to.
    pub sources: &'a Sources,
    /// The bounds that the target's profile declares: numbers as they are, durations in seconds.
    pub bounds: &'a BTreeMap<String, f64>,
    /// What the run can see.
    pub observable: &'a Observable,
    /// Whether a SHOULD counts as a MUST.
    pub strict: bool,
    /// The version of the contract that binds: a rule that came later only warns.
    pub contract: Option<ContractVersion>,
    /// The grace of a moment without lag: [`BASE_GRACE`] unless something else is asked for.
    pub base_grace: Duration,
}

/// What a run cannot see of its target, each with the reason, which is told to whoever asks about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observable {
    hidden: Vec<(Subject, &'static str)>,
    hidden_fields: Vec<(Field, &'static str)>,
    told: ToldHeaders,
}

impl Observable {
    /// Every subject is seen with its fields, but for what the target tells its clients: where that stands is to be said.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Without a subject, for a reason.
    #[must_use]
    pub fn without(mut self, subject: Subject, reason: &'static str) -> Self {
        self.hidden.push((subject, reason));
        self
    }

    /// Without a field that rows of its subjects do not tell, for a reason.
    #[must_use]
    pub fn without_field(mut self, field: Field, reason: &'static str) -> Self {
        self.hidden_fields.push((field, reason));
        self
    }

    /// With the headers in which the target tells its clients of an exchange.
    #[must_use]
    pub fn with_told(self, told: ToldHeaders) -> Self {
        Self { told, ..self }
    }

    /// Where the target tells its clients of an exchange.
    pub(crate) fn told(&self) -> &ToldHeaders {
        &self.told
    }

    /// Why a field cannot be seen, if it cannot.
    pub(crate) fn lacks_field(&self, field: Field) -> Option<&'static str> {
        let hidden =
            self.hidden_fields.iter().find(|(hidden, _)| *hidden == field).map(|(_, reason)| *reason);
        let ToldHeaders { served_by, cost, attempts, key, request_id } = &self.told;
        hidden.or_else(|| match field {
            Field::ToldUpstream if served_by.is_none() => {
                Some("the target's profile names no header for it: `served_by:` under `reads:`")
            }
            Field::ToldCost if cost.is_none() => {
                Some("the target's profile names no header for it: `cost:` under `reads:`")
            }
            Field::ToldAttempts if attempts.is_none() => {
                Some("the target's profile names no header for it: `attempts:` under `reads:`")
            }
            Field::ToldKey if key.is_none() => {
                Some("the target's profile names no header for it: `key:` under `reads:`")
            }
            Field::ToldRequestId if request_id.is_none() => {
                Some("the target's profile names no header for it: `request_id:` under `reads:`")
            }
            _ => None,
        })
    }

    /// Why a subject cannot be seen, if it cannot.
    pub(crate) fn lacks(&self, subject: Subject) -> Option<&'static str> {
        self.hidden.iter().find(|(hidden, _)| *hidden == subject).map(|(_, reason)| *reason)
    }
}

/// The verdicts of a trial that could not take place, such as one whose target never became ready.
#[must_use]
pub fn blocked(question: &Question<'_>, reason: &str) -> Vec<Judged> {
    ignored(question, Verdict::Blocked, reason)
}

/// The verdicts of a trial that is not held: every expectation gets the same one, for the same reason.
#[must_use]
pub fn ignored(question: &Question<'_>, verdict: Verdict, reason: &str) -> Vec<Judged> {
    let expectations = question.scenario.expect.iter();
    expectations.map(|expectation| question.judged(expectation, verdict, reason.to_owned())).collect()
}

impl Question<'_> {
    /// An expectation with its verdict, and no evidence yet.
    pub(crate) fn judged(&self, expectation: &Expectation, verdict: Verdict, observed: String) -> Judged {
        Judged {
            rule: expectation.rule.value.clone(),
            say: expectation.say.clone(),
            verdict,
            doubt: None,
            unmet: false,
            expected: match &expectation.claim {
                Claim::Rows(claim) => words::claim(claim),
                Claim::That(that) => format!("`{}`", that.value),
            },
            observed,
            shown: None,
            line: self.line_of(expectation),
        }
    }

    /// Why an expectation cannot be judged by what this run can see, if it cannot.
    pub(crate) fn unobservable(&self, expectation: &Expectation) -> Option<&'static str> {
        let that = match &expectation.claim {
            Claim::Rows(_) => None,
            Claim::That(that) => crate::that::That::read(&that.value).ok(),
        };
        let measured = that
            .iter()
            .flat_map(crate::that::That::names)
            .filter_map(|name| self.scenario.measure.0.iter().find(|(known, _)| known.value == name));
        let own = rows_of(&expectation.claim).and_then(|claim| unobservable(claim, self.observable));
        let of_measure = |measure: &Measure| {
            let untold = || fields_of_measure(measure).find_map(|field| self.observable.lacks_field(field));
            self.observable.lacks(measure.subject).or_else(untold)
        };
        own.or_else(|| measured.into_iter().find_map(|(_, measure)| of_measure(measure)))
    }

    /// Why nobody can see whether what the scenario provokes came to pass, if nobody can.
    pub(crate) fn unseen_witness(&self) -> Option<&'static str> {
        let mut witnesses = self.scenario.witness.iter().map(|witness| &witness.claim);
        witnesses.find_map(|claim| unobservable(claim, self.observable))
    }

    /// How binding an expectation is, and whether a SHOULD binds as a MUST does. A scenario that was read cites only rules that are
    /// known.
    pub(crate) fn binding(&self, expectation: &Expectation) -> (Level, bool) {
        let Some(known) = self.rules.get(&expectation.rule.value) else { return (Level::Must, self.strict) };
        let came_later = self.contract.is_some_and(|contract| known.since() > Some(contract));
        match known.rule.level {
            Level::Must | Level::Should if came_later => (Level::Should, false),
            level => (level, self.strict),
        }
    }

    /// The line on which the claim begins, from there to its end.
    fn line_of(&self, expectation: &Expectation) -> SourceLine {
        let span = match &expectation.claim {
            Claim::Rows(claim) => claim.span,
            Claim::That(that) => that.span,
        };
        let position = self.sources.position(span);
        let text = self.sources.line(span).trim_end();
        let all = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        SourceLine {
            file: self.sources.get(span.source).name.clone(),
            line: position.line,
            column: position.column,
            length: all.saturating_sub(position.column - 1).max(1),
            text: text.to_owned(),
        }
    }
}
