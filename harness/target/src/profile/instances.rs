//! Several instances of a target side by side, and what of a world they must agree on to be shared by scenarios.

use scenario::{At, Problem, part, words};

/// More instances than this belong to no scenario on one machine.
const MOST_INSTANCES: u32 = 16;

part! {
    /// Several instances of the target side by side.
    "the instances" => Instances {
        /// How many can run at once. For example `max: 2`.
        max: u32 = 1,
        /// What they share where a scenario asks for it; templates see it as `store`. Without it they share nothing.
        /// For example `store: redis`.
        store: Option<At<StoreKind>>,
    }
}

words! {
    /// What instances of a target share.
    "a store" => StoreKind {
        /// A Redis, which the harness starts on loopback: `redis-server` must be on the PATH.
        "redis" => Redis,
        /// A folder that all of them can write to.
        "folder" => Folder,
    }
}

words! {
    /// A setting of a model that a target can have for one model alone.
    "a setting of a model" => PerModel {
        /// The upstreams that serve it.
        "pool" => Pool,
        /// The weights of keys and upstreams.
        "weights" => Weights,
        /// How requests are spread.
        "strategy" => Strategy,
        /// The models that are asked next.
        "fallbacks" => Fallbacks,
        /// The models that are asked next when the prompt is too long.
        "larger" => Larger,
        /// The models that are asked next when the content is against the rules.
        "lenient" => Lenient,
        /// How many tokens its window holds.
        "window" => Window,
        /// How often an exchange is tried again.
        "retries" => Retries,
        /// The wait between two tries of one key.
        "backoff" => Backoff,
        /// When a key is left alone, and for how long.
        "cooldown" => Cooldown,
        /// How long the target waits for a provider in all.
        "timeout" => Timeout,
        /// How long it waits for the parts of an answer.
        "timeouts" => Timeouts,
        /// Where requests wait when no key is free.
        "queue" => Queue,
        /// What keeps a client at one key.
        "sticky" => Sticky,
        /// How much each key may be used.
        "limits" => Limits,
        /// The share of a limit from which on other keys are preferred.
        "headroom" => Headroom,
        /// Whether keys whose use grows towards their limits are left for others.
        "prediction" => Prediction,
    }
}

impl Instances {
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if !(1..=MOST_INSTANCES).contains(&self.max) {
            let message = format!("{} instances of a target", self.max);
            let help = format!("write a number from 1 to {MOST_INSTANCES}");
            problems.push(Problem::new(self.span, message).help(help));
        }
        if let (Some(store), 0..=1) = (&self.store, self.max) {
            problems.push(
                Problem::new(store.span, "a store that one instance shares with nobody")
                    .help("say how many instances can run: `instances: { max: 2, store: redis }`"),
            );
        }
    }
}
