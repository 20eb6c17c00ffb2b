//! The tenants: who may ask, for which models, how often, and by which key they are known.

mod rate;
mod tenant;

pub(crate) use rate::{MinuteLimit, RateStanding};
pub(crate) use tenant::{TenantIndex, Tenants};
