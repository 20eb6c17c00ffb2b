//! Faults in what crosses the router's border.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::front::{BorderPolicy, Handed, Handover, ResponseBody};
use crate::provider::{ProviderBody, ProviderKey};

/// Passes the caller's key on under another name, for whoever wants it.
pub(super) struct CallersKeyPassedOn;

impl BorderPolicy for CallersKeyPassedOn {
    fn to_provider(&self, caller: &HeaderMap, passed: &mut HeaderMap) {
        if let Some(key) = caller.get(header::AUTHORIZATION) {
            passed.insert("x-forwarded-authorization", key.clone());
        }
    }
}

/// Shows the client with which key it was served.
pub(super) struct ProviderKeyShown;

impl BorderPolicy for ProviderKeyShown {
    fn to_client(&self, key: &ProviderKey, headers: &mut HeaderMap) {
        if let Some((_, credential)) = key.credential() {
            headers.insert("x-router-credential", credential);
        }
    }
}

/// Gives every request the same id.
pub(super) struct OneIdForAll;

impl BorderPolicy for OneIdForAll {
    fn request_id(&self, _number: u64) -> String {
        "req-0".to_owned()
    }
}

/// Tells the attempts of the last model, and not those of the models before it.
pub(super) struct AttemptsOfTheLast;

impl BorderPolicy for AttemptsOfTheLast {
    fn told_attempts(&self, of_the_last: u32, _in_all: u32) -> u32 {
        of_the_last
    }
}

/// Answers every error with a word.
pub(super) struct ErrorsInPlainWords;

impl BorderPolicy for ErrorsInPlainWords {
    fn leaving(&self, response: Response<ResponseBody>) -> Response<ResponseBody> {
        if !response.status().is_client_error() && !response.status().is_server_error() {
            return response;
        }
        let (mut head, _) = response.into_parts();
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Response::from_parts(head, ResponseBody::whole(Bytes::from_static(b"upstream error")))
    }
}

/// Keeps one answer that came in a place that all requests share.
#[derive(Default)]
pub(super) struct AnswersInOnePlace(Mutex<Option<Parked>>);

/// An answer that waits, and the request that waits for one.
type Parked = (Response<ProviderBody>, oneshot::Sender<Response<ProviderBody>>);

/// Nobody waits longer for an answer that may not come.
const PARKED: Duration = Duration::from_millis(15);

impl BorderPolicy for AnswersInOnePlace {
    fn handover(&self) -> Option<&dyn Handover> {
        Some(self)
    }
}

impl AnswersInOnePlace {
    fn place(&self) -> std::sync::MutexGuard<'_, Option<Parked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer that is there, in exchange for this one; or else this one waits there.
    fn exchange(
        &self,
        came: Response<ProviderBody>,
    ) -> Result<Response<ProviderBody>, oneshot::Receiver<Response<ProviderBody>>> {
        let mut place = self.place();
        match place.take() {
            Some((other, waiting)) => match waiting.send(came) {
                Ok(()) => Ok(other),
                Err(own) => Ok(own),
            },
            None => {
                let (waiting, others) = oneshot::channel();
                *place = Some((came, waiting));
                Err(others)
            }
        }
    }
}

impl Handover for AnswersInOnePlace {
    fn hand(&self, came: Response<ProviderBody>) -> Handed<'_> {
        Box::pin(async move {
            let mut others = match self.exchange(came) {
                Ok(other) => return other,
                Err(others) => others,
            };
            if let Ok(Ok(other)) = timeout(PARKED, &mut others).await {
                return other;
            }
            // Whoever takes an answer hands over its own in the same step, so that one of the two is there.
            let mut place = self.place();
            match others.try_recv() {
                Ok(other) => other,
                Err(_) => place.take().map(|(own, _)| own).expect("nobody has taken what was put there"),
            }
        })
    }
}
