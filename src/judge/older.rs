//! Runs of older formats: what their evidence or their report does not tell is taken from the other, and not held against either.

use record::TrialRecord;

/// Before this format, evidence did not tell when a trial was started, and reports did not tell why a verdict was doubtful, how many
/// attempts joined nothing, or the hash of a scenario.
const TELLS_ALL: u32 = 3;

/// Completes what a run found of a trial in some format, and what is found now.
pub(super) fn complete(format: u32, before: &mut TrialRecord, now: &mut TrialRecord) {
    if format >= TELLS_ALL {
        return;
    }
    now.started.clone_from(&before.started);
    now.took_ms = before.took_ms;
    now.log_tail.clone_from(&before.log_tail);
    before.unjoined = now.unjoined;
    before.scenario_sha256.clone_from(&now.scenario_sha256);
    before.judged.iter_mut().zip(&now.judged).for_each(|(before, now)| before.doubt = now.doubt);
}
