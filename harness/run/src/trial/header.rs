//! What evidence begins with: what it is the evidence of, and who takes part.

use std::time::{Duration, SystemTime};

use record::{Cast, CastTraffic, Clock, EVIDENCE_FORMAT, TrialHeader};
use scenario::{Scenario, Traffic};
use upstream::Upstreams;

use crate::trial::conduct::Surroundings;

pub(crate) fn header(surroundings: &Surroundings<'_>, mark: u64, clock: Clock) -> TrialHeader {
    let suite = &surroundings.settings.bench.suite;
    let (tool, tool_sha256) = surroundings.settings.tool;
    let (file, case) = (surroundings.plan.file(suite), surroundings.plan.case(suite));
    TrialHeader {
        format: EVIDENCE_FORMAT,
        name: surroundings.plan.name.clone(),
        file: file.name.clone(),
        case: case.name.clone(),
        scenario_sha256: file.sha256.clone(),
        seed: surroundings.plan.seed,
        target: surroundings.settings.profile.name().to_owned(),
        mark,
        began_ms: milliseconds_of_start(clock),
        number: surroundings.number,
        tool: tool.to_owned(),
        tool_sha256: tool_sha256.to_owned(),
        profile_sha256: surroundings.settings.profile.sha256(),
        started: Some(humantime::format_rfc3339_seconds(SystemTime::now()).to_string()),
    }
}

/// When a clock began, by the calendar of the machine.
fn milliseconds_of_start(clock: Clock) -> u64 {
    let running = Duration::from_nanos(clock.now().0);
    let began = SystemTime::now().checked_sub(running);
    let since = began.and_then(|began| began.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn cast(scenario: &Scenario, upstreams: &Upstreams) -> Cast {
    let traffic = scenario.traffic.iter().filter_map(|entry| {
        let phase = matches!(entry, Traffic::Phase(_));
        Some(CastTraffic { name: entry.name()?.value.clone(), phase })
    });
    Cast { traffic: traffic.collect(), upstreams: upstreams.cast() }
}
