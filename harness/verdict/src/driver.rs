//! How well the load driver kept its schedule: a phase that it drove late is not the phase that was asked for.
//!
//! Lag excuses single rows, each by the stalls that fall into it. A quantile over a phase is another matter: if the driver itself sent
//! too many of its requests too late, the load was not what the scenario says, and neither a good number nor a bad one is the target's.

use std::time::Duration;

use record::{Doubt, NameId, PhaseFigures};
use scenario::{Condition, Field, Figure, Measure, Quantifier, RowClaim, Stage, Subject, show_duration};

use crate::finding::Finding;
use crate::measure::named_traffic;
use crate::names::Names;

/// So late all but one in a hundred requests of a phase may be sent by the driver's own fault. On a machine that keeps up it is a tenth
/// of a millisecond.
const SLACK: Duration = Duration::from_millis(50);

/// The phases that were driven too late.
#[derive(Debug, Default)]
pub(crate) struct Driver {
    late: Vec<(NameId, Duration)>,
}

impl Driver {
    /// Notes what the driver measured of itself over a phase.
    pub(crate) fn note(&mut self, figures: &PhaseFigures) {
        let late = Duration::from_micros(figures.late_p99_us);
        if late > SLACK {
            self.late.push((figures.traffic, late));
        }
    }

    /// Why a number over rows of a claim is not the target's alone, if it is not.
    pub(crate) fn doubts_claim(&self, claim: &RowClaim, names: &Names<'_>) -> Option<String> {
        let of = match &claim.quantifier {
            Quantifier::Quantile(quantile) => quantile.of,
            Quantifier::Growth(growth) => growth.of,
            Quantifier::Paired(paired) => paired.of,
            _ => return None,
        };
        self.doubts(claim.subject, of, claim.population.as_ref(), names)
    }

    /// Why a measured number is not the target's alone, if it is not.
    pub(crate) fn doubts_measure(&self, measure: &Measure, names: &Names<'_>) -> Option<String> {
        let of = match &measure.figure {
            Figure::Quantile(quantile) => quantile.of,
            Figure::Sum(field) => *field,
            // How many came in a time is the driver's doing as much as how long they took.
            Figure::Rate(_) => Field::Took,
            Figure::Count(_) | Figure::Peak(_) => return None,
        };
        self.doubts(measure.subject, of, measure.population.as_ref(), names)
    }

    fn doubts(
        &self,
        subject: Subject,
        of: Field,
        population: Option<&Condition>,
        names: &Names<'_>,
    ) -> Option<String> {
        let timed = matches!(
            of,
            Field::Took
                | Field::Service
                | Field::FirstByte
                | Field::FirstContent
                | Field::PerToken
                | Field::Added
                | Field::Gap
        );
        if !timed || !matches!(subject, Subject::Exchanges | Subject::Events) {
            return None;
        }
        let named = population.and_then(named_traffic);
        let is_meant = |phase: &str| named.as_ref().is_none_or(|named| named.contains(&phase));
        let late = self.late.iter().filter_map(|(traffic, late)| Some((names.text(*traffic)?, *late)));
        let (phase, late) = late.into_iter().find(|(phase, _)| is_meant(phase))?;
        Some(format!(
            "the driver itself sent one in a hundred requests of phase `{phase}` {} late or later, and {} are the most that it may be",
            show_duration(late),
            show_duration(SLACK),
        ))
    }
}

/// What a finding is worth if the driver was too late. Where the load is the question, a number that is good is as doubtful as one that
/// is bad; elsewhere lateness can only have made it worse.
pub(crate) fn in_doubt(finding: Finding, stage: Stage, doubt: Option<String>) -> Finding {
    let Some(doubt) = doubt else { return finding };
    let measures_load = matches!(stage, Stage::Performance | Stage::Stress);
    match finding {
        Finding::Holds(observed) if measures_load => {
            Finding::Unknown(Doubt::Late, format!("{observed}; but {doubt}"))
        }
        Finding::Fails(seen) | Finding::FailsSoFar(seen) => {
            Finding::Unknown(Doubt::Late, format!("{}; but {doubt}", seen.observed))
        }
        other => other,
    }
}
