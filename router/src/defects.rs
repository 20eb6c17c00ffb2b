//! The defects: faults that real routers had, each built as another value of a policy and selected by name.
//!
//! This file defines and selects them; no other code may ask which one is on.

use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use crate::exchange::{KeyChoice, Next, OpenKeysInTurn, Pick, RetryPolicy, RetryWhatMayHelp, Walk};
use crate::policy::Policies;
use crate::pool::Pool;
use crate::provider::{Failure, HintPolicy, HonourHints, Limit};

/// A fault that can be switched on, to show that the scenarios which cite its rules can turn red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defect {
    /// The name it is selected by.
    pub name: &'static str,
    /// What a real router did.
    pub about: &'static str,
    /// Where that was reported.
    pub cites: &'static str,
    /// The rules of the contract that it breaks.
    pub breaks: &'static [&'static str],
}

/// No defect has this name.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown defect `{name}`: the defects are `{}`", known_names())]
pub struct UnknownDefect {
    /// The name that was asked for.
    pub name: String,
}

/// All defects, in the order in which they are listed to the user.
pub fn defects() -> &'static [Defect] {
    &DEFECTS
}

/// The policies of the router: sound ones, or those with the named fault.
pub(crate) fn policies(defect: Option<&str>) -> Result<Policies, UnknownDefect> {
    let sound = Policies::sound();
    match defect {
        None => Ok(sound),
        Some("retries-the-same-key") => {
            Ok(Policies { choice: Box::new(LimitedKeyAgain), retry: Box::new(RetryOnLimitedKey), ..sound })
        }
        Some("ignores-retry-after") => Ok(Policies { hints: Box::new(IgnoreHints), ..sound }),
        Some("multiplies-retries") => {
            Ok(Policies { choice: Box::new(EveryKeyOnceBegun), retry: Box::new(TwoLayers), ..sound })
        }
        Some(name) => Err(UnknownDefect { name: name.to_owned() }),
    }
}

const DEFECTS: [Defect; 3] = [
    Defect {
        name: "retries-the-same-key",
        about: "after a 429 the rate-limited key was tried again until the retries were used up, although other keys \
                were untried, and the 429 went to the client",
        cites: "maximhq/bifrost#2654, bestruirui/octopus#245",
        breaks: &["ROT-001", "ROT-003"],
    },
    Defect {
        name: "ignores-retry-after",
        about: "the provider's Retry-After was read and passed on but not honoured, so the next request was sent with \
                the limited key again",
        cites: "maximhq/bifrost#6971, diegosouzapw/OmniRoute#14573",
        breaks: &["CDN-001"],
    },
    Defect {
        name: "multiplies-retries",
        about: "the retries of the client library beneath ran inside the router's own loop, so that the two numbers \
                multiplied and one request cost many more attempts than were configured",
        cites: "BerriAI/litellm#7130, BerriAI/litellm#7262, HKUDS/nanobot#2760",
        breaks: &["SPK-002", "RTY-001"],
    },
];

fn known_names() -> String {
    DEFECTS.map(|defect| defect.name).join("`, `")
}

/// Stays with a key that has just been refused.
struct LimitedKeyAgain;

impl KeyChoice for LimitedKeyAgain {
    fn choose(&self, pool: &mut Pool, walk: &Walk, now: Instant) -> Option<Pick> {
        match walk.last_refused() {
            Some(key) => Some(Pick::Repeat(key)),
            None => OpenKeysInTurn.choose(pool, walk, now),
        }
    }
}

/// Spends retries on a limit instead of moving on.
struct RetryOnLimitedKey;

impl RetryPolicy for RetryOnLimitedKey {
    fn after(&self, failure: Failure) -> Next {
        match failure {
            Failure::Limited { .. } | Failure::SlowDown { .. } => Next::Again { no_sooner: Duration::ZERO },
            other => RetryWhatMayHelp.after(other),
        }
    }
}

/// Closes no key for its rate. A spike still closes it, as without a hint: only the hint is disregarded.
struct IgnoreHints;

impl HintPolicy for IgnoreHints {
    fn cooldown(&self, limit: Limit, _hint: Option<Duration>) -> Duration {
        match limit {
            Limit::Rate => Duration::ZERO,
            Limit::Spike => HonourHints.cooldown(limit, None),
        }
    }
}

/// Looks at cooldowns for the first attempt of an exchange only, as a loop over a list of keys taken once does.
struct EveryKeyOnceBegun;

impl KeyChoice for EveryKeyOnceBegun {
    fn choose(&self, pool: &mut Pool, walk: &Walk, now: Instant) -> Option<Pick> {
        let sound = OpenKeysInTurn.choose(pool, walk, now);
        if walk.has_begun() && !matches!(sound, Some(Pick::Fresh(_))) {
            return pool.next_enabled(|key| walk.has_tried(key)).map(Pick::Fresh).or(sound);
        }
        sound
    }
}

/// Lets the layer beneath make every attempt as often as the whole exchange may.
struct TwoLayers;

impl RetryPolicy for TwoLayers {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn sends_for_each_attempt(&self, retries: u32) -> u32 {
        retries.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_defect_can_be_selected_and_others_are_refused_with_the_list() {
        for defect in defects() {
            assert!(policies(Some(defect.name)).is_ok(), "{}", defect.name);
            assert!(!defect.breaks.is_empty() && !defect.about.is_empty() && defect.cites.contains('#'));
        }
        let error = policies(Some("nope")).err().unwrap().to_string();
        assert!(
            error.starts_with("unknown defect `nope`: the defects are `retries-the-same-key`"),
            "{error}"
        );
    }

    /// Which files may know of defects: the one that defines and selects them, the one where the name comes in, and
    /// the table of contents.
    #[test]
    fn no_other_file_of_the_crate_speaks_of_defects() {
        fn visit(folder: &std::path::Path, offenders: &mut Vec<String>, seen: &mut usize) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(&path, offenders, seen);
                    continue;
                }
                *seen += 1;
                let allowed = ["defects.rs", "serve.rs", "lib.rs"];
                let at_top = path.parent().is_some_and(|parent| parent.ends_with("src"));
                if at_top && allowed.iter().any(|name| path.ends_with(name)) {
                    continue;
                }
                if std::fs::read_to_string(&path).unwrap().to_lowercase().contains("defect") {
                    offenders.push(path.display().to_string());
                }
            }
        }
        let (mut offenders, mut seen) = (Vec::new(), 0);
        visit(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut offenders, &mut seen);
        assert!(seen > 20, "only {seen} files were searched");
        assert_eq!(offenders, Vec::<String>::new());
    }
}
