//! What services keep: that each resource is of one kind and has a place of its own, and that what it says fits together.

use crate::check::Checker;
use crate::model::{Counted, Items, Protocol, Resource, ResourceKind, Slots, States, Upstream};
use crate::problem::Problem;
use crate::read::At;

/// More places or items than this are not kept in the memory of a service.
const MOST_KEPT: u32 = 1_000_000;

impl<'a> Checker<'a> {
    /// What an upstream keeps, and what only such an upstream can have.
    pub(super) fn kept(&mut self, upstream: &'a Upstream) {
        if let Some(bans) = &upstream.bans {
            bans.check(self.problems);
        }
        self.weights(upstream);
        let lost = upstream.script.iter().find(|entry| entry.takes_effect);
        if upstream.dialect == Protocol::Rest {
            self.resources(upstream);
            return;
        }
        let help = "write `dialect: rest` for a service that keeps state";
        if let Some((name, _)) = upstream.resources.0.first() {
            self.tell(Problem::new(name.span, "a resource of an upstream that keeps nothing").help(help));
        }
        if !upstream.defects.is_empty() {
            let problem = Problem::new(upstream.span, "a defect of a service in what is none");
            self.tell(problem.help(help));
        }
        if let Some(entry) = lost {
            let problem = Problem::new(entry.span, "`takes_effect` where nothing could take effect");
            self.tell(problem.help(help));
        }
    }

    fn weights(&mut self, upstream: &'a Upstream) {
        for weight in &upstream.weights {
            self.when(weight.when.as_ref(), upstream);
            if weight.weight == 0 {
                let problem = Problem::new(weight.span, "a request that weighs nothing");
                self.tell(problem.help("write a weight above 0"));
            }
        }
        let counted = upstream.plans.iter().find(|plan| plan.counts == Counted::Weight);
        match (counted, upstream.weights.first()) {
            (Some(plan), None) => {
                let problem = Problem::new(plan.span, "a plan that counts weights where nothing has one");
                self.tell(
                    problem.help("write `weights: [{ when: { path: /book }, weight: 5 }]` beside `plans:`"),
                );
            }
            (None, Some(weight)) => {
                let problem = Problem::new(weight.span, "weights that no plan counts");
                self.tell(problem.help("write `counts: weight` in one of `plans:`"));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn resources(&mut self, upstream: &'a Upstream) {
        if upstream.resources.0.is_empty() {
            let problem = Problem::new(upstream.span, "a service that keeps nothing");
            let help = "write `resources: { tasks: { path: /tasks, items: {} } }`, or `dialect: http`";
            self.tell(problem.help(help));
        }
        if upstream.reply.span != crate::Span::default() {
            let problem =
                Problem::new(upstream.reply.span, "a normal answer beside resources, which give their own");
            self.tell(problem.help("leave `reply` out, or write a `document:` for a path"));
        }
        for (index, (name, resource)) in upstream.resources.0.iter().enumerate() {
            self.resource(resource);
            let mut before = upstream.resources.0[..index].iter();
            if let Some((first, _)) = before.find(|(_, other)| overlap(other, resource)) {
                let message = format!("`{}` lies in the place of `{}`", name.value, first.value);
                let problem = Problem::new(resource.path.span, message).also(first.span, "the other one");
                self.tell(problem.help("give each resource a path that no other one begins with"));
            }
        }
    }

    fn resource(&mut self, resource: &'a Resource) {
        let path = &resource.path;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let sound = path.value.starts_with('/') && path.value.chars().all(allowed);
        if !sound || path.value.ends_with('/') || path.value.contains("//") {
            let problem = Problem::new(path.span, format!("`{}` is no path of a resource", path.value));
            self.tell(
                problem.help("write letters, digits, `-`, `_` and `.` between slashes: `path: /v1/tasks`"),
            );
        }
        match resource.kind() {
            None => self.tell(
                Problem::new(resource.span, "a resource that is not of one kind")
                    .help("write exactly one of: `document`, `items`, `slots`, `blobs`, `jobs`"),
            ),
            Some(ResourceKind::Items(items)) => self.items(items, path),
            Some(ResourceKind::Slots(slots)) => self.slots(slots),
            Some(ResourceKind::Blobs(blobs)) => {
                if blobs.most.bytes == 0 || blobs.room < blobs.most {
                    let problem = Problem::new(blobs.span, "files for which there is no room");
                    self.tell(
                        problem.help("write `most:` above 0, and a `room:` that holds one of that size"),
                    );
                }
            }
            Some(ResourceKind::Jobs(_) | ResourceKind::Document(_)) => {}
        }
    }

    fn slots(&mut self, slots: &Slots) {
        if slots.count == 0 || slots.count > 10_000 || slots.lasts.is_zero() {
            let problem = Problem::new(slots.span, "places that nobody can be lent");
            self.tell(problem.help("write a `count:` from 1 to 10000, and a `lasts:` above 0"));
        }
    }

    fn items(&mut self, items: &'a Items, path: &At<String>) {
        for (name, _) in items.optional.0.iter().filter(|(name, _)| items.fields.get(&name.value).is_some()) {
            let problem = Problem::new(name.span, format!("`{}` is both required and optional", name.value));
            self.tell(problem.help("write it in one of the two"));
        }
        for (name, value) in &items.given.0 {
            let fits = items.type_of(&name.value).is_some_and(|kind| kind.takes(&value.0));
            if !fits || name.value == items.key {
                let problem = Problem::new(name.span, format!("`{}` cannot be given so", name.value));
                self.tell(problem.help("give a field of `fields` or `optional` a value of its type"));
            }
        }
        if let Some(states) = &items.states {
            self.states(states);
        }
        self.unique("log", &items.logs);
        for log in items.logs.iter().filter(|log| log.value == "history" || log.value.contains('/')) {
            let problem = Problem::new(log.span, format!("no log can be called `{}`", log.value));
            self.tell(problem.help("`history` is that of the states: write another name"));
        }
        if items.most == 0 || items.most > MOST_KEPT || items.starts_with.len() as u64 > u64::from(items.most)
        {
            let problem = Problem::new(path.span, "a collection that holds too few or too many");
            self.tell(
                problem.help(format!("write `most:` from 1 to {MOST_KEPT}, with room for `starts_with`")),
            );
        }
        self.first_items(items);
    }

    fn states(&mut self, states: &States) {
        if states.steps.0.is_empty() {
            let problem = Problem::new(states.span, "states of which there is none");
            self.tell(problem.help("write `steps: { queued: [done], done: [] }`"));
        }
        for next in states.steps.0.iter().flat_map(|(_, next)| next) {
            self.refers(next, "state", states.steps.names());
        }
    }

    fn first_items(&mut self, items: &Items) {
        let mut keys: Vec<&str> = Vec::new();
        for first in &items.starts_with {
            let wrong = match first.value.0.as_object() {
                None => Some("is no map".to_owned()),
                Some(item) => {
                    items.wrong_field(item).map(|(field, why)| format!("cannot be: `{field}` {why}"))
                }
            };
            let key = first.value.0.get(&items.key).and_then(|key| key.as_str());
            let twice = key.is_some_and(|key| keys.contains(&key));
            keys.extend(key);
            let twice = twice.then(|| "has the key of one before it".to_owned());
            let state = items.states.as_ref().and_then(|states| {
                let state = first.value.0.get(&states.field)?.as_str()?;
                (!states.knows(state)).then(|| format!("is in a state that is none: `{state}`"))
            });
            if let Some(why) = wrong.or(twice).or(state) {
                let problem = Problem::new(first.span, format!("an item of the start {why}"));
                self.tell(problem.help("write what `fields`, `optional` and `states` allow"));
            }
        }
    }
}

/// Whether one of two paths begins with the other.
fn overlap(one: &Resource, other: &Resource) -> bool {
    one.segments().zip(other.segments()).all(|(left, right)| left == right)
}
