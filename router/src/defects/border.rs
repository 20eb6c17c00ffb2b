//! Faults in what crosses the router's border.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Defect;
use crate::front::{BorderPolicy, Handed, Handover, ResponseBody};
use crate::policy::Policies;
use crate::provider::{ProviderBody, ProviderKey};
use crate::settings::RequestLimits;

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "mixes-up-answers",
        about: "an answer on its way was kept where another request could take it",
        cites: "BerriAI/litellm#25447",
        switch_on: |sound| Policies { border: Box::new(AnswersInOnePlace::default()), ..sound },
    },
    Defect {
        name: "passes-the-callers-key-on",
        about: "the caller's own key was passed on to the provider in another header",
        cites: "BerriAI/litellm#32202, BerriAI/litellm#38114",
        switch_on: |sound| Policies { border: Box::new(CallersKeyPassedOn), ..sound },
    },
    Defect {
        name: "shows-provider-keys",
        about: "a header for debugging showed the provider's key to the client",
        cites: "maximhq/bifrost#3954",
        switch_on: |sound| Policies { border: Box::new(ProviderKeyShown), ..sound },
    },
    Defect {
        name: "answers-errors-in-plain-words",
        about: "errors were answered as plain text, which client libraries cannot read",
        cites: "Portkey-AI/gateway#267",
        switch_on: |sound| Policies { border: Box::new(ErrorsInPlainWords), ..sound },
    },
    Defect {
        name: "gives-one-id-to-all",
        about: "requests had no id of their own, so that only the first one was found again",
        cites: "BerriAI/litellm#6633",
        switch_on: |sound| Policies { border: Box::new(OneIdForAll), ..sound },
    },
    Defect {
        name: "counts-the-last-model-only",
        about: "the client was told the attempts at the model that served and not those before the fallback",
        cites: "BerriAI/litellm#39455",
        switch_on: |sound| Policies { border: Box::new(AttemptsOfTheLast), ..sound },
    },
    Defect {
        name: "keeps-parameters-of-others",
        about: "a parameter that one request had set was kept and set for requests that did not have it",
        cites: "BerriAI/litellm#32112",
        switch_on: |sound| Policies { border: Box::new(ParametersStay::default()), ..sound },
    },
    Defect {
        name: "dies-of-nonsense",
        about: "a body that could not be read ended the process",
        cites: "maximhq/bifrost#721, maximhq/bifrost#2494",
        switch_on: |sound| Policies { border: Box::new(DiesOfNonsense), ..sound },
    },
    Defect {
        name: "takes-any-size",
        about: "the limit on the size of requests was read and not kept",
        cites: "maximhq/bifrost#721; Anthropic: request_too_large",
        switch_on: |sound| Policies { border: Box::new(AnySize), ..sound },
    },
    Defect {
        name: "goes-on-without-the-client",
        about: "a request whose client had left was tried again, and its answer was read to the end, for \
                nobody",
        cites: "BerriAI/litellm#30245, BerriAI/litellm#37140, vercel/ai#8325",
        switch_on: |sound| Policies { border: Box::new(GoesOnAlone), ..sound },
    },
    Defect {
        name: "relays-all-headers",
        about: "cookies and ids of accounts were passed on, of the caller to the provider and of the \
                provider to the caller",
        cites: "maximhq/bifrost#3954; RFC 9110, section 7.6.1",
        switch_on: |sound| Policies { border: Box::new(AllHeaders), ..sound },
    },
    Defect {
        name: "refuses-metadata",
        about: "a request with metadata was refused, although the field is one of the dialect's own",
        cites: "router-for-me/CLIProxyAPI#3296",
        switch_on: |sound| Policies { border: Box::new(NoMetadata), ..sound },
    },
    Defect {
        name: "answers-without-asking",
        about: "a canned answer was given, with a status as if a provider had been asked",
        cites: "SaaSy-Solutions/mockforge#916",
        switch_on: |sound| Policies { border: Box::new(CannedAnswers), ..sound },
    },
    Defect {
        name: "names-the-first-provider",
        about: "after a fallback the client was told that the provider had answered that had failed",
        cites: "BerriAI/litellm#38606",
        switch_on: |sound| Policies { border: Box::new(FirstProviderTold), ..sound },
    },
];

/// Takes metadata for a mistake.
pub(super) struct NoMetadata;

impl BorderPolicy for NoMetadata {
    fn refused_field(&self, body: &Bytes) -> Option<&'static str> {
        let fields: Value = serde_json::from_slice(body).unwrap_or_default();
        fields.get("metadata").map(|_| "metadata")
    }
}

/// Has an answer for everything.
pub(super) struct CannedAnswers;

const CANNED: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"chat","choices":[{"index":0,"message":{"role":"assistant","content":"Hello! How can I help you today?"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}"#;

impl BorderPolicy for CannedAnswers {
    fn own_answer(&self) -> Option<Response<ResponseBody>> {
        let mut response = Response::new(ResponseBody::whole(Bytes::from_static(CANNED.as_bytes())));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Some(response)
    }
}

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

/// Keeps the parameters of requests for those that come later.
#[derive(Default)]
pub(super) struct ParametersStay(Mutex<Map<String, Value>>);

impl BorderPolicy for ParametersStay {
    fn arriving(&self, body: &Bytes) -> Bytes {
        let Ok(Value::Object(mut fields)) = serde_json::from_slice(body) else { return body.clone() };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in ["stop", "temperature", "top_p", "user"] {
            match (fields.get(name), kept.get(name)) {
                (Some(own), _) => drop(kept.insert(name.to_owned(), own.clone())),
                (None, Some(earlier)) => drop(fields.insert(name.to_owned(), earlier.clone())),
                (None, None) => {}
            }
        }
        Bytes::from(Value::Object(fields).to_string())
    }
}

/// Does not survive what it cannot read.
pub(super) struct DiesOfNonsense;

impl BorderPolicy for DiesOfNonsense {
    fn arriving(&self, body: &Bytes) -> Bytes {
        if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() {
            // As a panic ends a program that has no one to catch it.
            std::process::exit(101);
        }
        body.clone()
    }
}

/// Takes as much as there is.
pub(super) struct AnySize;

impl BorderPolicy for AnySize {
    fn limits(&self, set: RequestLimits) -> RequestLimits {
        RequestLimits { body: RequestLimits::default().body, ..set }
    }
}

/// Goes on for clients that have left.
pub(super) struct GoesOnAlone;

impl BorderPolicy for GoesOnAlone {
    fn goes_on_alone(&self) -> bool {
        true
    }
}

/// Passes on what is nobody else's business.
pub(super) struct AllHeaders;

const OF_ONE_SIDE: [&str; 5] =
    ["anthropic-organization-id", "cookie", "openai-organization", "openai-project", "set-cookie"];

impl BorderPolicy for AllHeaders {
    fn to_provider(&self, caller: &HeaderMap, passed: &mut HeaderMap) {
        passed.extend(self.shown_of_provider(caller));
    }

    fn shown_of_provider(&self, provider: &HeaderMap) -> HeaderMap {
        let of_one_side = provider.iter().filter(|(name, _)| OF_ONE_SIDE.contains(&name.as_str()));
        of_one_side.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Tells of the provider that was asked first.
pub(super) struct FirstProviderTold;

impl BorderPolicy for FirstProviderTold {
    fn told_provider<'p>(&self, first: &'p str, _served: &'p str) -> &'p str {
        first
    }
}
