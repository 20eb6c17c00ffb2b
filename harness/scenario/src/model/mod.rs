//! What a scenario says, typed. Each file holds one part of the language, with its documentation.

mod comparison;
mod condition;
mod data;
mod expectation;
mod field;
mod file_text;
mod get;
mod json_data;
mod latency;
mod measure;
mod operand;
mod plan;
mod quantifier;
mod reply;
mod request;
mod router;
mod scenario;
mod schedule;
mod service;
mod service_url;
mod stream;
mod traffic;
mod world;

pub use comparison::{Comparator, Comparison, FieldValue, Test};
pub use condition::{Condition, FieldTest};
pub use data::{Data, Generator, Hex, Repeated, Sequence};
pub use expectation::{Claim, Expectation, RowClaim, Subject, Witness};
pub(crate) use expectation::{claim_properties, take_row_claim};
pub use field::{Field, FieldKind};
pub use file_text::FileText;
pub use get::{Endpoint, Get, GetAs};
pub use json_data::JsonData;
pub use latency::{Distribution, Drawn, Latency, Lognormal, Normal, UnderLoad, Uniform};
pub use measure::{CountOf, Figure, Measure, Population, QuantileOf, RateUnit};
pub use operand::{Literal, Operand, Pattern};
pub use plan::{Bans, Bucket, Counted, Limit, Plan, Weight, Window};
pub use quantifier::{
    DistinctClaim, DistributionClaim, EstimateClaim, FieldClaim, GrowthClaim, PairedClaim, Quantifier,
    QuantileClaim, ShareClaim,
};
pub(crate) use quantifier::{above_all, no_number};
pub(crate) use reply::one_deed;
pub use reply::{
    BodyLength, Charges, ConnectionFate, Deed, ErrorName, Finish, HintName, Reply, ToolCall, Usage,
};
pub use request::{Credential, Cycle, InTurn, MarkPosition, Method, Request, Send, Sent, Surface, Variation};
pub use router::{
    ApiEntry, Backoff, Cooldown, HealthChecks, LookupEntry, ModelPrices, ModelSettings, PoolEntry, Price,
    Prices, Queue, RouterSettings, ServiceRule, ServiceSettings, Sticky, Strategy, Tenant, Timeouts,
    UseLimit,
};
pub(crate) use scenario::UNSUBSTITUTED;
pub use scenario::{Capability, MARKS, Scenario, Stage};
pub use schedule::{Arrivals, Closed, Course, Deeds, Flow, Open, RateStep, Schedule};
pub use service::{
    Blobs, FieldType, Items, Jobs, Resource, ResourceKind, ServiceDefect, Slots, States, Versions,
};
pub use service_url::ServiceUrl;
pub use stream::{
    BrokenStream, ContentsCome, Ending, Framing, FramingWords, StreamEnd, StreamShape, UsagePlace,
};
pub use traffic::{
    Against, Capture, ClientKind, Conversation, Disconnect, Errand, Exec, Manner, Operate, Operation, Pause,
    Phase, Reading, Seen, StatusCode, Step, Traffic, WaitUntil, WholeText, Writing,
};
pub(crate) use world::MOST_KEYS;
pub use world::{
    Address, Axes, Axis, ConnectionEnd, KeepAlive, Key, KeySettings, KeyState, KeyStateEntry, Keys,
    LimitSignal, Padding, Protocol, ScriptEntry, Signals, TimelineEntry, Upstream, World,
};
