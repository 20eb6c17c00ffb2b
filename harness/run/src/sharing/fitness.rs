//! Whether a scenario can live beside others in one instance of a target: it must look at nothing that is the whole instance's, and do
//! nothing to it.

use scenario::{Endpoint, Errand, Scenario, Seen, Subject, Traffic};
use verdict::Needs;

use crate::trial::looks_at;

/// What is the whole instance's, or is told in its names and not in the scenario's.
const OF_THE_WHOLE: [Subject; 6] =
    [Subject::Metrics, Subject::Log, Subject::Process, Subject::Ledger, Subject::Files, Subject::Exit];

/// Whether a scenario may share an instance.
pub(super) fn may_share(scenario: &Scenario) -> bool {
    leaves_it_whole(scenario)
        && asks_by_names(scenario)
        && !OF_THE_WHOLE.iter().any(|subject| looks_at(scenario, *subject))
        // Bodies tell names, which are other ones in a lane.
        && !Needs::of(scenario).messages
}

/// Whether neither its world nor its traffic is about the instance itself.
fn leaves_it_whole(scenario: &Scenario) -> bool {
    let router = &scenario.world.router;
    let keys = scenario.world.upstreams.0.iter().flat_map(|(_, upstream)| &upstream.keys.0);
    let plain = router.services.0.is_empty()
        && router.instances.is_none()
        && !router.shared
        && router.must_start
        && router.environment.0.is_empty()
        && keys.into_iter().all(|key| key.settings.variable.is_none());
    plain && scenario.traffic.iter().all(beside_others)
}

fn beside_others(entry: &Traffic) -> bool {
    match entry {
        Traffic::Operate(_) | Traffic::Exec(_) => false,
        Traffic::WaitUntil(wait) => matches!(wait.seen, Seen::Rows(_)),
        Traffic::Pause(_) => true,
        Traffic::Step(_) | Traffic::Phase(_) => match entry.errand() {
            Some(Errand::Get(get)) => get.endpoint == Endpoint::Liveness,
            Some(Errand::Raw(_)) => false,
            _ => entry.manner().is_none_or(|manner| manner.via.is_none()),
        },
    }
}

/// Whether everything that it asks for is named where the harness can put another name.
fn asks_by_names(scenario: &Scenario) -> bool {
    let asked = scenario.traffic.iter().flat_map(|entry| entry.requests(&scenario.requests));
    let mut named = asked.map(|request| request.raw_body.is_none() && request.path.is_none());
    named.all(|named| named)
}
