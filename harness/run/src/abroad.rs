//! A target that runs already, and what can be asked of one whose upstreams are not this harness's: nobody can make those misbehave,
//! and nobody sees what reaches them.

use std::net::SocketAddr;

use scenario::{Address, Errand, Field, Latency, Reply, Scenario, Subject, Traffic, Upstream};

/// Where a target runs that is not started.
#[derive(Clone, Debug)]
pub struct Abroad {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its upstreams, where they are not this harness's.
    pub foreign: Option<Foreign>,
}

/// What is known of a target whose upstreams are somebody else's.
#[derive(Clone, Default)]
pub struct Foreign {
    /// The name of the one model that is asked for, whatever a scenario calls it.
    pub model: Option<String>,
    /// The key of its clients.
    pub key: Option<String>,
}

/// What only the upstreams know, or is found out by looking at what reached them.
pub(crate) const OF_UPSTREAMS: [Subject; 2] = [Subject::Attempts, Subject::Requests];

/// The fields of exchanges that are found out by looking at upstreams, and times, of which nobody knows the upstreams' share.
pub(crate) const FIELDS_OF_UPSTREAMS: [Field; 19] = [
    Field::Added,
    Field::Attempts,
    Field::CapacityIn,
    Field::DeliveredTokens,
    Field::FirstByte,
    Field::FirstContent,
    Field::Joined,
    Field::Key,
    Field::LastHint,
    Field::PerToken,
    Field::PricedUpstreamTokens,
    Field::SameBody,
    Field::ScriptedText,
    Field::ScriptedTools,
    Field::Service,
    Field::Serving,
    Field::Took,
    Field::Upstream,
    Field::UpstreamTokens,
];

/// Why a scenario cannot be asked of a target whose upstreams are somebody else's.
pub(crate) fn beyond_reach(scenario: &Scenario) -> Option<String> {
    let world = &scenario.world;
    let asks = |what: String| Some(format!("the target runs already, configured by somebody else: {what}"));
    if let Some((name, _)) = world.upstreams.0.iter().find(|(_, upstream)| !is_usual(upstream)) {
        return asks(format!("nobody can make its upstreams do what `{}` is to do", name.value));
    }
    if let Some((name, _)) = world.router.models.0.iter().find(|(_, model)| !model.is_bare()) {
        return asks(format!("nobody can give it the settings of `router.models.{}`", name.value));
    }
    if !world.tenants.0.is_empty() || world.prices.is_some() {
        return asks("nobody can give it tenants or prices".to_owned());
    }
    let router = &world.router;
    let own = router.services.0.is_empty()
        && router.instances.is_none()
        && router.max_request.is_none()
        && router.health.is_none()
        && router.environment.0.is_empty();
    if !own || !router.must_start {
        return asks("nobody can give it the settings of `router`".to_owned());
    }
    let done = scenario.traffic.iter().find_map(|entry| match entry {
        Traffic::Operate(_) => Some("nobody can operate it"),
        Traffic::Exec(_) => Some("programs would be told of models that it may not have"),
        Traffic::Step(_) | Traffic::Phase(_) => {
            let around = entry.manner().is_some_and(|manner| manner.at.is_some() || manner.against.is_some());
            let raw = matches!(entry.errand(), Some(Errand::Raw(_)));
            (around || raw).then_some("nothing can be sent around it, or in so many words")
        }
        Traffic::Pause(_) | Traffic::WaitUntil(_) => None,
    });
    done.and_then(|what| asks(what.to_owned()))
}

/// Whether an upstream is what any provider is on a good day.
fn is_usual(upstream: &Upstream) -> bool {
    upstream.plans.is_empty()
        && upstream.script.is_empty()
        && upstream.timeline.is_empty()
        && upstream.weights.is_empty()
        && upstream.bans.is_none()
        && upstream.resources.0.is_empty()
        && upstream.defects.is_empty()
        && upstream.keep_alive.is_none()
        && upstream.address == Address::Plain
        && upstream.latency == Latency::none()
        && upstream.reply == Reply::normal()
        && upstream.keys.0.iter().all(|key| key.settings.is_ordinary())
}

/// The key is a secret, so no debug dump shows it.
impl std::fmt::Debug for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Foreign").field("model", &self.model).finish_non_exhaustive()
    }
}
