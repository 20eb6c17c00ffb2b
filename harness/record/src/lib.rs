//! What a run leaves behind, as plain data: the facts that were seen and the verdicts that followed from them.
//!
//! Everything else imports this crate and it imports nothing of ours, so that whoever reads a saved run (a report writer,
//! a later version of the judge) needs no running part of the harness.

mod attempt;
mod bytes;
mod clock;
mod correlation;
mod counted;
mod entry;
mod exchange;
mod fact;
mod judged;
mod measured;
mod money;
mod names;
mod outcome;
mod proof;
mod run;
mod told;
mod tools;
mod tries;

pub use attempt::{AttemptRow, Joined};
pub use clock::{Clock, Moment, NOT_REACHED};
pub use correlation::{Correlation, ExchangeId, Found, MARK_LENGTH};
pub use counted::{KeyCounts, UpstreamCounts};
pub use entry::{
    AnswerSeen, Carried, Cast, CastTraffic, CastUpstream, End, Entry, EventKind, EventSeen, FileSeen,
    FinishWord, Lag, LedgerRow, MetricSeen, Operated, Pair, ProcessSeen, Ran, Said, Sample, Side,
    TargetEvent, TextSeen, Tokens, TrialHeader, Unmatched, WholeText,
};
pub use exchange::ExchangeRow;
pub use fact::{Fact, FactReceiver, FactSender, fact_channel};
pub use judged::{AttemptShown, Doubt, Judged, Shown, SourceLine, Tree, Verdict, Window};
pub use measured::{Measured, Metric, PhaseFigures, PhasePart, StreamFigures};
pub use money::money_micros;
pub use names::{NameId, NameTable};
pub use outcome::{ErrorShape, Outcome};
pub use proof::{
    CameTo, DefectRecord, Gap, HealthyRecord, PROOF_FORMAT, PairRecord, ProofRecord, TrialOutcome,
};
pub use run::{
    EVIDENCE_FORMAT, Level, OLDEST_FORMAT, PhaseSummary, RuleRecord, RunRecord, TargetRecord, TrialRecord,
    Unjoined, worst_of,
};
pub use told::{Counting, MoneyUnit, ToldHeaders};
pub use tools::tools_hash;
pub use tries::{EarlierTry, MOST_TRIES, may_conclude};
