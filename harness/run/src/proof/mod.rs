//! The proof of a contract: which trials run under which defect, running them, and what each rule came to.

mod conduct;
mod outcome;
mod plan;

pub use conduct::{Conduct, ProofError};
pub use outcome::{defect_record, healthy_record};
pub use plan::{ProofPlan, ProofRun, ProofScope, plan_proof};
