//! What evidence begins with: what it is the evidence of, and who takes part.

use record::{Cast, CastTraffic, EVIDENCE_FORMAT, TrialHeader};
use scenario::{Scenario, Traffic};
use upstream::Upstreams;

use crate::trial::conduct::Surroundings;

pub(crate) fn header(surroundings: &Surroundings<'_>, mark: u64) -> TrialHeader {
    let suite = &surroundings.settings.bench.suite;
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
    }
}

pub(crate) fn cast(scenario: &Scenario, upstreams: &Upstreams) -> Cast {
    let traffic = scenario.traffic.iter().filter_map(|entry| {
        let phase = matches!(entry, Traffic::Phase(_));
        Some(CastTraffic { name: entry.name()?.value.clone(), phase })
    });
    Cast { traffic: traffic.collect(), upstreams: upstreams.cast() }
}
