//! The defects: faults that real routers had, each built as another value of a policy and selected by name.
//!
//! This folder defines and selects them; no other code may ask which one is on.

mod border;
mod cooldowns;
mod keys;
mod list;
mod money;
mod retries;
mod services;
mod streams;
mod upkeep;

use std::sync::Arc;

use thiserror::Error;

use self::list::DEFECTS;
use crate::policy::Policies;

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
    let Some(name) = defect else { return Ok(sound) };
    with_keys(name, sound)
        .or_else(|sound| with_money(name, sound))
        .or_else(|sound| with_relay(name, sound))
        .or_else(|sound| with_upkeep(name, sound))
        .or_else(|sound| with_services(name, sound))
        .map_err(|_| UnknownDefect { name: name.to_owned() })
}

fn with_keys(name: &str, sound: Policies) -> Result<Policies, Policies> {
    use cooldowns::*;
    use keys::*;
    use retries::*;
    Ok(match name {
        "retries-the-same-key" => {
            Policies { choice: Box::new(LimitedKeyAgain), retry: Box::new(RetryOnLimitedKey), ..sound }
        }
        "retries-on-disabled-keys" => Policies { choice: Box::new(DisabledKeysOnceBegun), ..sound },
        "falls-back-anyway" => Policies { retry: Box::new(OtherModelsAnyway), ..sound },
        "multiplies-retries" => {
            Policies { choice: Box::new(EveryKeyOnceBegun), retry: Box::new(TwoLayers), ..sound }
        }
        "gives-up-after-three-keys" => Policies { choice: Box::new(FewKeys), ..sound },
        "ignores-weights" => Policies { choice: Box::new(NoWeights), ..sound },
        "disregards-limits" => Policies { choice: Box::new(NoLimits), ..sound },
        "never-falls-back" => Policies { retry: Box::new(FirstOrNone), ..sound },
        "uses-keys-to-their-last" => Policies { choice: Box::new(NoHeadroom), ..sound },
        "takes-the-first-key-for-idle" => Policies { choice: Box::new(FirstIsIdle), ..sound },
        "forgets-sessions" => Policies { choice: Box::new(NoSessions), ..sound },
        "lets-everybody-wait" => Policies { retry: Box::new(EndlessQueue), ..sound },
        "looks-up-keys-slowly" => Policies { choice: Box::new(SlowChoice), ..sound },
        "sleeps-before-the-next-key" => Policies { retry: Box::new(PauseBetweenKeys), ..sound },
        "retries-wrong-requests" => Policies { retry: Box::new(RetryWrongRequests), ..sound },
        "waits-equally-long" => Policies { retry: Box::new(EqualWaits), ..sound },
        "hints-one-second" => Policies { retry: Box::new(ShortHints), ..sound },
        "ignores-retry-after" => Policies { hints: Box::new(IgnoreHints), ..sound },
        "keeps-the-latest-hint" => Policies { hints: Box::new(LatestHint), ..sound },
        "trusts-a-key-at-once" => Policies { hints: Box::new(NoProbes), ..sound },
        "takes-slow-down-for-a-key-limit" => Policies { hints: Box::new(NoSlowDown), ..sound },
        "keeps-cooldowns-to-itself" => Policies { hints: Box::new(TellNobody), ..sound },
        "rests-for-all-models" => Policies { hints: Box::new(RestsForAllModels), ..sound },
        "keeps-keys-closed" => Policies { hints: Box::new(LongCooldowns), ..sound },
        _ => return Err(sound),
    })
}

fn with_money(name: &str, sound: Policies) -> Result<Policies, Policies> {
    use money::*;
    Ok(match name {
        "charges-streams-nothing" => Policies { charging: Arc::new(StreamsAreFree), ..sound },
        "charges-only-whole-streams" => Policies { charging: Arc::new(LeavingIsFree), ..sound },
        "charges-retries-twice" => Policies { charging: Arc::new(ChargeEveryAttempt), ..sound },
        "charges-both-ends" => Policies { charging: Arc::new(ChargeBothEnds), ..sound },
        "charges-cached-tokens-in-full" => Policies { charging: Arc::new(CacheAtFullPrice), ..sound },
        "charges-another-tenant" => Policies { charging: Arc::new(ChargeWhoIsNamed), ..sound },
        "sums-cumulative-usage" => Policies { usage: Arc::new(SumReports), ..sound },
        "checks-budget-after-charge" => Policies { budgets: Arc::new(CountSpentOnly), ..sound },
        "keeps-reservations" => Policies { budgets: Arc::new(LeavingKeepsReservations), ..sound },
        "tells-another-cost" => Policies { charging: Arc::new(ToldAtFullPrice), ..sound },
        "reports-budgets-only" => Policies { budgets: Arc::new(BudgetsAreReports), ..sound },
        _ => return Err(sound),
    })
}

fn with_relay(name: &str, sound: Policies) -> Result<Policies, Policies> {
    use border::*;
    use streams::*;
    Ok(match name {
        "takes-a-head-for-success" => Policies { streams: Arc::new(HeadIsSuccess), ..sound },
        "ends-cut-streams-cleanly" => Policies { streams: Arc::new(EndsAnyway), ..sound },
        "begins-broken-streams-again" => Policies { streams: Arc::new(FromTheTop), ..sound },
        "writes-with-few-writers" => Policies { streams: Arc::new(FewWriters::new()), ..sound },
        "passes-the-callers-key-on" => Policies { border: Box::new(CallersKeyPassedOn), ..sound },
        "shows-provider-keys" => Policies { border: Box::new(ProviderKeyShown), ..sound },
        "answers-errors-in-plain-words" => Policies { border: Box::new(ErrorsInPlainWords), ..sound },
        "gives-one-id-to-all" => Policies { border: Box::new(OneIdForAll), ..sound },
        "counts-the-last-model-only" => Policies { border: Box::new(AttemptsOfTheLast), ..sound },
        "mixes-up-answers" => Policies { border: Box::new(AnswersInOnePlace::default()), ..sound },
        _ => return Err(sound),
    })
}

fn with_upkeep(name: &str, sound: Policies) -> Result<Policies, Policies> {
    use upkeep::*;
    Ok(match name {
        "is-always-ready" => Policies { upkeep: Box::new(AlwaysReady), ..sound },
        "opens-admin-paths-to-tenants" => Policies { upkeep: Box::new(TenantsAreOperators), ..sound },
        "forgets-at-reloads" => Policies { upkeep: Box::new(ForgetsAtReloads), ..sound },
        "asks-without-a-key" => Policies { upkeep: Box::new(AsksWithoutKey), ..sound },
        "checks-everything-at-once" => Policies { upkeep: Box::new(ChecksAllAtOnce), ..sound },
        "falls-back-for-everybody" => Policies { tenancy: Arc::new(FallbacksForEverybody), ..sound },
        "lets-expired-keys-in" => Policies { tenancy: Arc::new(KeysNeverExpire), ..sound },
        "keeps-broken-requests-open" => Policies { tenancy: Arc::new(BrokenRequestsStayOpen), ..sound },
        "counts-refused-requests" => Policies { tenancy: Arc::new(RefusalsCount), ..sound },
        "renews-budgets-late" => Policies { tenancy: Arc::new(LateBudgets), ..sound },
        _ => return Err(sound),
    })
}

fn with_services(name: &str, sound: Policies) -> Result<Policies, Policies> {
    use services::*;
    Ok(match name {
        "ignores-service-limits" => Policies { apis: Box::new(NoServiceLimits), ..sound },
        "sends-orders-twice" => Policies { apis: Box::new(LostIsNotMade), ..sound },
        "ignores-health" => Policies { apis: Box::new(HealthForShow), ..sound },
        "uses-disabled-apis" => Policies { apis: Box::new(DisabledIsReserve), ..sound },
        "shifts-too-late" => Policies { apis: Box::new(NoThreshold), ..sound },
        "always-predicts" => Policies { apis: Box::new(GrowthEverywhere), ..sound },
        "never-predicts" => Policies { apis: Box::new(GrowthNowhere), ..sound },
        "constant-analytics" => Policies { apis: Box::new(AllIsWell), ..sound },
        _ => return Err(sound),
    })
}

fn known_names() -> String {
    DEFECTS.map(|defect| defect.name).join("`, `")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_defect_can_be_selected_and_others_are_refused_with_the_list() {
        for defect in defects() {
            assert!(policies(Some(defect.name)).is_ok(), "{}", defect.name);
            assert!(!defect.breaks.is_empty() && !defect.about.is_empty() && !defect.cites.is_empty());
        }
        let error = policies(Some("nope")).err().unwrap().to_string();
        assert!(
            error.starts_with("unknown defect `nope`: the defects are `retries-the-same-key`"),
            "{error}"
        );
    }

    /// Which files may know of defects: those that define and select them, the one where the name comes in, and
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
                let allowed = ["serve.rs", "lib.rs"];
                let at_top = path.parent().is_some_and(|parent| parent.ends_with("src"));
                let in_house = path.parent().is_some_and(|parent| parent.ends_with("src/defects"));
                if in_house || at_top && allowed.iter().any(|name| path.ends_with(name)) {
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
