//! Each defect is another decision: for the same question the sound policy says one thing and the defect another.

mod answers;
mod choices;
mod decisions;
mod wire;

use super::{defects, policies};
use crate::policy::Policies;

/// A question to the policies, with the answer as text.
type Question = fn(&Policies) -> String;

/// A defect, the question that tells it from the sound policies, what those say, and what it says.
type Row = (&'static str, Question, &'static str, &'static str);

/// Any answer as text.
fn told(answer: impl std::fmt::Debug) -> String {
    format!("{answer:?}")
}

#[test]
fn every_defect_decides_otherwise_than_the_sound_policies() {
    for (defect, question, sound, faulty) in rows() {
        assert_eq!(question(&policies(None).unwrap()), sound, "without {defect}");
        assert_eq!(question(&policies(Some(defect)).unwrap()), faulty, "{defect}");
        assert_ne!(sound, faulty, "{defect}");
    }
}

/// Those that a question cannot tell: they take a router around them, or end it.
const ASKED_ELSEWHERE: [&str; 3] = ["charges-another-tenant", "dies-of-nonsense", "retries-on-disabled-keys"];

#[test]
fn every_defect_is_asked_about() {
    let asked: Vec<&str> = rows().map(|(defect, ..)| defect).chain(ASKED_ELSEWHERE).collect();
    let missed: Vec<&str> =
        defects().map(|defect| defect.name).filter(|name| !asked.contains(name)).collect();
    assert_eq!(missed, [] as [&str; 0]);
    assert!(ASKED_ELSEWHERE.iter().all(|name| policies(Some(name)).is_ok()));
}

fn rows() -> impl Iterator<Item = Row> {
    [choices::ROWS, decisions::ROWS, wire::ROWS, answers::ROWS].into_iter().flatten().copied()
}
