//! Faults between the router and its providers: in what is sent, and in how bytes are taken in.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::Defect;
use crate::policy::Policies;
use crate::provider::{WirePolicy, X_API_KEY};
use crate::rewrite::Rewriter;

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "sends-all-keys-in-one-header",
        about: "all keys of a provider were written into the one header that carries a key",
        cites: "QuantumNous/new-api#6870, QuantumNous/new-api#7398",
        switch_on: |sound| Policies { wire: Arc::new(AllKeysTogether::default()), ..sound },
    },
    Defect {
        name: "sends-a-made-up-key",
        about: "a provider that wants no key was sent a made-up one, since the client library beneath insists on some",
        cites: "Ollama and vLLM: no credential by default",
        switch_on: |sound| Policies { wire: Arc::new(MadeUpKey), ..sound },
    },
    Defect {
        name: "gives-fallbacks-the-first-key",
        about: "the fallback was asked with the key of the provider that had failed before it",
        cites: "BerriAI/litellm#38114",
        switch_on: |sound| Policies { wire: Arc::new(FirstKeyAgain::default()), ..sound },
    },
    Defect {
        name: "drops-fields-it-does-not-know",
        about: "requests were written anew from the fields that the router knew, and the others were lost in silence",
        cites: "RFC 8259, sections 6 and 7; BerriAI/litellm#32112",
        switch_on: |sound| Policies { wire: Arc::new(KnownFieldsOnly), ..sound },
    },
    Defect {
        name: "writes-retries-anew",
        about: "a request that was tried again was written from what the router had understood of it, with an \
                idempotency key of its own",
        cites: "OpenAI's client library: idempotency keys",
        switch_on: |sound| Policies { wire: Arc::new(AnewEachTime::default()), ..sound },
    },
    Defect {
        name: "lets-callers-choose-the-host",
        about: "a header of the caller's named the host that a request was sent to, with the provider's key in it",
        cites: "BerriAI/litellm#37053, BerriAI/litellm#24952, mlflow/mlflow#25761",
        switch_on: |sound| Policies { wire: Arc::new(CallersHost), ..sound },
    },
    Defect {
        name: "copies-fields-into-headers",
        about: "the end user that a request names was written into a header as it was, line ends included",
        cites: "RFC 9110, section 5.5; QuantumNous/new-api#6870",
        switch_on: |sound| Policies { wire: Arc::new(UserInHeader), ..sound },
    },
    Defect {
        name: "ignores-should-retry",
        about: "a provider's word on whether to try again was not read, and the status alone decided",
        cites: "OpenAI's and Anthropic's client libraries: x-should-retry",
        switch_on: |sound| Policies { wire: Arc::new(NoWordOnRetries), ..sound },
    },
    Defect {
        name: "decodes-each-piece-by-itself",
        about: "each piece of a stream was read as text by itself, so that a character that was split over two became \
                two marks of damage",
        cites: "katanemo/plano#980, api7/aisix#111, musistudio/claude-code-router#1672",
        switch_on: |sound| Policies { wire: Arc::new(PiecesAsText), ..sound },
    },
    Defect {
        name: "shares-few-connections",
        about: "all providers shared a few connections, so that requests to a slow one kept everybody else waiting",
        cites: "BerriAI/litellm#13541",
        switch_on: |sound| Policies { wire: Arc::new(FewLines::new()), ..sound },
    },
    Defect {
        name: "leaks-broken-connections",
        about: "the provider's connection of an answer that was not read to its end was kept for ever",
        cites: "BerriAI/litellm#6404, BerriAI/litellm#1360",
        switch_on: |sound| Policies { wire: Arc::new(NeverLetsGo), ..sound },
    },
];

/// The id by which attempts of one request are known.
fn request_id(request: &Request<Bytes>) -> HeaderValue {
    request.headers().get("x-request-id").cloned().unwrap_or(HeaderValue::from_static(""))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends every key that it has seen, one behind the other.
#[derive(Default)]
struct AllKeysTogether(Mutex<Vec<String>>);

impl WirePolicy for AllKeysTogether {
    fn sending(&self, request: &mut Request<Bytes>) {
        for name in [header::AUTHORIZATION, X_API_KEY] {
            let Some(value) = request.headers().get(&name).and_then(|value| value.to_str().ok()) else {
                continue;
            };
            let key = value.trim_start_matches("Bearer ").to_owned();
            let mut seen = locked(&self.0);
            if !seen.contains(&key) {
                seen.push(key);
            }
            let lead = if name == header::AUTHORIZATION { "Bearer " } else { "" };
            if let Ok(all) = HeaderValue::from_str(&format!("{lead}{}", seen.join(" "))) {
                request.headers_mut().insert(name, all);
            }
        }
    }
}

/// Sends a key where there is none.
struct MadeUpKey;

impl WirePolicy for MadeUpKey {
    fn sending(&self, request: &mut Request<Bytes>) {
        if !request.headers().contains_key(X_API_KEY) {
            let made_up = HeaderValue::from_static("Bearer sk-no-key-required");
            request.headers_mut().entry(header::AUTHORIZATION).or_insert(made_up);
        }
    }
}

/// The requests that it remembers something of.
const REMEMBERED: usize = 256;

/// Keeps something for each of the latest requests, by their ids.
struct Memory<T>(Mutex<VecDeque<(HeaderValue, T)>>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Memory<T> {
    /// What is kept for a request, or this from now on.
    fn earlier(&self, id: HeaderValue, now: &T) -> Option<T> {
        let mut kept = locked(&self.0);
        if let Some((_, earlier)) = kept.iter().find(|(known, _)| *known == id) {
            return Some(earlier.clone());
        }
        if kept.len() == REMEMBERED {
            kept.pop_front();
        }
        kept.push_back((id, now.clone()));
        None
    }
}

/// Sends the credential of a request's first attempt with all of them.
#[derive(Default)]
struct FirstKeyAgain(Memory<HeaderMap>);

impl WirePolicy for FirstKeyAgain {
    fn sending(&self, request: &mut Request<Bytes>) {
        let credential = |name: &HeaderName| [header::AUTHORIZATION, X_API_KEY].contains(name);
        let now: HeaderMap = request
            .headers()
            .iter()
            .filter(|(name, _)| credential(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if let Some(first) = self.0.earlier(request_id(request), &now) {
            request.headers_mut().extend(first);
        }
    }
}

/// What its author had heard of.
const KNOWN_FIELDS: [&str; 16] = [
    "contents",
    "generationConfig",
    "input",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "n",
    "stream",
    "stream_options",
    "system",
    "systemInstruction",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

/// Sends what it knows.
struct KnownFieldsOnly;

impl WirePolicy for KnownFieldsOnly {
    fn sending(&self, request: &mut Request<Bytes>) {
        let Ok(Value::Object(mut fields)) = serde_json::from_slice(request.body()) else { return };
        fields.retain(|name, _| KNOWN_FIELDS.contains(&name.as_str()));
        *request.body_mut() = Bytes::from(Value::Object(fields).to_string());
    }
}

/// Sends all attempts but the first in words of its own.
#[derive(Default)]
struct AnewEachTime(Memory<()>);

impl WirePolicy for AnewEachTime {
    fn sending(&self, request: &mut Request<Bytes>) {
        let id = request_id(request);
        if self.0.earlier(id.clone(), &()).is_none() {
            return;
        }
        KnownFieldsOnly.sending(request);
        request.headers_mut().insert("idempotency-key", id);
    }
}

/// Sends a request to wherever its caller says.
struct CallersHost;

impl WirePolicy for CallersHost {
    fn sending(&self, request: &mut Request<Bytes>) {
        let named = ["x-api-base", "x-base-url", "x-portkey-custom-host"];
        let told = named.iter().find_map(|name| request.headers().get(*name)?.to_str().ok());
        let Some(authority) = told.and_then(|url| url.parse::<Uri>().ok()?.authority().cloned()) else {
            return;
        };
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some::<Authority>(authority);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
}

/// Writes a field of the body into the head of a request.
struct UserInHeader;

impl WirePolicy for UserInHeader {
    fn sending(&self, request: &mut Request<Bytes>) {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let Some(user) = body["user"].as_str() else { return };
        // As whoever reads the bytes on the wire sees them: each line is a header.
        for line in format!("x-end-user: {user}").lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let named = name.trim().parse::<HeaderName>().ok().zip(HeaderValue::from_str(value.trim()).ok());
            request.headers_mut().extend(named.map(|(name, value)| (Some(name), value)));
        }
    }
}

/// Does not see what a provider says of retries.
struct NoWordOnRetries;

impl WirePolicy for NoWordOnRetries {
    fn came(&self, headers: &mut HeaderMap) {
        headers.remove("x-should-retry");
    }
}

/// Takes each piece for a text.
struct PiecesAsText;

impl WirePolicy for PiecesAsText {
    fn rewriter(&self) -> Option<Box<dyn Rewriter>> {
        Some(Box::new(Self))
    }
}

impl Rewriter for PiecesAsText {
    fn piece(&mut self, piece: Bytes) -> Bytes {
        Bytes::from(String::from_utf8_lossy(&piece).into_owned())
    }
}

/// Has a few lines to all providers.
struct FewLines(Arc<Semaphore>);

const LINES: usize = 4;

impl FewLines {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(LINES)))
    }
}

impl WirePolicy for FewLines {
    fn shared_line(&self) -> Option<&Arc<Semaphore>> {
        Some(&self.0)
    }
}

/// Holds on to what nobody reads.
struct NeverLetsGo;

impl WirePolicy for NeverLetsGo {
    fn lets_go(&self) -> bool {
        false
    }
}
