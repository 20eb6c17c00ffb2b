//! The world: what its parts refer to, and what contradicts itself.

use crate::check::{Checker, phases};
use dialect::Dialect;

use crate::model::{
    Condition, ConnectionFate, Deed, Field, Framing, ModelSettings, Plan, Protocol, Reply, RouterSettings,
    ServiceSettings, Subject, Tenant, Upstream,
};
use crate::problem::Problem;
use crate::read::{At, Named};

/// More processes than this belong to no single machine.
const MOST_INSTANCES: u32 = 16;

impl<'a> Checker<'a> {
    pub(super) fn world(&mut self) {
        let world = &self.scenario.world;
        for (_, upstream) in &world.upstreams.0 {
            self.upstream(upstream);
        }
        self.router(&world.router);
        for (_, tenant) in &world.tenants.0 {
            self.tenant(tenant);
        }
        self.environment();
        if let Some(health) = world.router.health.as_ref().filter(|health| health.every.is_zero()) {
            let problem = Problem::new(health.span, "health checks without a pause");
            self.tell(problem.help("write for example `health: { every: 1s }`"));
        }
        if world.router.instances.is_some_and(|instances| !(1..=MOST_INSTANCES).contains(&instances)) {
            self.tell(
                Problem::new(world.router.span, "a number of instances that no run can start")
                    .help(format!("write `instances:` from 1 to {MOST_INSTANCES}, or leave it out for one")),
            );
        }
    }

    /// What holds while a phase runs needs a phase.
    pub(super) fn phases_of_timelines(&mut self) {
        let scenario = self.scenario;
        let timelines = scenario.world.upstreams.0.iter().flat_map(|(_, upstream)| &upstream.timeline);
        for during in timelines.filter_map(|entry| entry.during.as_ref()) {
            self.refers(during, "phase", phases(scenario));
        }
    }

    /// The variables of the target's environment: each is set once, and has a name that one can have.
    fn environment(&mut self) {
        let world = &self.scenario.world;
        let keys = world.upstreams.0.iter().flat_map(|(_, upstream)| &upstream.keys.0);
        let of_keys = keys.filter_map(|key| key.settings.variable.as_ref());
        let own = world.router.environment.0.iter().map(|(name, _)| name);
        let all: Vec<&At<String>> = of_keys.chain(own).collect();
        for name in &all {
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let sound = name.value.starts_with(|c: char| letters(c) && !c.is_ascii_digit());
            if !sound || !name.value.chars().all(letters) {
                let problem = Problem::new(name.span, format!("`{}` is no name of a variable", name.value));
                self.tell(problem.help("write letters, digits and `_`: `OPENAI_API_KEY_2`"));
            }
        }
        self.unique("variable", all);
    }

    /// The models of the router as it is set up at first, or as a reload sets it up.
    pub(super) fn router(&mut self, router: &RouterSettings) {
        for (name, model) in &router.models.0 {
            self.model(&name.value, model, &router.models);
        }
        for (_, service) in &router.services.0 {
            self.service(service);
        }
    }

    fn service(&mut self, service: &ServiceSettings) {
        let upstreams = &self.scenario.world.upstreams;
        if service.pools.is_empty() {
            let problem = Problem::new(service.span, "a service that nobody serves");
            self.tell(problem.help("write `pools: [{ pool: UPSTREAM }]`"));
        }
        if !service.path.value.starts_with('/') {
            let message = format!("the path `{}` does not begin with `/`", service.path.value);
            self.tell(Problem::new(service.path.span, message).help("write for example `path: /orders`"));
        }
        for entry in &service.pools {
            self.refers(&entry.pool, "upstream", upstreams.names());
            if upstreams.get(&entry.pool.value).is_some_and(|found| !found.dialect.is_service()) {
                let message = format!("`{}` is a provider of models and no service", entry.pool.value);
                let help = "a service needs upstreams with `dialect: http` or `dialect: rest`";
                self.tell(Problem::new(entry.pool.span, message).help(help));
            }
        }
        for name in service.rules.iter().flat_map(|rule| &rule.pools) {
            self.refers(
                name,
                "pool of this service",
                service.pools.iter().map(|entry| entry.pool.value.as_str()),
            );
        }
        if let Some(rule) = service.rules.iter().find(|rule| rule.pools.is_empty()) {
            self.tell(
                Problem::new(rule.span, "a rule that lets nobody serve").help("write `pools: [UPSTREAM]`"),
            );
        }
        let of_apis = service.pools.iter().flat_map(|entry| &entry.limits);
        service.limits.iter().chain(of_apis).for_each(|limit| limit.check(self.problems));
    }

    fn model(&mut self, name: &str, model: &ModelSettings, models: &Named<ModelSettings>) {
        let world = &self.scenario.world;
        model.check(self.problems);
        for upstream in model.upstreams() {
            self.refers(upstream, "upstream", world.upstreams.names());
            let service =
                world.upstreams.get(&upstream.value).is_some_and(|found| found.dialect.is_service());
            if service {
                let problem = Problem::new(
                    upstream.span,
                    format!("`{}` is a service and serves no model", upstream.value),
                );
                self.tell(problem.help("a model needs an upstream with the dialect of a provider"));
            }
        }
        for other in model.fallbacks.iter().chain(&model.larger).chain(&model.lenient) {
            self.refers(other, "model of the router", models.names());
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

    /// A real service takes the place of a simulated one that is sent to directly, and of nothing else; and no key that was made up
    /// here is for it.
    fn real_service(&mut self, upstream: &'a Upstream) {
        let Some(variable) = &upstream.url_from else {
            if upstream.url.is_some() {
                let problem = Problem::new(upstream.span, "a real service that no variable is named for");
                self.tell(problem.help("write `url_from: SERVICE_URL` beside `url:`"));
            }
            return;
        };
        if let Protocol::Llm(_) = upstream.dialect {
            let problem = Problem::new(variable.span, "a provider that a real service takes the place of");
            self.tell(problem.help(
                "only a service that is no model, `dialect: http` or `rest`, is sent to directly, with `at:`",
            ));
        }
        if !upstream.keys.0.is_empty() {
            let problem = Problem::new(variable.span, "simulated keys for a real service");
            self.tell(
                problem.help("leave out `keys:` or `url_from:`: what is made up here goes to nobody else"),
            );
        }
    }

    fn upstream(&mut self, upstream: &'a Upstream) {
        for plan in &upstream.plans {
            self.plan(plan, upstream);
        }
        upstream.latency.check(self.problems);
        if let Some(keep_alive) = &upstream.keep_alive {
            keep_alive.check(self.problems);
        }
        self.kept(upstream);
        upstream.reply.check(self.problems);
        self.reply(&upstream.reply, upstream);
        if upstream.reply.error.is_some() {
            let problem = Problem::new(upstream.reply.span, "an error as the normal answer");
            self.tell(problem.help("write it under `script:`, with a name that evidence can show"));
        }
        self.real_service(upstream);
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
            if let Some(fate) = &entry.connection {
                self.refused_by_choice(fate);
            }
        }
        for entry in &upstream.timeline {
            entry.check(self.problems);
            self.when(entry.when.as_ref(), upstream);
            self.deed(entry.deed(), upstream);
            if let (Some(fate), true) = (&entry.connection, entry.when.is_some()) {
                self.refused_by_choice(fate);
            }
        }
        let script = upstream.script.iter().map(|entry| &entry.name);
        self.unique("entry", script.chain(upstream.plans.iter().map(|plan| &plan.name)));
    }

    fn plan(&mut self, plan: &Plan, upstream: &Upstream) {
        plan.check(self.problems);
        plan.reply.check_of_plan(self.problems);
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
            Some(Deed::Stream(stream)) if upstream.dialect.is_service() => {
                let problem = Problem::new(stream.span, "a service that is no model sends no stream");
                self.tell(problem.help("break its connection: `connection: reset_in_body`"));
            }
            Some(Deed::Stream(stream)) => {
                stream.of.iter().for_each(|reply| self.reply(reply, upstream));
            }
            Some(Deed::Connection(_)) | None => {}
        }
    }

    /// A connection is refused before anything is known of a request.
    fn refused_by_choice(&mut self, fate: &At<ConnectionFate>) {
        if fate.value == ConnectionFate::Refuse {
            let problem = Problem::new(fate.span, "connections refused to certain requests");
            self.tell(problem.help(
                "an upstream that refuses connections sees no request: write it under `timeline:`, without `when:`",
            ));
        }
    }

    /// A service speaks no dialect, and so has no errors by name.
    fn reply(&mut self, reply: &Reply, upstream: &Upstream) {
        let own = reply.span != crate::Span::default();
        let strangers = reply.shape().framing.0.contains(&Framing::Strangers);
        if strangers && upstream.dialect == Protocol::Llm(Dialect::Ollama) {
            let problem =
                Problem::new(reply.span, "events of an unknown type in lines of JSON, which have no types");
            self.tell(
                problem.help("leave `strangers` out: no client of `ollama` takes a line without a message"),
            );
        }
        if upstream.dialect.is_service() && own {
            let llm = reply.usage.is_some()
                || !reply.tools.is_empty()
                || reply.finish.is_some()
                || reply.stream.is_some();
            if let Some(error) = reply.error {
                let message = format!("a service that is no model has no error `{}`", error.word());
                let help = "write the status and the body of its own: `status: 429`, `body: ...`";
                self.tell(Problem::new(reply.span, message).help(help));
            } else if llm {
                let problem = Problem::new(reply.span, "an answer of a model from a service that is none");
                self.tell(problem.help("write `status:`, `headers:` and `body:`"));
            }
        }
    }

    pub(super) fn when(&mut self, when: Option<&Condition>, upstream: &Upstream) {
        let Some(when) = when else { return };
        self.condition(when, Subject::Requests);
        let Some(test) = when.test_of(Field::Key) else { return };
        for label in test.names() {
            let label = At { value: label.to_owned(), span: test.span };
            self.refers(&label, "key of this upstream", upstream.keys.labels());
        }
    }
}
