//! Faults in what counts as a key, of all that is written down.

use std::sync::Arc;

use super::Defect;
use crate::policy::Policies;
use crate::secret::Secret;
use crate::settings::SourcePolicy;

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "misses-the-last-key",
        about: "the search for numbered variables ended one before the last, so that a key was never used",
        cites: "keys in the environment: a variable, and the same with a number behind it",
        switch_on: |sound| Policies { sources: Arc::new(AllButTheLast), ..sound },
    },
    Defect {
        name: "orders-keys-as-texts",
        about: "variables were ordered like words, so that the tenth key stood before the second",
        cites: "numbers are ordered as numbers",
        switch_on: |sound| Policies { sources: Arc::new(AsTexts), ..sound },
    },
    Defect {
        name: "stops-at-a-gap",
        about: "the search for numbered variables ended where one was missing, and the keys behind it were lost",
        cites: "removing a variable removes one key",
        switch_on: |sound| Policies { sources: Arc::new(UpToTheGap), ..sound },
    },
    Defect {
        name: "takes-blanks-for-keys",
        about: "an entry that held nothing counted as a key, and `undefined` was sent in its place",
        cites: "kcolemangt/llm-router#13, QuantumNous/new-api#7398",
        switch_on: |sound| Policies { sources: Arc::new(BlanksAreKeys), ..sound },
    },
    Defect {
        name: "counts-a-key-twice",
        about: "a key that stood in two places was two keys, so that it was tried again as soon as it was limited",
        cites: "QuantumNous/new-api#2899",
        switch_on: |sound| Policies { sources: Arc::new(EachEntryIsAKey), ..sound },
    },
    Defect {
        name: "asks-with-keys-of-others",
        about: "whatever keys were found were sent to every provider, those of other providers included",
        cites: "BerriAI/litellm#38114",
        switch_on: |sound| Policies { sources: Arc::new(KeysOfOthers), ..sound },
    },
    Defect {
        name: "adds-keys-of-the-environment",
        about: "keys that happened to stand in the environment were used beside those that were configured",
        cites: "what is said in so many words goes before what is found",
        switch_on: |sound| Policies { sources: Arc::new(MachineKeysToo), ..sound },
    },
];

/// Looks at all variables but the one with the highest number.
struct AllButTheLast;

impl SourcePolicy for AllButTheLast {
    fn in_order(&self, mut numbered: Vec<(u64, String)>) -> Vec<String> {
        numbered.sort();
        numbered.pop();
        numbered.into_iter().map(|(_, name)| name).collect()
    }
}

/// Takes numbers for words.
struct AsTexts;

impl SourcePolicy for AsTexts {
    fn in_order(&self, numbered: Vec<(u64, String)>) -> Vec<String> {
        let mut names: Vec<String> = numbered.into_iter().map(|(_, name)| name).collect();
        names.sort();
        names
    }
}

/// Counts from 1 for as long as there is a variable.
struct UpToTheGap;

impl SourcePolicy for UpToTheGap {
    fn in_order(&self, mut numbered: Vec<(u64, String)>) -> Vec<String> {
        numbered.sort();
        let in_row = (1..).zip(numbered).take_while(|(wanted, (number, _))| wanted == number);
        in_row.map(|(_, (_, name))| name).collect()
    }
}

/// Takes nothing for something.
struct BlanksAreKeys;

impl SourcePolicy for BlanksAreKeys {
    fn key(&self, text: &str) -> Option<Secret> {
        Secret::trimmed(text).or_else(|| Secret::trimmed("undefined"))
    }
}

/// Makes a key of every entry.
struct EachEntryIsAKey;

impl SourcePolicy for EachEntryIsAKey {
    fn counts_once(&self) -> bool {
        false
    }
}

const VARIABLES: [&str; 3] = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"];

/// Looks at the variables of all providers.
struct KeysOfOthers;

impl SourcePolicy for KeysOfOthers {
    fn variables<'v>(&self, own: Vec<&'v str>, is_listed: bool) -> Vec<&'v str> {
        if is_listed {
            return own;
        }
        let others = VARIABLES.into_iter().filter(|variable| !own.contains(variable)).collect::<Vec<_>>();
        own.into_iter().chain(others).collect()
    }

    fn goes_on(&self) -> bool {
        true
    }
}

/// Looks at variables although keys are listed.
struct MachineKeysToo;

impl SourcePolicy for MachineKeysToo {
    fn variables<'v>(&self, own: Vec<&'v str>, is_listed: bool) -> Vec<&'v str> {
        if is_listed { VARIABLES.to_vec() } else { own }
    }

    fn goes_on(&self) -> bool {
        true
    }
}
