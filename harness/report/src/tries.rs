//! How reports tell that a trial was run again: which try its verdicts are of, and what each earlier one came to.

use record::{EarlierTry, Judged, TrialRecord};

/// `pass at the 2nd try, inconclusive before`; none for a trial that was run once.
pub(crate) fn outcome(trial: &TrialRecord) -> Option<String> {
    let before = trial.earlier.last()?;
    let verdict = trial.verdict.words();
    let number = ordinal(trial.earlier.len() + 1);
    Some(if verdict == before.verdict.words() {
        format!("{verdict} at the {number} try, as before")
    } else {
        format!("{verdict} at the {number} try, {} before", before.verdict.words())
    })
}

/// The earlier tries, each with its number in words: `1st try`.
pub(crate) fn earlier(trial: &TrialRecord) -> impl Iterator<Item = (String, &EarlierTry)> {
    (1..).zip(&trial.earlier).map(|(number, earlier)| (format!("{} try", ordinal(number)), earlier))
}

/// What an earlier try found of an expectation of the trial.
pub(crate) fn same<'e>(earlier: &'e EarlierTry, trial: &TrialRecord, judged: &Judged) -> Option<&'e Judged> {
    let place = trial.judged.iter().position(|other| std::ptr::eq(other, judged))?;
    earlier.judged.get(place)
}

/// Why a try came to no conclusion: what is said of its first expectation with its verdict.
pub(crate) fn reason(earlier: &EarlierTry) -> &str {
    let decisive = earlier.judged.iter().find(|judged| judged.verdict == earlier.verdict);
    decisive.map_or("", |judged| &judged.observed)
}

/// A trial is run three times at most.
fn ordinal(number: usize) -> String {
    match number {
        1 => "1st".to_owned(),
        2 => "2nd".to_owned(),
        3 => "3rd".to_owned(),
        other => format!("{other}th"),
    }
}
