//! The probes inside the command: a scenario for each capability, as they stand in the repository below `fixtures/probes/`.

use std::path::PathBuf;

use scenario::{Capability, Source, Suite, SuiteError, SuiteTexts};

/// Every file with its text, in the order of their names.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/probes.rs"));

const RULES: &str = "fixtures/probes/rules.yaml";

/// The probes.
///
/// # Errors
///
/// If one of them is wrong, which a test keeps from happening.
pub(crate) fn suite() -> Result<Suite, SuiteError> {
    Suite::of(texts(|_| true))
}

/// Those that some paths name, if these are nothing but probes that are not there as files.
pub(crate) fn of_command(paths: &[PathBuf]) -> Option<SuiteTexts> {
    let is_named =
        |path: &PathBuf| !path.exists() && FILES.iter().any(|(name, _)| path == &PathBuf::from(name));
    paths.iter().all(is_named).then(|| texts(|name| paths.iter().any(|path| path == &PathBuf::from(name))))
}

/// The file of a capability's probe.
pub(super) fn file_of(capability: Capability) -> String {
    format!("fixtures/probes/{}.yaml", capability.word())
}

fn texts(is_meant: impl Fn(&str) -> bool) -> SuiteTexts {
    let mut texts = SuiteTexts::default();
    for (name, text) in FILES {
        let source = Source { name: (*name).to_owned(), text: (*text).to_owned() };
        if *name == RULES {
            texts.chapters.push(source);
        } else if is_meant(name) {
            texts.scenarios.push(source);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_capability_has_a_probe_and_each_probe_is_one_s() {
        let suite = suite().unwrap();
        let mut files: Vec<String> = Capability::ALL.iter().map(|(_, claim, _)| file_of(*claim)).collect();
        files.sort();
        let found: Vec<&str> = suite.scenarios.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(found, files);
    }

    #[test]
    fn a_probe_asks_for_no_claim_so_that_it_can_be_put_to_any_target() {
        let suite = suite().unwrap();
        assert!(suite.rules.iter().all(|known| known.rule.needs.is_empty()));
        let mut cases = suite.scenarios.iter().flat_map(|file| &file.cases);
        assert!(cases.all(|case| case.scenario.needs.is_empty()));
    }

    #[test]
    fn a_probe_that_is_there_as_a_file_is_read_from_it() {
        // The tests run in the repository, where probes are files.
        assert!(of_command(&[PathBuf::from("fixtures/probes/cooldown.yaml")]).is_none());
        assert!(of_command(&[PathBuf::from("fixtures/probes/no-such-probe.yaml")]).is_none());
    }
}
