//! Trials that come to no conclusion for a reason that may be gone the next time.

use record::Verdict::{self, Fail, Inconclusive, Pass};
use record::{Doubt, MOST_TRIES};

use crate::ground::{Parts, Ran};

/// Most of what a slow target answers in the time is too little to see that one in five answers is missing.
const ESTIMATE: &str = "
  - { rule: TST-001, say: s, exchanges: { estimate: { of: { status: 200 }, at_least: 99%, false_alarm: 1%, notices: 80% } } }
  - { rule: TST-001, say: t, exchanges: { every: { outcome: complete } } }";

fn by_turns(turns: &'static str) -> Ran {
    let traffic = "  - { phase: p, closed: { clients: 2, lasts: 500ms }, send: ask }";
    Parts { traffic, expect: ESTIMATE, ..Parts::default() }.run_by_turns(turns)
}

/// The verdicts of all tries, the last one last.
fn verdicts(ran: &Ran) -> Vec<Verdict> {
    let earlier = ran.record.earlier.iter().map(|earlier| earlier.verdict);
    earlier.chain([ran.record.verdict]).collect()
}

pub(crate) fn a_trial_that_comes_to_no_conclusion_is_run_again_and_every_try_is_told() {
    let ran = by_turns("slow-fine");
    assert_eq!(verdicts(&ran), [Inconclusive, Pass], "{:#?}", ran.record);
    let [earlier] = ran.record.earlier.as_slice() else { panic!("one try came before") };
    assert_eq!(earlier.judged[0].doubt, Some(Doubt::TooFew), "{}", earlier.judged[0].observed);
    assert_eq!((earlier.judged[0].verdict, earlier.judged[1].verdict), (Inconclusive, Pass));
    let (first, second) = (earlier.folder.as_deref().unwrap(), ran.record.folder.as_deref().unwrap());
    assert_eq!(second, format!("{first}/try-2"));
    assert!(earlier.started.is_some() && earlier.took_ms > 0);
    assert!(ran.record.exchanges > 30, "the figures are those of the last try");
}

pub(crate) fn it_is_run_no_more_than_three_times() {
    let ran = by_turns("slow-slow-slow-fine");
    assert_eq!(verdicts(&ran), [Inconclusive; MOST_TRIES as usize]);
    assert!(ran.record.folder.as_deref().unwrap().ends_with("/try-3"));
}

pub(crate) fn a_fail_is_never_run_again() {
    assert_eq!(verdicts(&by_turns("broken-fine")), [Fail]);
    assert_eq!(verdicts(&by_turns("slow-broken-fine")), [Inconclusive, Fail]);
}
