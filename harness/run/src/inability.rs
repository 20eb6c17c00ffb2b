//! What a scenario asks for and cannot be had: of a target by its profile, of the machine, or of this harness. Told before
//! anything is started, so that nothing is run in vain.

use std::env;
use std::path::Path;

use record::Verdict;
use scenario::{
    Against, Course, Credential, Endpoint, Errand, Manner, MarkPosition, Open, Protocol, Request, Scenario,
    Schedule, Seen, Traffic, World,
};
use target::{Profile, WithoutFallbacks};

use crate::estimate::phase_lasts;
use crate::plan::Ignored;
use crate::trial::{MARK_HEADER, surface};

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
    unread(profile, &scenario.world)
        .or_else(|| scenario.traffic.iter().find_map(|entry| lacking(profile, scenario, entry)))
}

/// The settings that no template of the profile reads.
fn unread(profile: &Profile, world: &World) -> Option<String> {
    let unread = profile.unrendered(world);
    (!unread.is_empty()).then(|| format!("the target's profile does nothing about {}", quoted(&unread)))
}

/// What the profile lacks for an entry of the traffic.
fn lacking(profile: &Profile, scenario: &Scenario, entry: &Traffic) -> Option<String> {
    match entry {
        Traffic::Operate(operate) => {
            let operation = operate.operate.value;
            if !profile.can(operation) {
                return Some(format!("the target's profile says no way to `{}`", operation.word()));
            }
            let world = World { router: operate.router.clone()?, ..scenario.world.clone() };
            return unread(profile, &world);
        }
        Traffic::WaitUntil(wait) => {
            return match wait.seen {
                Seen::Answers(endpoint, _) => no_path(profile, endpoint),
                Seen::Rows(_) => None,
            };
        }
        Traffic::Step(_) | Traffic::Phase(_) | Traffic::Pause(_) | Traffic::Exec(_) => {}
    }
    if let Some(Errand::Get(get)) = entry.errand() {
        return no_path(profile, get.endpoint).or_else(|| nobody_s(profile, get.credential));
    }
    let to_target =
        entry.manner().is_none_or(|manner| manner.at.is_none() && manner.against != Some(Against::Direct));
    let manner = entry.manner();
    entry.requests(&scenario.requests).find_map(|request| {
        request_lacks(profile, &request, to_target)
            .or_else(|| no_surface(profile, scenario, &request, manner))
    })
}

fn no_path(profile: &Profile, endpoint: Endpoint) -> Option<String> {
    let lacks = profile.path(endpoint).is_none();
    lacks.then(|| format!("the target's profile gives no path for `{}`", endpoint.word()))
}

/// An operator of whom the profile says nothing.
fn nobody_s(profile: &Profile, credential: Option<Credential>) -> Option<String> {
    let lacks = credential == Some(Credential::Admin) && profile.admin_authorization("").is_none();
    lacks.then(|| "the target's profile says nothing of `admin:`, which `credential: admin` needs".to_owned())
}

fn request_lacks(profile: &Profile, request: &Request, to_target: bool) -> Option<String> {
    let nobody_s = nobody_s(profile, Some(request.credential));
    if nobody_s.is_some() || !to_target {
        return nobody_s;
    }
    if !request.fallbacks
        && let Some(reason) = no_way_without_fallbacks(profile, request)
    {
        return Some(reason);
    }
    request.model.as_ref()?;
    let speaks = &profile.says.speaks.value;
    match &request.dialect {
        Some(dialect) if !speaks.contains(&dialect.value) => {
            Some(format!("the target does not speak `{}`", dialect.value.name()))
        }
        _ if !profile.says.surfaces.contains(&request.surface) => {
            let surface = request.surface.word();
            Some(format!(
                "the target does not offer `{surface}`: its profile has no such entry in `surfaces:`"
            ))
        }
        _ if request.id == MarkPosition::Header && !profile.forwards(MARK_HEADER) => {
            Some(format!("the target hands no `{MARK_HEADER}` on, in which `id: header` puts the mark"))
        }
        _ => None,
    }
}

fn no_way_without_fallbacks(profile: &Profile, request: &Request) -> Option<String> {
    // Fields can be put into a body that is made, and into no other.
    let made = request.raw_body.is_none() && (request.model.is_some() || request.body.is_some());
    match profile.without_fallbacks() {
        None => Some(
            "the target's profile says nothing of `without_fallbacks:`, which `fallbacks: false` needs".to_owned(),
        ),
        Some(WithoutFallbacks::Body(_)) if !made => Some(
            "the target is told by fields of the body to ask no other model, and a request with `fallbacks: false` has none"
                .to_owned(),
        ),
        Some(_) => None,
    }
}

/// A surface that the dialect of a request does not have.
fn no_surface(
    profile: &Profile,
    scenario: &Scenario,
    request: &Request,
    manner: Option<&Manner>,
) -> Option<String> {
    let model = request.model_name()?;
    let around = manner.is_some_and(|manner| manner.at.is_none() && manner.against == Some(Against::Direct));
    let of_upstream = || {
        let name = scenario.world.router.models.get(model)?.upstreams().next()?;
        match scenario.world.upstreams.get(&name.value)?.dialect {
            Protocol::Llm(dialect) => Some(dialect),
            Protocol::Http | Protocol::Rest => None,
        }
    };
    let own = request.dialect.as_ref().map(|dialect| dialect.value);
    let usual = || own.or(profile.says.speaks.value.first().copied());
    let dialect = if around { of_upstream() } else { None }.or_else(usual)?;
    let lacks = !dialect.surfaces().contains(&surface(request.surface));
    lacks.then(|| format!("`{}` has no surface `{}`", dialect.name(), request.surface.word()))
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
    let Manner { against: Some(Against::Direct | Against::Paired), at: None, .. } = entry.manner()? else {
        return None;
    };
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
    let Manner { against: Some(Against::Direct | Against::Paired), at: None, .. } = &phase.manner else {
        return None;
    };
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
    use crate::example::{Parts, profile, profile_that_speaks, suite_of};

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
            ("  - { step: s, send: { like: ask, surface: responses } }", "does not offer `responses`"),
            ("  - { step: s, send: { like: ask, id: header } }", "hands no `x-client-request-id` on"),
            ("  - { step: s, get: ledger }", "gives no path for `ledger`"),
            ("  - { step: s, get: { endpoint: models, credential: admin } }", "nothing of `admin:`"),
            ("  - { step: s, send: { like: ask, fallbacks: false } }", "nothing of `without_fallbacks:`"),
        ] {
            let (verdict, reason) = reason("", traffic).unwrap_or_else(|| panic!("{traffic}"));
            assert_eq!(verdict, Verdict::NotClaimed);
            assert!(reason.contains(words), "{traffic}: {reason}");
        }
        let able = "paths: { liveness: /live }\nforwards_headers: [x-client-request-id]";
        assert_eq!(reason(able, "  - { step: s, get: liveness }"), None);
        assert_eq!(reason(able, "  - { step: t, send: { like: ask, id: header } }"), None);
        let responses = "  - { step: s, send: { like: ask, surface: responses } }";
        assert_eq!(reason("surfaces: [chat, responses]", responses), None);
        let (_, no_chat) = reason("surfaces: [responses]", "  - { step: s, send: ask }").unwrap();
        assert!(no_chat.contains("does not offer `chat`"), "{no_chat}");
        let around = "  - { step: s, send: { like: ask, surface: responses }, against: direct }";
        assert_eq!(reason("", around), None, "the target is not asked");
        assert_eq!(
            reason("", "  - { phase: p, burst: 2, raw: { hex: 00 }, write: { bytes: 1B, every: 1ms } }"),
            None
        );
    }

    #[test]
    fn fields_that_ask_for_no_other_model_need_a_body_that_they_can_be_put_into() {
        let off = "without_fallbacks: { body: { alone: true } }";
        for (requests, able) in [
            ("{ model: m, prompt: ping, fallbacks: false }", true),
            ("{ method: POST, path: /x, body: { a: 1 }, fallbacks: false }", true),
            ("{ model: m, raw_body: '{', fallbacks: false }", false),
            ("{ method: GET, path: /x, fallbacks: false }", false),
        ] {
            let requests = format!("  it: {requests}\n  other: {{ model: n, prompt: ping }}");
            let suite =
                Parts { requests: &requests, traffic: "  - { step: s, send: it }", ..Parts::default() }
                    .suite();
            let scenario = &suite.scenarios[0].cases[0].scenario;
            let of_body = inability(&profile(off), scenario).map(|ignored| ignored.reason);
            assert_eq!(of_body.is_none(), able, "{requests}: {of_body:?}");
            let of_header = profile("without_fallbacks: { header: x-alone, value: 'yes' }");
            assert_eq!(inability(&of_header, scenario), None, "a header goes with every request");
        }
    }

    #[test]
    fn a_surface_that_a_dialect_does_not_have_is_not_claimed() {
        let world = "  router: { models: { m: { pool: u }, n: { pool: w } } }\n  \
                     tenants: {}";
        let upstreams = |dialect: &str, traffic: &str, speaks: &str| {
            let text = Parts { world, traffic, ..Parts::default() };
            let suite = text.suite_with(&format!("w: {{ dialect: {dialect}, keys: 1 }}"));
            inability(&profile_that_speaks(speaks), &suite.scenarios[0].cases[0].scenario)
        };
        let asked = "  - { step: s, send: { like: other, surface: embeddings } }";
        let around = "  - { step: s, send: { like: other, surface: embeddings }, against: direct }";
        for (dialect, traffic, speaks, lacks) in [
            ("openai", asked, "openai", None),
            ("anthropic", asked, "openai", None),
            ("openai", asked, "anthropic", Some("`anthropic` has no surface `embeddings`")),
            ("openai", around, "anthropic", None),
            ("gemini", around, "openai", Some("`gemini` has no surface `embeddings`")),
        ] {
            let told = upstreams(dialect, traffic, speaks);
            assert_eq!(told.as_ref().map(|ignored| ignored.reason.as_str()), lacks, "{dialect} {traffic}");
            assert!(told.is_none_or(|ignored| ignored.verdict == Verdict::NotClaimed));
        }
    }

    #[test]
    fn a_setting_that_a_target_is_never_told_is_not_claimed() {
        let world = "  router: { models: { m: { pool: u, retries: 3 }, n: { pool: v } } }";
        let suite = Parts { world, ..Parts::default() }.suite();
        let ignored = inability(&profile(""), &suite.scenarios[0].cases[0].scenario).unwrap();
        assert_eq!(ignored.verdict, Verdict::NotClaimed);
        assert!(ignored.reason.contains("`router.models.m.retries`"), "{}", ignored.reason);
        let reload = "  - { step: s, send: ask }\n  \
                      - { operate: reload, router: { models: { m: { pool: u, retries: 3 } } } }";
        let (verdict, reason) = reason("operations: { reload: { path: /r, auth: none } }", reload).unwrap();
        assert_eq!(verdict, Verdict::NotClaimed);
        assert!(reason.contains("`router.models.m.retries`"), "{reason}");
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
