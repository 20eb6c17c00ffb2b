//! A proof of the contract: which rule turned red under which defect, and what is amiss with the proof.

use serde::{Deserialize, Serialize};

use crate::judged::Verdict;
use crate::run::{RuleRecord, TargetRecord};

/// The version of the format. It rises whenever a reader of the last one would misread the new one.
pub const PROOF_FORMAT: u32 = 1;

/// The runs of scenarios under every defect that concerns them, and once under none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofRecord {
    /// The version of the format.
    pub format: u32,
    /// The version of the command.
    pub tool: String,
    /// The SHA-256 of the source that the command was made of.
    pub tool_sha256: String,
    /// The SHA-256 of the suite that is inside the command.
    #[serde(default)]
    pub suite_sha256: String,
    /// What of that suite was edited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edited: Vec<String>,
    /// When it was started, as an RFC 3339 time.
    pub started: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The seed of every draw.
    pub seed: u64,
    /// What was tested.
    pub target: TargetRecord,
    /// The command line that repeats it.
    pub command: String,
    /// Whether it was cut short, by whom.
    pub interrupted: Option<String>,
    /// The rules that were put to the proof.
    pub rules: Vec<RuleRecord>,
    /// The same trials without a defect.
    pub healthy: HealthyRecord,
    /// The defects in the order of their names.
    pub defects: Vec<DefectRecord>,
}

/// What became of the trials where nothing was broken on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthyRecord {
    /// How many there were.
    pub trials: usize,
    /// Those that did not pass: red under a defect, they prove nothing.
    pub unsound: Vec<TrialOutcome>,
}

/// A trial and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialOutcome {
    /// Its name.
    pub trial: String,
    /// The worst verdict of its expectations.
    pub verdict: Verdict,
    /// What was seen instead.
    pub observed: String,
}

/// What became of the trials under one defect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefectRecord {
    /// Its name.
    pub name: String,
    /// What it does.
    pub about: String,
    /// How many trials ran under it.
    pub trials: usize,
    /// The folder of its run, seen from the proof's folder; none if nothing ran.
    pub folder: Option<String>,
    /// The rules that name it.
    pub rules: Vec<PairRecord>,
    /// A trial that it is not said to break, if nothing passed of what it is not said to break.
    pub broken_controls: Vec<TrialOutcome>,
    /// Rules that turned red too and do not name it.
    pub also: Vec<String>,
}

/// A rule under a defect that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairRecord {
    /// The rule.
    pub rule: String,
    /// What it came to.
    pub came_to: CameTo,
    /// The trials in which it turned red.
    pub red_in: Vec<String>,
    /// Why it did not, as far as that is known.
    pub why_not: Option<String>,
}

/// What a rule came to under a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameTo {
    /// It does not hold in at least one trial, as it must be.
    Red,
    /// It holds everywhere: whatever the defect does, the rule does not see it.
    Green,
    /// Nobody can say.
    Unclear,
    /// A trial that may have seen it was not to be run: its stage is off, or the target does not claim what it needs.
    Gated,
}

/// Something that is amiss with a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap<'p> {
    /// A trial does not pass without a defect.
    Unsound(&'p TrialOutcome),
    /// A rule names a defect and does not turn red under it.
    NotRed(&'p str, &'p PairRecord),
    /// No defect turns a rule red.
    Unkilled(&'p str),
    /// No rule names a defect.
    Unnoticed(&'p str),
    /// A defect breaks what it is not said to break.
    BrokenControl(&'p str, &'p TrialOutcome),
}

impl ProofRecord {
    /// Everything that is amiss; nothing, if the contract is proved.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap<'_>> {
        let mut gaps: Vec<Gap<'_>> = self.healthy.unsound.iter().map(Gap::Unsound).collect();
        for defect in &self.defects {
            if defect.rules.is_empty() {
                gaps.push(Gap::Unnoticed(&defect.name));
            }
            let not_red =
                defect.rules.iter().filter(|pair| matches!(pair.came_to, CameTo::Green | CameTo::Unclear));
            gaps.extend(not_red.map(|pair| Gap::NotRed(&defect.name, pair)));
            gaps.extend(
                defect.broken_controls.iter().map(|control| Gap::BrokenControl(&defect.name, control)),
            );
        }
        let unkilled = self.rules.iter().filter(|rule| self.defects_of(&rule.id).next().is_none());
        gaps.extend(unkilled.map(|rule| Gap::Unkilled(&rule.id)));
        gaps
    }

    /// The defects that a rule names, each with what the rule came to under it.
    pub fn defects_of<'p>(&'p self, rule: &str) -> impl Iterator<Item = (&'p DefectRecord, &'p PairRecord)> {
        self.defects.iter().filter_map(move |defect| {
            let pair = defect.rules.iter().find(|pair| pair.rule == rule)?;
            Some((defect, pair))
        })
    }

    /// Rules that came to nothing because not all of their trials were to be run, each with the reason.
    #[must_use]
    pub fn gated(&self) -> Vec<(&str, &str)> {
        let is_gated = |pair: &PairRecord| pair.came_to == CameTo::Gated;
        let of_rule = |rule: &RuleRecord| {
            let pairs: Vec<&PairRecord> = self.defects_of(&rule.id).map(|(_, pair)| pair).collect();
            pairs.iter().all(|pair| is_gated(pair)).then(|| pairs.first().copied()).flatten()
        };
        let gated = self.rules.iter().filter_map(|rule| Some((rule.id.as_str(), of_rule(rule)?)));
        gated.map(|(rule, pair)| (rule, pair.why_not.as_deref().unwrap_or_default())).collect()
    }

    /// How many of the rules turned red under at least one defect.
    #[must_use]
    pub fn proved(&self) -> usize {
        let is_red =
            |rule: &&RuleRecord| self.defects_of(&rule.id).any(|(_, pair)| pair.came_to == CameTo::Red);
        self.rules.iter().filter(is_red).count()
    }
}

impl std::fmt::Display for Gap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsound(TrialOutcome { trial, verdict, observed }) => {
                write!(f, "{trial} does not pass without a defect ({}): {observed}", verdict.words())
            }
            Self::NotRed(defect, PairRecord { rule, came_to, why_not, .. }) => {
                let why = why_not.as_deref().unwrap_or("it holds");
                let how = if *came_to == CameTo::Green { "stays green" } else { "is not seen to turn red" };
                write!(f, "{rule} {how} under `{defect}`: {why}")
            }
            Self::Unkilled(rule) => write!(f, "{rule} names no defect: nothing shows that it can turn red"),
            Self::Unnoticed(defect) => write!(f, "no rule names `{defect}`"),
            Self::BrokenControl(defect, TrialOutcome { trial, verdict, observed }) => {
                let verdict = verdict.words();
                write!(
                    f,
                    "`{defect}` is not said to break {trial}, nor anything else that was tried, and does ({verdict}): {observed}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Level;

    fn pair(rule: &str, came_to: CameTo) -> PairRecord {
        PairRecord { rule: rule.to_owned(), came_to, red_in: Vec::new(), why_not: None }
    }

    fn defect(name: &str, rules: Vec<PairRecord>) -> DefectRecord {
        DefectRecord {
            name: name.to_owned(),
            about: String::new(),
            trials: 1,
            folder: None,
            rules,
            broken_controls: Vec::new(),
            also: Vec::new(),
        }
    }

    fn proof(rules: &[&str], defects: Vec<DefectRecord>) -> ProofRecord {
        let rule = |id: &&str| RuleRecord {
            id: (*id).to_owned(),
            chapter: "rotation".to_owned(),
            level: Level::Must,
            says: String::new(),
            sources: Vec::new(),
        };
        ProofRecord {
            format: PROOF_FORMAT,
            tool: String::new(),
            tool_sha256: String::new(),
            suite_sha256: String::new(),
            edited: Vec::new(),
            started: String::new(),
            took_ms: 0,
            seed: 7,
            target: TargetRecord {
                name: String::new(),
                version: None,
                profile: String::new(),
                profile_sha256: String::new(),
                defect: None,
            },
            command: String::new(),
            interrupted: None,
            rules: rules.iter().map(rule).collect(),
            healthy: HealthyRecord::default(),
            defects,
        }
    }

    #[test]
    fn a_contract_is_proved_when_each_rule_is_red_under_each_defect_that_it_names() {
        let proved = proof(&["R-1"], vec![defect("d", vec![pair("R-1", CameTo::Red)])]);
        assert_eq!((proved.gaps(), proved.proved()), (Vec::new(), 1));
    }

    #[test]
    fn everything_that_is_amiss_is_told() {
        let outcome = |trial: &str| TrialOutcome {
            trial: trial.to_owned(),
            verdict: Verdict::Fail,
            observed: "503".to_owned(),
        };
        let mut pairs =
            vec![pair("R-1", CameTo::Green), pair("R-2", CameTo::Unclear), pair("R-3", CameTo::Red)];
        pairs.push(PairRecord { why_not: Some("off".to_owned()), ..pair("R-5", CameTo::Gated) });
        let mut broken =
            proof(&["R-1", "R-2", "R-3", "R-4", "R-5"], vec![defect("d", pairs), defect("idle", vec![])]);
        broken.healthy.unsound.push(outcome("a.yaml"));
        broken.defects[0].broken_controls.push(outcome("b.yaml"));
        let told: Vec<String> = broken.gaps().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "a.yaml does not pass without a defect (fail): 503",
                "R-1 stays green under `d`: it holds",
                "R-2 is not seen to turn red under `d`: it holds",
                "`d` is not said to break b.yaml, nor anything else that was tried, and does (fail): 503",
                "no rule names `idle`",
                "R-4 names no defect: nothing shows that it can turn red",
            ]
        );
        assert_eq!((broken.proved(), broken.gated()), (1, vec![("R-5", "off")]));
    }
}
