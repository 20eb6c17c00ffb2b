//! Asking a path of a target whether it is ready.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

/// An answer that takes longer is none; the next question may fare better.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// From one question to the next: short at first, for targets that start in milliseconds.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A path that answers with a certain status once the target is ready.
pub(super) struct HealthCheck {
    client: reqwest::Client,
    url: String,
    status: u16,
}

impl HealthCheck {
    pub(super) fn new(address: SocketAddr, path: &str, status: u16) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWERS_WITHIN)
            .build()?;
        Ok(Self { client, url: format!("http://{address}{path}"), status })
    }

    /// Asks until the answer has the status. `seen` holds what was seen last, for whoever stops waiting.
    pub(super) async fn until_ready(&self, seen: &mut String) {
        let mut pause = FIRST_PAUSE;
        while let Err(instead) = self.ask().await {
            *seen = instead;
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks once; what was seen instead of the status otherwise.
    async fn ask(&self) -> Result<(), String> {
        match self.client.get(&self.url).send().await {
            Ok(answer) if answer.status().as_u16() == self.status => Ok(()),
            Ok(answer) => Err(format!("status {}", answer.status().as_u16())),
            Err(error) => Err(told(&error)),
        }
    }
}

/// Asks a service once how it is. Any answer is well that is no failure of the service's own, also that it knows no such path.
///
/// # Errors
///
/// What was seen instead.
pub async fn is_well(address: SocketAddr, path: &str) -> Result<(), String> {
    let check = HealthCheck::new(address, path, 200).map_err(|error| told(&error))?;
    match check.client.get(&check.url).send().await {
        Ok(answer) if answer.status().is_server_error() => {
            Err(format!("status {}", answer.status().as_u16()))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(told(&error)),
    }
}

/// An error of the client with its causes, of which the last one says the most.
pub(crate) fn told(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut told = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        cause = error.source();
        if cause.is_none() {
            // Writing into a string cannot fail.
            let _ = write!(told, "{error}");
        }
    }
    if told.is_empty() { error.to_string() } else { told }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn server(replies: &[(u16, Option<u64>)]) -> MockServer {
        let server = MockServer::start().await;
        for (status, times) in replies {
            let reply = ResponseTemplate::new(*status).insert_header("location", "/elsewhere");
            let mock = Mock::given(method("GET")).and(path("/health")).respond_with(reply);
            match times {
                Some(times) => mock.up_to_n_times(*times).mount(&server).await,
                None => mock.mount(&server).await,
            }
        }
        server
    }

    #[tokio::test]
    async fn it_asks_until_the_status_is_the_one_that_was_wanted() {
        let server = server(&[(503, Some(3)), (302, Some(1)), (204, None)]).await;
        let check = HealthCheck::new(*server.address(), "/health", 204).unwrap();
        let mut seen = String::new();
        tokio::time::timeout(Duration::from_secs(20), check.until_ready(&mut seen)).await.unwrap();
        assert_eq!(seen, "status 302");
        assert_eq!(server.received_requests().await.unwrap().len(), 5);
    }

    #[tokio::test]
    async fn it_tells_what_it_saw_instead() {
        let answering = server(&[(500, None)]).await;
        let check = HealthCheck::new(*answering.address(), "/health", 200).unwrap();
        assert_eq!(check.ask().await.unwrap_err(), "status 500");
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let check = HealthCheck::new(closed, "/health", 200).unwrap();
        let seen = check.ask().await.unwrap_err();
        assert!(seen.to_lowercase().contains("connection refused"), "{seen}");
    }

    #[tokio::test]
    async fn a_service_is_well_unless_it_fails() {
        let server = server(&[(503, Some(1)), (404, Some(1)), (200, None)]).await;
        let address = *server.address();
        assert_eq!(is_well(address, "/health").await, Err("status 503".to_owned()));
        assert_eq!(is_well(address, "/health").await, Ok(()), "it knows no such path");
        assert_eq!(is_well(address, "/health").await, Ok(()));
    }
}
