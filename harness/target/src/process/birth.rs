//! A process from its start until it is seen to be ready.

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::process::address::address_in;
use crate::process::error::{Ending, StartError};
use crate::process::group::Group;
use crate::process::health::HealthCheck;
use crate::process::log::{Log, Readers};
use crate::profile::{Observation, Ready};

/// From one try to reach a target to the next.
const PAUSE: Duration = Duration::from_millis(20);

/// A process that is not ready yet.
pub(super) struct Birth<'a> {
    pub(super) log: &'a Log,
    pub(super) group: &'a Group,
    pub(super) readers: Readers,
}

impl Birth<'_> {
    /// Waits until the process is seen to be ready, and tells where it listens.
    pub(super) async fn until_ready(
        &mut self,
        ready: &Ready,
        port: SocketAddr,
        awaited: Option<oneshot::Receiver<String>>,
    ) -> Result<SocketAddr, StartError> {
        let mut seen = String::new();
        let observed = observe(ready.observation(), port, awaited, &mut seen);
        let observed = tokio::select! {
            observed = timeout(ready.within, observed) => observed,
            status = self.group.ended() => return Err(self.ended(status).await),
        };
        match observed {
            Ok(Ok(address)) if !address.ip().is_loopback() => Err(StartError::NotLoopback(address)),
            Ok(address) => address,
            Err(_) => Err(self.not_ready(ready, &seen)),
        }
    }

    async fn ended(&mut self, status: Option<ExitStatus>) -> StartError {
        self.readers.drain().await;
        ended_early(status, self.log)
    }

    fn not_ready(&self, ready: &Ready, seen: &str) -> StartError {
        let (wanted, seen) = told(ready, seen);
        StartError::NotReady { wanted, within: ready.within, seen, log: self.log.tail() }
    }
}

/// Waits until a target that runs already is seen to be ready. Its output is seen by nobody: where a line would tell, it is ready
/// once it takes connections.
pub(super) async fn until_ready_abroad(ready: &Ready, address: SocketAddr) -> Result<(), StartError> {
    let mut seen = String::new();
    let observed = async {
        match ready.observation() {
            Observation::Line(_) => reached(address, &mut seen).await,
            by_path @ Observation::Get(..) => observe(by_path, address, None, &mut seen).await.map(drop)?,
        }
        Ok(())
    };
    match timeout(ready.within, observed).await {
        Ok(observed) => observed,
        Err(_) => {
            let (wanted, seen) = told(ready, &seen);
            Err(StartError::NotThere { address, wanted, within: ready.within, seen })
        }
    }
}

/// Resolves once somebody listens there.
async fn reached(address: SocketAddr, seen: &mut String) {
    while let Err(error) = TcpStream::connect(address).await {
        *seen = error.to_string();
        sleep(PAUSE).await;
    }
}

/// What would have shown that a target is ready, and what was seen instead, in words.
fn told(ready: &Ready, seen: &str) -> (String, String) {
    let wanted = match ready.observation() {
        Observation::Get(path, status) => format!("status {status} at `{path}`"),
        Observation::Line(text) => format!("a line with `{text}`"),
    };
    (wanted, if seen.is_empty() { String::new() } else { format!(" (seen last: {seen})") })
}

/// A process that ended before it was ready.
pub(super) fn ended_early(status: Option<ExitStatus>, log: &Log) -> StartError {
    StartError::Ended { ending: Ending { status, killed: false }, log: log.tail() }
}

/// Resolves with the address once the observation is made.
async fn observe(
    observation: Observation<'_>,
    port: SocketAddr,
    awaited: Option<oneshot::Receiver<String>>,
    seen: &mut String,
) -> Result<SocketAddr, StartError> {
    match (observation, awaited) {
        (Observation::Get(path, status), _) => {
            let check = HealthCheck::new(port, path, status).map_err(std::io::Error::other)?;
            check.until_ready(seen).await;
            Ok(port)
        }
        (Observation::Line(text), Some(awaited)) => match awaited.await {
            Ok(line) => Ok(address_in(&line, text).unwrap_or(port)),
            // The output has ended, so the line cannot come any more: the process ends or time runs out.
            Err(_) => std::future::pending().await,
        },
        (Observation::Line(_), None) => std::future::pending().await,
    }
}
