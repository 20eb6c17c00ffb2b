//! A scenario: one experiment.

use crate::model::{Expectation, Measure, Request, Traffic, Witness, World};
use crate::node::Node;
use crate::read::{At, Named, part, words};

part! {
    /// One experiment: a world, traffic, and what is expected of the target between them.
    "a scenario" => Scenario {
        /// What it shows, as a sentence. No two scenarios share one.
        /// For example `title: A rate-limited key is passed over and the next key answers`.
        title: At<String>,
        /// The same at length: what is provoked, and what must not happen.
        /// For example `about: Whichever two keys are used first answer 429. The client must not notice.`.
        about: Option<String>,
        /// What it needs of the machine, and by which flag it is switched off. For example `stage: performance`.
        stage: Stage = Stage::Hermetic,
        /// Words to select it by. That of a stage is also a mark, by which that stage's flag switches it off.
        /// For example `tags: [rotation, slow]`.
        tags: Vec<At<String>>,
        /// The capabilities without which it asks nothing sensible of a target.
        /// For example `needs: [key-pool, cooldown]`.
        needs: Vec<Capability>,
        /// The rows of the requirements that it covers. For example `covers: [S0-20, S0-21]`.
        covers: Vec<String>,
        /// The seed of every draw; the run's own if missing. For example `seed: 7`.
        seed: Option<u64>,
        /// Named constants, for `{{ name }}`. For example `let: { wait: 20s }`.
        constants as "let": Option<Node>,
        /// Named records: the scenario runs once for each, with its values for `{{ name }}`.
        /// For example `for_each: [{ case: plain, stream: false }, { case: streamed, stream: true }]`.
        for_each: Option<Node>,
        /// What stands behind the target.
        /// For example `world: { upstreams: { openai: { dialect: openai, keys: 3 } }, router: { models: { chat: { pool:
        /// openai } } } }`.
        world: World,
        /// The requests that traffic can send, by name. For example `requests: { ask: { model: chat, prompt: ping } }`.
        requests: Named<Request>,
        /// What clients do, in order. For example `traffic: [{ step: ask, send: ask }, { pause: 50ms }]`.
        traffic: Vec<Traffic>,
        /// Proof that what the scenario provokes really happened. Without it nothing passes.
        /// For example `witness: [{ attempts: { where: { status: 429 }, count: { at_least: 1 } } }]`.
        witness: Vec<Witness>,
        /// Numbers to be compared, by name.
        /// For example `measure: { early: { attempts: { where: { at: { below: 1s } } }, rate: per second } }`.
        measure: Named<Measure>,
        /// What is expected.
        /// For example `expect: [{ rule: ROT-001, say: the client gets an answer, exchanges: { every: { status: 200 } }
        /// }]`.
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

/// The tags that mean the same in every suite, beside the stages.
pub const MARKS: [&str; 3] = ["slow", "benchmark", "quality"];

impl Stage {
    /// Whether it asks for something outside of the harness, so that real services may take the places of simulated ones. In all
    /// other stages nothing that stands in the environment changes what a scenario meets.
    #[must_use]
    pub fn is_outside(self) -> bool {
        match self {
            Self::Integration | Self::Llm | Self::E2e | Self::Gpu | Self::Compose => true,
            Self::Hermetic | Self::Performance | Self::Stress => false,
        }
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
        /// It finds its keys in the environment.
        "discovery" => Discovery,
        /// Its operator can switch keys off and on, and have the configuration read again.
        "operations" => Operations,
        /// It knows how much each key may be used, and moves on before a limit is reached.
        "limits" => Limits,
        /// It tells from the growth of use that a limit is near.
        "prediction" => Prediction,
        /// It translates between the dialects of clients and providers.
        "translation" => Translation,
        /// It spreads requests to services that are no models.
        "services" => Services,
    }
}

/// The keys that are read before any substitution takes place.
pub(crate) const UNSUBSTITUTED: [&str; 2] = ["let", "for_each"];
