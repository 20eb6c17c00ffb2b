//! The decisions about what crosses the router's border, in either direction.

use std::pin::Pin;

use http::{HeaderMap, Response};

use super::relay::ResponseBody;
use crate::provider::{ProviderBody, ProviderKey};

/// Decides what crosses the border beside what must.
pub(crate) trait BorderPolicy: Send + Sync {
    /// What a provider sees of a caller's headers beside those that may pass.
    fn to_provider(&self, _caller: &HeaderMap, _passed: &mut HeaderMap) {}

    /// What a client sees of the key that served it.
    fn to_client(&self, _key: &ProviderKey, _headers: &mut HeaderMap) {}

    /// The id of a request, made from a number that no other one gets.
    fn request_id(&self, number: u64) -> String {
        format!("req-{number:016x}")
    }

    /// How many attempts a client is told of, those of the last model and those in all.
    fn told_attempts(&self, _of_the_last: u32, in_all: u32) -> u32 {
        in_all
    }

    /// The answer as it leaves the house.
    fn leaving(&self, response: Response<ResponseBody>) -> Response<ResponseBody> {
        response
    }

    /// Who hands the provider's answers over to those who asked. Absent: each stays with its request.
    fn handover(&self) -> Option<&dyn Handover> {
        None
    }
}

/// Stands between the answers of all providers and all clients.
pub(crate) trait Handover: Send + Sync {
    /// The answer that this request gets for the one that came.
    fn hand(&self, came: Response<ProviderBody>) -> Handed<'_>;
}

pub(crate) type Handed<'a> = Pin<Box<dyn Future<Output = Response<ProviderBody>> + Send + 'a>>;

/// The sound policy: nothing crosses that need not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosedBorder;

impl BorderPolicy for ClosedBorder {}
