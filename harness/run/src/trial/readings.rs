//! What is read from the target when the traffic is over: its ledger and its counters; and what its process used meanwhile.

use std::convert::Infallible;
use std::time::Duration;

use record::{Correlation, Entry};
use scenario::{Claim, Scenario, Subject};
use target::{Profile, RunningTarget};

use crate::trial::conduct::Seen;

/// How often the target's process is looked at.
const SAMPLES: Duration = Duration::from_millis(200);

/// Whether a scenario looks at rows of a subject.
pub(crate) fn looks_at(scenario: &Scenario, subject: Subject) -> bool {
    let claims = scenario.expect.iter().filter_map(|expectation| match &expectation.claim {
        Claim::Rows(claim) => Some(claim.subject),
        Claim::That(_) => None,
    });
    let witnesses = scenario.witness.iter().map(|witness| witness.claim.subject);
    let measured = scenario.measure.0.iter().map(|(_, measure)| measure.subject);
    claims.chain(witnesses).chain(measured).any(|looked| looked == subject)
}

/// Reads what the scenario looks at, once the target has settled.
pub(crate) async fn read(
    scenario: &Scenario,
    profile: &Profile,
    target: &RunningTarget,
    correlation: Correlation,
    seen: &Seen,
) -> Result<(), String> {
    if looks_at(scenario, Subject::Ledger) && profile.reads_ledger() {
        let rows = target.read_ledger(correlation, seen.clock).await.map_err(|error| error.to_string())?;
        rows.into_iter().for_each(|row| seen.tell(Entry::Ledger(row)));
    }
    if looks_at(scenario, Subject::Metrics) && profile.reads_metrics() {
        let metrics = target.read_metrics(seen.clock).await.map_err(|error| error.to_string())?;
        metrics.into_iter().for_each(|metric| seen.tell(Entry::Metric(metric)));
    }
    if looks_at(scenario, Subject::Process) {
        tell_figures(target, seen);
    }
    Ok(())
}

/// Looks at the target's process until this is dropped, where the scenario does.
pub(crate) async fn sample_process(scenario: &Scenario, target: &RunningTarget, seen: &Seen) -> Infallible {
    if !looks_at(scenario, Subject::Process) {
        return std::future::pending().await;
    }
    let mut ticks = tokio::time::interval(SAMPLES);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tell_figures(target, seen);
    }
}

fn tell_figures(target: &RunningTarget, seen: &Seen) {
    target.process_figures(seen.clock).into_iter().for_each(|figures| seen.tell(Entry::Process(figures)));
}
