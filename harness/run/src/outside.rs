//! What is outside of the harness, as the environment tells of it: where real services are, how long they may take to be ready, and
//! whether there is a key for a real model.

use std::collections::BTreeMap;
use std::time::Duration;

use scenario::{Scenario, ServiceUrl, Stage, Suite, Traffic};

/// The variable that holds a key for a real model. Only whether it is set is read here.
const KEY: &str = "OPENAI_API_KEY";
/// The variable that says how long a service or a target may take to be ready, in seconds.
const HEALTH_TIMEOUT: &str = "HEALTH_TIMEOUT";
/// How long a real service may take to be ready if nothing is said.
const USUAL_TIMEOUT: Duration = Duration::from_secs(60);
/// A longer wait was not meant.
const MOST_SECONDS: u64 = 24 * 60 * 60;

/// What the environment tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    urls: BTreeMap<String, ServiceUrl>,
    has_key: bool,
    /// How long a service or a target may take to be ready, where it is said.
    pub health_timeout: Option<Duration>,
}

/// A real service that takes the place of a simulated one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealService {
    /// The name of the simulated one.
    pub upstream: String,
    /// Where it is.
    pub url: ServiceUrl,
    /// The variable that says so, or would.
    pub variable: String,
}

/// What the environment tells and cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// The time is none.
    #[error("`{HEALTH_TIMEOUT}` is `{0}`: write how many seconds, as a whole number, for example `120`")]
    HealthTimeout(String),
    /// The address is none.
    #[error("`{variable}` is `{value}`: write `http://HOST` or `http://HOST:PORT`")]
    Url {
        /// The variable.
        variable: String,
        /// What it holds.
        value: String,
    },
}

impl Outside {
    /// What some variables tell of what the scenarios of a suite may meet outside.
    ///
    /// # Errors
    ///
    /// If one of them holds what cannot be meant.
    pub fn from_variables(
        suite: &Suite,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, OutsideError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut urls = BTreeMap::new();
        for scenario in suite.scenarios.iter().flat_map(|file| &file.cases).map(|case| &case.scenario) {
            for (_, variable) in replaceable(scenario) {
                let Some(value) = set(variable) else { continue };
                let url = ServiceUrl::parse(&value)
                    .ok_or_else(|| OutsideError::Url { variable: variable.to_owned(), value })?;
                urls.insert(variable.to_owned(), url);
            }
        }
        let health_timeout = set(HEALTH_TIMEOUT).map(|text| match text.parse() {
            Ok(seconds @ 1..=MOST_SECONDS) => Ok(Duration::from_secs(seconds)),
            _ => Err(OutsideError::HealthTimeout(text)),
        });
        Ok(Self { urls, has_key: set(KEY).is_some(), health_timeout: health_timeout.transpose()? })
    }

    /// How long a real service may take to be ready.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.health_timeout.unwrap_or(USUAL_TIMEOUT)
    }

    /// The real services that a scenario meets.
    ///
    /// # Errors
    ///
    /// What is missing of them, or of a key, in words.
    pub(crate) fn services(&self, scenario: &Scenario) -> Result<Vec<RealService>, String> {
        if scenario.stage == Stage::Llm && !self.has_key {
            return Err(format!("stage llm asks a real model, and {KEY} is not set"));
        }
        let real = replaceable(scenario).map(|(upstream, variable)| {
            let world = scenario.world.upstreams.get(upstream);
            let url = self.urls.get(variable).or_else(|| world?.url.as_ref());
            let url =
                url.ok_or_else(|| format!("{variable} does not say where the service `{upstream}` is"))?;
            Ok(RealService { upstream: upstream.to_owned(), url: url.clone(), variable: variable.to_owned() })
        });
        real.collect()
    }
}

/// The services of a scenario whose places real ones take, each with the variable that says where it is: those that something is sent
/// to directly, in a stage that asks for something outside.
pub(crate) fn replaceable(scenario: &Scenario) -> impl Iterator<Item = (&str, &str)> {
    let is_sent_to = |name: &str| {
        let mut at =
            scenario.traffic.iter().filter_map(Traffic::manner).filter_map(|manner| manner.at.as_ref());
        at.any(|at| at.value == name)
    };
    let upstreams = scenario.world.upstreams.0.iter().filter(|_| scenario.stage.is_outside());
    upstreams.filter(move |(name, _)| is_sent_to(&name.value)).filter_map(|(name, upstream)| {
        Some((name.value.as_str(), upstream.url_from.as_ref()?.value.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Parts;

    /// What these variables come to for a scenario of this stage that sends to a service.
    fn services(stage: &str, url: &str, set: &[(&str, &str)]) -> Result<Result<Vec<String>, String>, String> {
        let (traffic, requests) = (
            "  - { step: s, send: look, at: shop }",
            "  look: { method: GET, path: / }\n  other: { model: n, prompt: ping }",
        );
        let shop =
            format!("v: {{ dialect: openai, keys: 1 }}, shop: {{ dialect: http, url_from: SHOP_URL{url} }}");
        let suite = Parts { traffic, requests, stage, ..Parts::default() }.suite_with(&shop);
        let variable =
            |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        let outside = Outside::from_variables(&suite, variable).map_err(|error| error.to_string())?;
        let services = outside.services(&suite.scenarios[0].cases[0].scenario);
        Ok(services.map(|services| {
            services.iter().map(|service| format!("{} {}", service.upstream, service.url)).collect()
        }))
    }

    const SET: (&str, &str) = ("SHOP_URL", "http://127.0.0.1:4711");

    #[test]
    fn a_real_service_is_where_its_variable_says_or_else_the_scenario() {
        let at = |url: &str| Ok(Ok(vec![format!("shop {url}")]));
        let url = ", url: 'http://localhost:8080'";
        assert_eq!(services("integration", url, &[SET]), at("http://127.0.0.1:4711"));
        assert_eq!(services("integration", url, &[]), at("http://localhost:8080"));
        assert_eq!(services("integration", url, &[("SHOP_URL", "")]), at("http://localhost:8080"));
        let missing = services("integration", "", &[]).unwrap().unwrap_err();
        assert!(missing.contains("SHOP_URL does not say where"), "{missing}");
    }

    #[test]
    fn what_asks_for_nothing_outside_is_led_nowhere_by_the_environment() {
        for stage in ["hermetic", "performance", "stress"] {
            assert_eq!(services(stage, "", &[SET]), Ok(Ok(Vec::new())), "{stage}");
            assert_eq!(services(stage, "", &[("SHOP_URL", "nonsense")]), Ok(Ok(Vec::new())), "{stage}");
        }
    }

    #[test]
    fn a_real_model_needs_a_key() {
        let without = services("llm", "", &[SET]).unwrap().unwrap_err();
        assert!(without.contains("OPENAI_API_KEY is not set"), "{without}");
        assert!(services("llm", "", &[SET, ("OPENAI_API_KEY", "sk-real")]).unwrap().is_ok());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused = |set| services("integration", "", &[set]).unwrap_err();
        assert!(refused(("SHOP_URL", "localhost:80")).contains("`SHOP_URL` is `localhost:80`"));
        for seconds in ["0", "-1", "1.5", "2s", "soon", "86401"] {
            assert!(refused(("HEALTH_TIMEOUT", seconds)).contains(&format!("is `{seconds}`")), "{seconds}");
        }
    }
}
