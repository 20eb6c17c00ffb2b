//! The operator's client: short requests, answers of bounded size, and no secret in what it tells.

use std::net::SocketAddr;
use std::time::Duration;

use scenario::Method;

use crate::process::told;
use crate::profile::Header;

/// A larger answer is no reading of one scenario.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// An answer that takes longer is none.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// So much of a refusal is told.
const MOST_TOLD: usize = 200;

/// Asks a target on the operator's behalf.
pub(crate) struct Admin {
    client: reqwest::Client,
}

/// A request of the operator.
pub(crate) struct Asked<'a> {
    pub(crate) to: SocketAddr,
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) header: Option<Header>,
    pub(crate) body: Option<String>,
    /// The status that is wanted; any 2xx if there is none.
    pub(crate) status: Option<u16>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("`{path}` gives no answer: {reason}")]
    NoAnswer { path: String, reason: String },
    #[error("`{path}` answers with status {status}{}", begun(body))]
    Status { path: String, status: u16, body: String },
    #[error("the answer of `{path}` is larger than {} MiB", MOST_BYTES >> 20)]
    TooLarge { path: String },
}

impl Admin {
    pub(crate) fn new() -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWERS_WITHIN)
            // A target that was killed or restarted meanwhile would be asked over a connection that is gone.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { client })
    }

    /// The body of an answer with the status that is wanted.
    pub(crate) async fn ask(&self, asked: Asked<'_>) -> Result<Vec<u8>, AskError> {
        let Asked { to, method, path, header, body, status } = asked;
        let no_answer =
            |error: &reqwest::Error| AskError::NoAnswer { path: path.to_owned(), reason: told(error) };
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.client.request(method, format!("http://{to}{path}"));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let mut answer = request.send().await.map_err(|error| no_answer(&error))?;
        let got = answer.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| no_answer(&error))? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(AskError::TooLarge { path: path.to_owned() });
            }
            bytes.extend_from_slice(&chunk);
        }
        let wanted = status.map_or((200..300).contains(&got), |status| status == got);
        if !wanted {
            let body = String::from_utf8_lossy(&bytes).into_owned();
            return Err(AskError::Status { path: path.to_owned(), status: got, body });
        }
        Ok(bytes)
    }
}

/// The beginning of a body, behind a colon.
fn begun(body: &str) -> String {
    let line = body.trim().lines().next().unwrap_or_default();
    let begun: String = line.chars().take(MOST_TOLD).collect();
    if begun.is_empty() { begun } else { format!(": {}", begun.escape_debug()) }
}
