//! The tenants: who may ask, for which models, how often, and by which key they are known.

mod policy;
mod rate;
mod slots;
mod tenant;

pub(crate) use policy::{FairTenancy, TenancyPolicy};
pub(crate) use rate::{MinuteLimit, RateStanding};
pub(crate) use slots::Slot;
pub(crate) use tenant::{TenantIndex, Tenants};
