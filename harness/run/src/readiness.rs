//! Waiting for real services: once for each in a run, so that a missing one costs its time once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use scenario::{ServiceUrl, show_duration};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::outside::RealService;

/// From one question to the next.
const PAUSE: Duration = Duration::from_millis(100);
/// Where a service says how it is.
const HEALTH: &str = "/health";

/// Where a service is, or why it cannot be used.
type Found = Arc<OnceCell<Result<SocketAddr, String>>>;

/// What was found of each real service.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<BTreeMap<ServiceUrl, Found>>);

impl Readiness {
    /// Waits until all of some services are ready, and tells where each is; or else which one is not, and why.
    pub(crate) async fn of(
        &self,
        services: &[RealService],
        patience: Duration,
    ) -> Result<Vec<(String, SocketAddr)>, String> {
        let mut addresses = Vec::new();
        for service in services {
            let found = Arc::clone(
                self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(service.url.clone()).or_default(),
            );
            let found = found.get_or_init(|| found_ready(&service.url, patience)).await;
            let address = found.clone().map_err(|seen| not_ready(service, patience, &seen))?;
            addresses.push((service.upstream.clone(), address));
        }
        Ok(addresses)
    }
}

fn not_ready(service: &RealService, patience: Duration, seen: &str) -> String {
    let RealService { upstream, url, variable } = service;
    format!(
        "the service `{upstream}` was not ready within {} at {url} (seen last: {seen}): {variable} says where it is, \
         HEALTH_TIMEOUT how many seconds it may take",
        show_duration(patience)
    )
}

/// Asks until the service says that it is well; what was seen last otherwise.
async fn found_ready(url: &ServiceUrl, patience: Duration) -> Result<SocketAddr, String> {
    let deadline = Instant::now() + patience;
    let mut seen = "no answer".to_owned();
    loop {
        let asked = async {
            let address = address(url).await?;
            target::is_well(address, HEALTH).await.map(|()| address)
        };
        match tokio::time::timeout_at(deadline, asked).await {
            Ok(Ok(address)) => return Ok(address),
            Ok(Err(instead)) => seen = instead,
            // What was seen before says more than that time is over.
            Err(_) => return Err(seen),
        }
        if Instant::now() + PAUSE >= deadline {
            return Err(seen);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn address(url: &ServiceUrl) -> Result<SocketAddr, String> {
    let found = tokio::net::lookup_host((url.host.as_str(), url.port)).await;
    let addresses: Vec<SocketAddr> = found.map_err(|error| error.to_string())?.collect();
    // Servers that listen on one of the two mostly listen on the older one.
    let older = addresses.iter().find(|address| address.is_ipv4());
    older.or_else(|| addresses.first()).copied().ok_or_else(|| format!("`{}` has no address", url.host))
}
