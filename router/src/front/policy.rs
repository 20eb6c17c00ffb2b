//! The decisions about what crosses the router's border, in either direction.

use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, Response};

use super::relay::ResponseBody;
use crate::provider::{ProviderBody, ProviderKey};
use crate::settings::RequestLimits;

/// Decides what crosses the border beside what must.
pub(crate) trait BorderPolicy: Send + Sync {
    /// The body of a request as it is taken in.
    fn arriving(&self, body: &Bytes) -> Bytes {
        body.clone()
    }

    /// A field of a request for which it is refused.
    fn refused_field(&self, _body: &Bytes) -> Option<&'static str> {
        None
    }

    /// An answer that is given without asking anybody.
    fn own_answer(&self) -> Option<Response<ResponseBody>> {
        None
    }

    /// What a request may have, of which `set` is what the settings say.
    fn limits(&self, set: RequestLimits) -> RequestLimits {
        set
    }

    /// Whether a request goes on when its client has left.
    fn goes_on_alone(&self) -> bool {
        false
    }

    /// What a provider sees of a caller's headers beside those that may pass.
    fn to_provider(&self, _caller: &HeaderMap, _passed: &mut HeaderMap) {}

    /// What a client sees of a provider's headers beside those that may pass.
    fn shown_of_provider(&self, _provider: &HeaderMap) -> HeaderMap {
        HeaderMap::new()
    }

    /// The provider that a client is told of, of the one that was asked first and the one that served.
    fn told_provider<'p>(&self, _first: &'p str, served: &'p str) -> &'p str {
        served
    }

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
