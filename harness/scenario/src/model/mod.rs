//! What a scenario says, typed. Each file holds one part of the language, with its documentation.

mod condition;
mod expectation;
mod field;
mod request;
mod scenario;
mod traffic;
mod world;

pub use condition::{Comparator, Comparison, Condition, FieldTest, FieldValue, Literal, Operand, Test};
pub use expectation::{
    Claim, CountOf, Expectation, Figure, Measure, Population, Quantifier, RateUnit, RowClaim, Subject,
    Witness,
};
pub use field::{Field, FieldKind};
pub use request::{Cycle, MarkPosition, Request, Send, Sent, Variation};
pub(crate) use scenario::UNSUBSTITUTED;
pub use scenario::{Capability, Scenario, Stage};
pub use traffic::{Arrivals, Closed, Endpoint, Errand, Open, Pause, Phase, Schedule, Step, Traffic};
pub use world::{
    Answer, Bucket, Counted, Distribution, Drawn, ErrorName, Keys, Latency, Limit, Log, Lognormal,
    ModelSettings, Plan, Reply, RouterSettings, ScriptEntry, StreamShape, TimelineEntry, Uniform, Upstream,
    Usage, World,
};
