//! How reports tell of attempts that could be joined to no exchange: how many, by what they carry, and never whose they may be.

use record::{TrialRecord, Unjoined};

/// `3 of 17 attempts joined no exchange: 2 without a mark, 1 of another trial`; none where all were joined.
pub(crate) fn told<'t>(trials: impl IntoIterator<Item = &'t TrialRecord>) -> Option<String> {
    let (mut all, mut attempts) = (Unjoined::default(), 0_u64);
    for trial in trials {
        let Unjoined { unmarked, foreign, lost, doubtful } = trial.unjoined;
        all.unmarked += unmarked;
        all.foreign += foreign;
        all.lost += lost;
        all.doubtful += doubtful;
        attempts += trial.attempts;
    }
    if all.total() == 0 {
        return None;
    }
    let parts = [
        (all.unmarked, "without a mark"),
        (all.foreign, "with the mark of another trial"),
        (all.lost, "with the mark of an exchange that is not in the evidence"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let parts: Vec<String> = parts.collect();
    let doubtful = match all.doubtful {
        0 => String::new(),
        count => format!("; {count} may be the traffic's own, so that what depends on them is inconclusive"),
    };
    Some(format!("{} of {attempts} attempts joined no exchange: {}{doubtful}", all.total(), parts.join(", ")))
}
