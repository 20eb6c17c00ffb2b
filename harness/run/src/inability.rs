//! What a scenario asks for and cannot be had: of a target by its profile, of the machine, or of this harness. Told before
//! anything is started, so that nothing is run in vain.

use std::env;
use std::path::Path;

use record::Verdict;
use scenario::{
    Against, Course, Credential, Endpoint, Errand, Manner, MarkPosition, Open, Request, Scenario, Schedule,
    Seen, Traffic,
};
use target::Profile;

use crate::estimate::phase_lasts;
use crate::plan::Ignored;
use crate::trial::MARK_HEADER;

/// Why a scenario cannot be run against a target, if it cannot.
pub(crate) fn inability(profile: &Profile, scenario: &Scenario) -> Option<Ignored> {
    let ignored = |verdict| move |reason: String| Ignored { verdict, reason };
    undone(profile, scenario)
        .map(ignored(Verdict::NotClaimed))
        .or_else(|| unseen(scenario).map(ignored(Verdict::NotObservable)))
        .or_else(|| missing(profile, scenario).map(ignored(Verdict::Gated)))
}

/// What the target's profile does not do.
fn undone(profile: &Profile, scenario: &Scenario) -> Option<String> {
    let unread = profile.unrendered(&scenario.world);
    if !unread.is_empty() {
        return Some(format!("the target's profile does nothing about {}", quoted(&unread)));
    }
    scenario.traffic.iter().find_map(|entry| lacking(profile, scenario, entry))
}

/// What the profile lacks for an entry of the traffic.
fn lacking(profile: &Profile, scenario: &Scenario, entry: &Traffic) -> Option<String> {
    let no_path = |endpoint: Endpoint| {
        let lacks = profile.path(endpoint).is_none();
        lacks.then(|| format!("the target's profile gives no path for `{}`", endpoint.word()))
    };
    match entry {
        Traffic::Operate(operate) => {
            let operation = operate.operate.value;
            let cannot = !profile.can(operation);
            return cannot.then(|| format!("the target's profile says no way to `{}`", operation.word()));
        }
        Traffic::WaitUntil(wait) => {
            return match wait.seen {
                Seen::Answers(endpoint, _) => no_path(endpoint),
                Seen::Rows(_) => None,
            };
        }
        Traffic::Step(_) | Traffic::Phase(_) | Traffic::Pause(_) | Traffic::Exec(_) => {}
    }
    if let Some(Errand::Get(endpoint)) = entry.errand() {
        return no_path(*endpoint);
    }
    let to_target = entry.manner().is_none_or(|manner| manner.at.is_none() && manner.against.is_none());
    entry.requests(&scenario.requests).find_map(|request| request_lacks(profile, &request, to_target))
}

fn request_lacks(profile: &Profile, request: &Request, to_target: bool) -> Option<String> {
    if request.credential == Credential::Admin && profile.admin_authorization("").is_none() {
        return Some(
            "the target's profile says nothing of `admin:`, which `credential: admin` needs".to_owned(),
        );
    }
    if !to_target || request.model.is_none() {
        return None;
    }
    let speaks = &profile.says.speaks.value;
    match &request.dialect {
        Some(dialect) if !speaks.contains(&dialect.value) => {
            Some(format!("the target does not speak `{}`", dialect.value.name()))
        }
        _ if request.id == MarkPosition::Header && !profile.forwards(MARK_HEADER) => {
            Some(format!("the target hands no `{MARK_HEADER}` on, in which `id: header` puts the mark"))
        }
        _ => None,
    }
}

/// What this harness cannot see.
fn unseen(scenario: &Scenario) -> Option<String> {
    scenario.traffic.iter().find_map(|entry| {
        several_addresses(scenario, entry)
            .or_else(|| nobody_behind(scenario, entry))
            .or_else(|| endless_ramp(scenario, entry))
    })
}

/// What goes around the target needs an upstream that serves the model.
fn nobody_behind(scenario: &Scenario, entry: &Traffic) -> Option<String> {
    let Manner { against: Some(Against::Direct), at: None, .. } = entry.manner()? else { return None };
    if let Some(Errand::Get(_) | Errand::Raw(_)) = entry.errand() {
        return Some(
            "`against: direct` is for requests to a model: write `at: UPSTREAM` for others".to_owned(),
        );
    }
    let served = |model: &str| scenario.world.router.models.get(model).is_some();
    let mut asked = entry.requests(&scenario.requests);
    let nobody = asked.find(|request| !request.model_name().is_some_and(served))?;
    let what = nobody
        .model_name()
        .map_or_else(|| "a request without a model".to_owned(), |model| format!("`{model}`"));
    Some(format!("no upstream serves {what}, which is sent past the target (`against: direct`)"))
}

/// A rate that grows from one to another needs a time in which it does.
fn endless_ramp(scenario: &Scenario, entry: &Traffic) -> Option<String> {
    let Traffic::Phase(phase) = entry else { return None };
    let Schedule::Open(Open { rate: Some(Course::Ramp(..)), .. }) = &phase.schedule else { return None };
    phase_lasts(scenario, phase).is_zero().then(|| {
        format!("the rate of phase `{}` grows for an unknown time: say how long it `lasts`", phase.name.value)
    })
}

/// A phase sends all its requests to one address, and without the target each upstream has its own.
fn several_addresses(scenario: &Scenario, entry: &Traffic) -> Option<String> {
    let Traffic::Phase(phase) = entry else { return None };
    let Manner { against: Some(Against::Direct), at: None, .. } = &phase.manner else { return None };
    let upstream = |request: Request| {
        let settings = scenario.world.router.models.get(request.model_name()?)?;
        settings.upstreams().next().map(|name| name.value.clone())
    };
    let mut upstreams: Vec<String> = entry.requests(&scenario.requests).filter_map(upstream).collect();
    upstreams.sort();
    upstreams.dedup();
    (upstreams.len() > 1).then(|| {
        let name = &phase.name.value;
        format!(
            "phase `{name}` is sent straight to several upstreams ({}): write a phase for each",
            quoted(&upstreams)
        )
    })
}

/// A program that is not on this machine.
fn missing(profile: &Profile, scenario: &Scenario) -> Option<String> {
    let programs = scenario.traffic.iter().filter_map(|entry| match entry {
        Traffic::Exec(exec) => exec.command.first()?.as_plain(),
        _ => None,
    });
    let store = target::missing_store_program(profile).filter(|_| scenario.world.router.shared);
    let program = store.or_else(|| programs.into_iter().find(|name| !is_there(name)))?;
    Some(format!("`{program}` is not on this machine"))
}

/// Whether a program is on the `PATH`. One that is a path is left to its start, which happens in a folder of its own.
fn is_there(name: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    name.contains('/') || env::split_paths(&folders).any(|folder| Path::new(&folder).join(name).is_file())
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{Parts, profile, suite_of};

    fn reason(parts: &str, traffic: &str) -> Option<(Verdict, String)> {
        let suite = suite_of(traffic);
        let ignored = inability(&profile(parts), &suite.scenarios[0].cases[0].scenario)?;
        Some((ignored.verdict, ignored.reason))
    }

    #[test]
    fn what_a_profile_gives_no_way_for_is_not_claimed() {
        for (traffic, words) in [
            ("  - { operate: reload }", "says no way to `reload`"),
            ("  - { step: s, get: liveness }", "gives no path for `liveness`"),
            ("  - { wait_until: { get: metrics, status: 200 }, within: 1s }", "gives no path for `metrics`"),
            ("  - { step: s, send: { like: ask, credential: admin } }", "nothing of `admin:`"),
            ("  - { step: s, send: { like: ask, dialect: anthropic } }", "does not speak `anthropic`"),
            ("  - { step: s, send: { like: ask, id: header } }", "hands no `x-client-request-id` on"),
        ] {
            let (verdict, reason) = reason("", traffic).unwrap_or_else(|| panic!("{traffic}"));
            assert_eq!(verdict, Verdict::NotClaimed);
            assert!(reason.contains(words), "{traffic}: {reason}");
        }
        let able = "paths: { liveness: /live }\nforwards_headers: [x-client-request-id]";
        assert_eq!(reason(able, "  - { step: s, get: liveness }"), None);
        assert_eq!(reason(able, "  - { step: t, send: { like: ask, id: header } }"), None);
    }

    #[test]
    fn a_setting_that_a_target_is_never_told_is_not_claimed() {
        let world = "  router: { models: { m: { pool: u, retries: 3 }, n: { pool: v } } }";
        let suite = Parts { world, ..Parts::default() }.suite();
        let ignored = inability(&profile(""), &suite.scenarios[0].cases[0].scenario).unwrap();
        assert_eq!(ignored.verdict, Verdict::NotClaimed);
        assert!(ignored.reason.contains("`router.models.m.retries`"), "{}", ignored.reason);
    }

    #[test]
    fn what_this_harness_cannot_do_is_not_observable() {
        let direct = "  - { phase: p, burst: 4, send: { cycle: [ask, other] }, against: direct }";
        let alone = "  - { step: s, send: { like: ask, model: x? }, against: direct }";
        let ramp = "  - { phase: p, burst: 4, send: ask }\n  \
                    - { phase: q, beside: p, open: { rate: { from: 10/s, to: 20/s } }, send: ask }";
        for (traffic, words) in [
            (direct, "several upstreams (`u`, `v`)"),
            (alone, "no upstream serves `x`"),
            (ramp, "an unknown time"),
        ] {
            let (verdict, reason) = reason("", traffic).unwrap_or_else(|| panic!("{traffic}"));
            assert_eq!(verdict, Verdict::NotObservable);
            assert!(reason.contains(words), "{traffic}: {reason}");
        }
    }

    #[test]
    fn a_program_that_is_not_on_the_machine_gates_what_runs_it() {
        let run = |program| format!("  - {{ step: s, send: ask }}\n  - {{ exec: it, command: [{program}] }}");
        let gated = (Verdict::Gated, "`no-such-program` is not on this machine".to_owned());
        assert_eq!(reason("", &run("no-such-program")), Some(gated));
        assert_eq!(reason("", &run("sh")), None);
    }
}
