//! A scenario: one experiment.

use crate::model::{Expectation, Measure, Request, Traffic, Witness, World};
use crate::node::Node;
use crate::read::{At, Named, part, words};

part! {
    /// One experiment: a world, traffic, and what is expected of the target between them.
    "a scenario" => Scenario {
        /// What it shows, as a sentence.
        title: At<String>,
        /// The same at length: what is provoked, and what must not happen.
        about: Option<String>,
        /// What it needs of the machine, and by which flag it is switched off.
        stage: Stage = Stage::Hermetic,
        /// Words to select it by.
        tags: Vec<String>,
        /// The capabilities without which it asks nothing sensible of a target.
        needs: Vec<Capability>,
        /// The rows of the requirements that it covers.
        covers: Vec<String>,
        /// The seed of every draw; the run's own if missing.
        seed: Option<u64>,
        /// Named constants, for `{{ name }}`.
        constants as "let": Option<Node>,
        /// Named records: the scenario runs once for each, with its values for `{{ name }}`.
        for_each: Option<Node>,
        /// What stands behind the target.
        world: World,
        /// The requests that traffic can send, by name.
        requests: Named<Request>,
        /// What clients do, in order.
        traffic: Vec<Traffic>,
        /// Proof that what the scenario provokes really happened. Without it nothing is exercised.
        witness: Vec<Witness>,
        /// Numbers to be compared, by name.
        measure: Named<Measure>,
        /// What is expected.
        expect: Vec<Expectation>,
    }
}

words! {
    /// What a scenario needs of the machine.
    "a stage" => Stage {
        /// Nothing: no container, no key, no network beyond loopback.
        "hermetic" => Hermetic,
        /// A service beside the target.
        "integration" => Integration,
        /// A real model.
        "llm" => Llm,
        /// Everything together.
        "e2e" => E2e,
        /// A quiet machine: it measures.
        "performance" => Performance,
        /// A graphics processor.
        "gpu" => Gpu,
        /// A container engine.
        "compose" => Compose,
        /// Time: it runs long under load.
        "stress" => Stress,
    }
}

words! {
    /// Something that a target may claim.
    "a capability" => Capability {
        /// It spreads requests over several keys of one provider.
        "key-pool" => KeyPool,
        /// It leaves a limited key alone for a time.
        "cooldown" => Cooldown,
        /// It turns to another provider or model.
        "fallback" => Fallback,
        /// It relays streams.
        "streaming" => Streaming,
        /// It tells its callers apart.
        "tenants" => Tenants,
        /// It records what each request cost.
        "ledger" => Ledger,
        /// It publishes counters.
        "metrics" => Metrics,
        /// Several instances share what they know.
        "shared-state" => SharedState,
    }
}

/// The keys that are read before any substitution takes place.
pub(crate) const UNSUBSTITUTED: [&str; 2] = ["let", "for_each"];
