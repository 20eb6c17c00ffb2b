//! Whether a scenario can live beside others in one instance of a target: it must look at nothing that is the whole instance's, and do
//! nothing to it.

use scenario::{Endpoint, Errand, Scenario, Seen, Subject, Traffic};
use verdict::Needs;

use crate::trial::looks_at;

/// What is the whole instance's, or is told in its names and not in the scenario's.
const OF_THE_WHOLE: [Subject; 6] =
    [Subject::Metrics, Subject::Log, Subject::Process, Subject::Ledger, Subject::Files, Subject::Exit];

/// Why a scenario needs an instance of its own, if it does.
pub(super) fn needs_its_own(scenario: &Scenario) -> Option<&'static str> {
    let router = &scenario.world.router;
    let keys = scenario.world.upstreams.0.iter().flat_map(|(_, upstream)| &upstream.keys.0);
    let of_the_whole = || OF_THE_WHOLE.iter().any(|subject| looks_at(scenario, *subject));
    let mut asked = scenario.traffic.iter().flat_map(|entry| entry.requests(&scenario.requests));
    let reasons: [(bool, &str); 6] = [
        (!router.services.0.is_empty(), "its world has services"),
        (
            router.instances.is_some()
                || router.shared
                || !router.must_start
                || !router.environment.0.is_empty(),
            "its world is about the instance itself",
        ),
        (keys.into_iter().any(|key| key.settings.variable.is_some()), "its keys stand in the environment"),
        (scenario.traffic.iter().any(is_about_the_instance), "its traffic is about the instance itself"),
        (of_the_whole(), "it looks at what is the whole instance's"),
        (
            asked.any(|request| request.raw_body.is_some() || request.path.is_some())
                || Needs::of(scenario).messages,
            "it names models in bodies or paths, which are called otherwise in a lane",
        ),
    ];
    reasons.into_iter().find(|(needed, _)| *needed).map(|(_, reason)| reason)
}

fn is_about_the_instance(entry: &Traffic) -> bool {
    match entry {
        Traffic::Operate(_) | Traffic::Exec(_) => true,
        Traffic::WaitUntil(wait) => !matches!(wait.seen, Seen::Rows(_)),
        Traffic::Pause(_) => false,
        Traffic::Step(_) | Traffic::Phase(_) => match entry.errand() {
            Some(Errand::Get(get)) => get.endpoint != Endpoint::Liveness,
            Some(Errand::Raw(_)) => true,
            _ => entry.manner().is_some_and(|manner| manner.via.is_some()),
        },
    }
}
