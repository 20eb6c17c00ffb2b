//! What clients and the operator get of a target beside answers: its endpoints, and who asks for them.

use serde_json::json;

use crate::model::{Credential, InTurn};
use crate::node::Node;
use crate::problem::Problem;
use crate::read::{Read, SchemaBook, part, words};

/// What is got of the target: an endpoint, as a tenant or the operator would get it.
#[derive(Clone, Debug, PartialEq)]
pub struct Get {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The tenant on whose behalf it is asked for.
    pub tenant: Option<InTurn>,
    /// How it is proved who asks; the operator's way for what is the operator's, the client's for the rest, if missing.
    pub credential: Option<Credential>,
}

part! {
    /// An endpoint that someone in particular asks for.
    "who gets what" => GetAs {
        /// The endpoint. For example `endpoint: models`.
        endpoint: Endpoint,
        /// The tenant on whose behalf it is asked for. For example `tenant: acme` or `tenant: { cycle: [acme, globex] }`.
        tenant: Option<InTurn>,
        /// How it is proved who asks; the operator's way for what is the operator's, the client's for the rest, if missing.
        /// For example `credential: none`.
        credential: Option<Credential>,
    }
}

words! {
    /// An endpoint that the target's profile gives a path.
    "an endpoint" => Endpoint {
        /// Answers as long as the target lives.
        "liveness" => Liveness,
        /// Answers well when the target can serve.
        "readiness" => Readiness,
        /// The list of models.
        "models" => Models,
        /// The counters.
        "metrics" => Metrics,
        /// What each exchange cost; the operator's.
        "ledger" => Ledger,
        /// The state of pools and keys; the operator's.
        "status" => Status,
        /// The keys that clients were given; the operator's.
        "keys" => Keys,
        /// The configuration that is in force; the operator's.
        "config" => Config,
        /// How the upstreams of services are used, and what could be done about it; the operator's.
        "analytics" => Analytics,
    }
}

impl Get {
    /// An endpoint as anybody gets it.
    #[must_use]
    pub fn of(endpoint: Endpoint) -> Self {
        Self { endpoint, tenant: None, credential: None }
    }
}

impl Endpoint {
    /// Whether it is for the operator alone.
    #[must_use]
    pub fn is_operators(self) -> bool {
        matches!(self, Self::Ledger | Self::Status | Self::Keys | Self::Config | Self::Analytics)
    }
}

impl Read for Get {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        if node.entries().is_none() {
            return Endpoint::read(node, problems).map(Self::of);
        }
        let GetAs { endpoint, tenant, credential, .. } = GetAs::read(node, problems)?;
        Some(Self { endpoint, tenant, credential })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "an endpoint, and who asks", "anyOf": [Endpoint::schema(book), GetAs::schema(book)] })
    }
}
