//! The world: what its parts refer to, and what contradicts itself.

use crate::check::{Checker, phases};
use crate::model::{Condition, Deed, Field, ModelSettings, Plan, Protocol, Reply, Subject, Tenant, Upstream};
use crate::problem::Problem;
use crate::read::At;

/// More processes than this belong to no single machine.
const MOST_INSTANCES: u32 = 16;

impl<'a> Checker<'a> {
    pub(super) fn world(&mut self) {
        let world = &self.scenario.world;
        for (_, upstream) in &world.upstreams.0 {
            self.upstream(upstream);
        }
        for (name, model) in &world.router.models.0 {
            self.model(&name.value, model);
        }
        for (_, tenant) in &world.tenants.0 {
            self.tenant(tenant);
        }
        if world.router.instances.is_some_and(|instances| !(1..=MOST_INSTANCES).contains(&instances)) {
            self.tell(
                Problem::new(world.router.span, "a number of instances that no run can start")
                    .help(format!("write `instances:` from 1 to {MOST_INSTANCES}, or leave it out for one")),
            );
        }
    }

    fn model(&mut self, name: &str, model: &ModelSettings) {
        let world = &self.scenario.world;
        model.check(self.problems);
        for upstream in model.upstreams() {
            self.refers(upstream, "upstream", world.upstreams.names());
            let service =
                world.upstreams.get(&upstream.value).is_some_and(|found| found.dialect == Protocol::Http);
            if service {
                let problem = Problem::new(
                    upstream.span,
                    format!("`{}` is a service and serves no model", upstream.value),
                );
                self.tell(problem.help("a model needs an upstream with the dialect of a provider"));
            }
        }
        for other in model.fallbacks.iter().chain(&model.larger).chain(&model.lenient) {
            self.refers(other, "model of the router", world.router.models.names());
            if other.value == name && model.fallbacks.len() == 1 {
                self.tell(
                    Problem::new(other.span, format!("`{name}` falls back to itself alone"))
                        .help("name another model, or write `retries:` for more tries of this one"),
                );
            }
        }
    }

    fn tenant(&mut self, tenant: &Tenant) {
        for model in &tenant.models {
            self.refers(model, "model of the router", self.scenario.world.router.models.names());
        }
        tenant.limits.iter().for_each(|limit| limit.check(self.problems));
        if tenant.budget_per.is_some_and(|per| per.is_zero()) {
            self.tell(
                Problem::new(tenant.span, "a budget that is fresh at all times")
                    .help("write for example `budget_per: 24h`, or leave the budget out"),
            );
        }
        if tenant.budget_per.is_some() && tenant.budget.is_none() {
            self.tell(
                Problem::new(tenant.span, "`budget_per` without a budget").help("write `budget: 10 USD`"),
            );
        }
    }

    fn upstream(&mut self, upstream: &'a Upstream) {
        let scenario = self.scenario;
        for plan in &upstream.plans {
            self.plan(plan, upstream);
        }
        upstream.reply.check(self.problems);
        self.reply(&upstream.reply, upstream);
        if upstream.reply.error.is_some() {
            let problem = Problem::new(upstream.reply.span, "an error as the normal answer");
            self.tell(problem.help("write it under `script:`, with a name that evidence can show"));
        }
        if let (Some(variable), Protocol::Llm(_)) = (&upstream.url_from, upstream.dialect) {
            let problem = Problem::new(variable.span, "a provider that a real service takes the place of");
            self.tell(
                problem.help(
                    "only a service that is no model, `dialect: http`, is sent to directly, with `at:`",
                ),
            );
        }
        for key in &upstream.keys.0 {
            if let Some(other) = &key.settings.same_as {
                self.refers(other, "key of this upstream", upstream.keys.labels());
                if other.value == key.label.value {
                    self.tell(
                        Problem::new(other.span, "a key that repeats itself")
                            .help("name the key whose secret it is given again"),
                    );
                }
            }
        }
        if let Some(plan) = &upstream.signals.plan {
            self.refers(
                plan,
                "plan of this upstream",
                upstream.plans.iter().map(|plan| plan.name.value.as_str()),
            );
        }
        for entry in &upstream.script {
            entry.check(self.problems);
            self.when(entry.when.as_ref(), upstream);
            self.deed(entry.deed(), upstream);
        }
        for entry in &upstream.timeline {
            entry.check(self.problems);
            self.when(entry.when.as_ref(), upstream);
            self.deed(entry.deed(), upstream);
            if let Some(during) = &entry.during {
                self.refers(during, "phase", phases(scenario));
            }
        }
        let script = upstream.script.iter().map(|entry| &entry.name);
        self.unique("entry", script.chain(upstream.plans.iter().map(|plan| &plan.name)));
    }

    fn plan(&mut self, plan: &Plan, upstream: &Upstream) {
        plan.check(self.problems);
        plan.reply.check(self.problems);
        self.reply(&plan.reply, upstream);
        for key in &plan.keys {
            self.refers(key, "key of this upstream", upstream.keys.labels());
        }
        if plan.shared && !plan.keys.is_empty() && plan.keys.len() < 2 {
            self.tell(
                Problem::new(plan.span, "a plan that one key shares with nobody")
                    .help("name more keys, or leave `shared` out"),
            );
        }
    }

    fn deed(&mut self, deed: Option<Deed<'_>>, upstream: &Upstream) {
        match deed {
            Some(Deed::Reply(reply)) => self.reply(reply, upstream),
            Some(Deed::Loop(replies)) => replies.iter().for_each(|reply| self.reply(reply, upstream)),
            Some(Deed::Stream(stream)) if upstream.dialect == Protocol::Http => {
                let problem = Problem::new(stream.span, "a service that is no model sends no stream");
                self.tell(problem.help("break its connection: `connection: reset_in_body`"));
            }
            Some(Deed::Stream(_) | Deed::Connection(_)) | None => {}
        }
    }

    /// A service speaks no dialect, and so has no errors by name.
    fn reply(&mut self, reply: &Reply, upstream: &Upstream) {
        let own = reply.span != crate::Span::default();
        if upstream.dialect == Protocol::Http && own {
            let llm = reply.usage.is_some()
                || !reply.tools.is_empty()
                || reply.finish.is_some()
                || reply.stream.is_some();
            if llm {
                let problem = Problem::new(reply.span, "an answer of a model from a service that is none");
                self.tell(problem.help("write `status:`, `headers:` and `body:`"));
            }
        }
    }

    fn when(&mut self, when: Option<&Condition>, upstream: &Upstream) {
        let Some(when) = when else { return };
        self.condition(when, Subject::Requests);
        let Some(test) = when.test_of(Field::Key) else { return };
        for label in test.names() {
            let label = At { value: label.to_owned(), span: test.span };
            self.refers(&label, "key of this upstream", upstream.keys.labels());
        }
    }
}
