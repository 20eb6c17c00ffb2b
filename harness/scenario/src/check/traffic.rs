//! The traffic: what it sends and to whom, what accompanies what, and what it captures before it is used.

use std::time::Duration;

use crate::check::Checker;
use crate::json_path;
use crate::model::{
    Against, Capture, ClientKind, Credential, Data, Disconnect, Errand, Get, InTurn, Manner, Operate,
    Operation, Phase, Request, RowClaim, Schedule, Seen, Step, Subject, Traffic,
};
use crate::node::{Node, Span, Value};
use crate::problem::Problem;
use crate::read::At;
use crate::template::Template;

/// An operation that follows itself sooner would be the load, and not what is done beside it.
const SHORTEST_BETWEEN_OPERATIONS: Duration = Duration::from_millis(10);

impl Checker<'_> {
    pub(super) fn requests(&mut self) {
        for (_, request) in &self.scenario.requests.0 {
            request.check(self.problems);
            self.request(request.model.as_ref(), request.tenant.as_ref());
        }
    }

    fn request(&mut self, model: Option<&At<String>>, tenant: Option<&InTurn>) {
        let world = &self.scenario.world;
        // A model that no router serves can be asked for: that is what some rules are about. It is written with a `?`.
        if let Some(model) = model.filter(|model| !model.value.ends_with('?') && !model.value.contains("{{"))
        {
            let known = world.router.models.names();
            if !world.router.models.names().any(|name| name == model.value) {
                let problem =
                    Problem::new(model.span, format!("no model of the router is called `{}`", model.value));
                self.tell(problem.nearest_or(
                    &model.value,
                    known,
                    "to ask for a model that nobody serves, end its name with `?`",
                ));
            }
        }
        for name in tenant.iter().flat_map(|tenant| &tenant.0) {
            self.refers(name, "tenant", world.tenants.names());
        }
    }

    pub(super) fn traffic(&mut self) {
        let scenario = self.scenario;
        self.unique("step or phase", scenario.traffic.iter().filter_map(Traffic::name));
        let mut captured: Vec<&At<String>> = Vec::new();
        for entry in &scenario.traffic {
            for variation in entry.sends().into_iter().flat_map(|send| &send.cycle) {
                self.refers(&variation.like, "request", scenario.requests.names());
                self.request(variation.model.as_ref(), variation.tenant.as_ref());
            }
            if let Some(Errand::Get(get)) = entry.errand() {
                self.get(get);
            }
            if let Some(Errand::Converse(talk)) = entry.errand() {
                self.refers(&talk.like, "request", scenario.requests.names());
                if talk.turns.is_empty() {
                    self.tell(
                        Problem::new(talk.span, "a conversation in which nothing is said")
                            .help("write for example `turns: [hello, and then?]`"),
                    );
                }
            }
            self.uses_of_names(entry, &captured);
            if let Some(manner) = entry.manner() {
                self.manner(manner, entry.errand());
            }
            match entry {
                Traffic::Step(step) => {
                    self.step(step);
                    captured.extend(step.capture.0.iter().map(|(name, _)| name));
                }
                Traffic::Phase(phase) => self.phase(phase),
                Traffic::Operate(operate) => self.operate(operate),
                Traffic::WaitUntil(wait) => match &wait.seen {
                    Seen::Rows(claim) => {
                        self.row_claim(claim);
                        self.can_be_waited_for(claim);
                    }
                    Seen::Answers(_, status) if !(100..=599).contains(status) => {
                        let message = format!("{status} is no status of a reply");
                        self.tell(Problem::new(wait.span, message).help("write for example `status: 200`"));
                    }
                    Seen::Answers(..) => {}
                },
                Traffic::Exec(exec) => {
                    if exec.command.is_empty() {
                        self.tell(
                            Problem::new(exec.span, "a program without a name")
                                .help("write `command: [curl, ...]`"),
                        );
                    }
                }
                Traffic::Pause(_) => {}
            }
        }
    }

    /// What is read when the traffic is over is not there while it runs.
    fn can_be_waited_for(&mut self, claim: &RowClaim) {
        if matches!(claim.subject, Subject::Ledger | Subject::Metrics | Subject::Process) {
            let message = format!("`wait_until` that looks at `{}`", claim.subject.word());
            let help = "it is read when the traffic is over: wait for `exchanges`, `attempts` or `log`, or expect it of the whole";
            self.tell(Problem::new(claim.span, message).help(help));
        }
    }

    /// What is asked for in someone's name cannot be asked for in nobody's.
    fn get(&mut self, get: &Get) {
        for name in get.tenant.iter().flat_map(|tenant| &tenant.0) {
            self.refers(name, "tenant", self.scenario.world.tenants.names());
            if get.credential.is_some_and(|credential| credential != Credential::Usual) {
                let problem =
                    Problem::new(name.span, "a tenant beside a credential that is not the tenant's");
                self.tell(problem.help("leave `tenant` or `credential` out"));
            }
        }
    }

    fn step(&mut self, step: &Step) {
        for (_, capture) in &step.capture.0 {
            if let Capture::Json(path) = capture {
                json_path::check(&path.value, path.span, self.problems);
            }
        }
        if step.manner.against == Some(Against::Paired) {
            let problem = Problem::new(step.manner.span, "a step that is sent in pairs");
            self.tell(problem.help("only phases are: write `phase: NAME` with a schedule"));
        }
    }

    fn phase(&mut self, phase: &Phase) {
        self.beside(phase.beside.as_ref(), Some(&phase.name));
        if let Schedule::Replay(file) = &phase.schedule {
            self.replay(&file.text, file.path.span);
        }
        if phase.manner.against == Some(Against::Paired) {
            self.pairs(phase);
        }
    }

    /// What is sent in pairs is sent once each way, and nothing else of it.
    fn pairs(&mut self, phase: &Phase) {
        let (message, help) = match &phase.schedule {
            Schedule::Flow(_) => ("pairs in a flow", "its users say themselves what comes after what"),
            _ if !matches!(phase.errand, Some(Errand::Send(_))) => {
                ("pairs of what is no request to a model", "write `send: REQUEST`")
            }
            _ if phase.manner.client != ClientKind::Plain => (
                "pairs of a client that tries again by itself",
                "leave `client:` out: each of a pair is sent once",
            ),
            _ => return,
        };
        self.tell(Problem::new(phase.manner.span, message).help(help));
    }

    fn replay(&mut self, text: &str, span: Span) {
        // One that could not be read was told as a file.
        if text.is_empty() {
            return;
        }
        if let Err(message) = crate::replay::offsets(text) {
            let help = "a trace is a YAML list of durations since the phase's start: `[0ms, 10ms, 12ms]`";
            self.tell(Problem::new(span, message).help(help));
        }
    }

    /// A phase can only accompany one that runs by itself: a chain of companions would have no end of its own.
    fn beside(&mut self, beside: Option<&At<String>>, own: Option<&At<String>>) {
        let Some(beside) = beside else { return };
        let leading = self.scenario.traffic.iter().filter_map(|entry| match entry {
            Traffic::Phase(phase) if phase.beside.is_none() => Some(phase.name.value.as_str()),
            _ => None,
        });
        let leading: Vec<&str> = leading.filter(|name| own.is_none_or(|own| *name != own.value)).collect();
        self.refers(beside, "phase that runs by itself", leading);
    }

    fn manner(&mut self, manner: &Manner, errand: Option<&Errand>) {
        if matches!(errand, Some(Errand::Raw(_))) && manner.client != ClientKind::Plain {
            self.tell(
                Problem::new(manner.span, "raw bytes of a client that tries again by itself")
                    .help("leave `client:` out: no library sends bytes that it did not write"),
            );
        }
        if manner.write.as_ref().is_some_and(|write| write.bytes.bytes == 0 || write.every.is_zero()) {
            self.tell(
                Problem::new(manner.span, "a client that writes nothing, or all at once")
                    .help("write for example `write: { bytes: 1B, every: 100ms }`"),
            );
        }
        let world = &self.scenario.world;
        let instances = world.router.instances.unwrap_or(1);
        if manner.read.as_ref().is_some_and(|read| read.bytes.bytes == 0 || read.every.is_zero()) {
            self.tell(
                Problem::new(manner.span, "a client that reads nothing, or all at once")
                    .help("write for example `read: { bytes: 100B, every: 50ms }`"),
            );
        }
        if matches!(&manner.disconnect, Some(Disconnect::Share(share)) if share.millionths > 1_000_000) {
            self.tell(
                Problem::new(manner.span, "a client that leaves after more than all of the answer")
                    .help("write a share up to 100%"),
            );
        }
        if let Some(via) = manner.via.as_ref() {
            self.instance(via, instances);
        }
        if let Some(at) = &manner.at {
            self.refers(at, "upstream", world.upstreams.names());
        }
    }

    fn instance(&mut self, instance: &At<u32>, instances: u32) {
        if !(1..=instances).contains(&instance.value) {
            let message = format!("no instance {} of the target", instance.value);
            let help = match instances {
                1 => "there is one; write `instances: 2` under `world.router` for two".to_owned(),
                _ => format!("there are {instances}, counted from 1"),
            };
            self.tell(Problem::new(instance.span, message).help(help));
        }
    }

    fn operate(&mut self, operate: &Operate) {
        let world = &self.scenario.world;
        if let Some(instance) = &operate.instance {
            self.instance(instance, world.router.instances.unwrap_or(1));
        }
        if let Some(router) = &operate.router {
            self.router(router);
            if operate.operate.value != Operation::Reload {
                let message = format!("settings for `{}`", operate.operate.value.word());
                let help = "only `operate: reload` gives the target other settings";
                self.tell(Problem::new(router.span, message).help(help));
            }
        }
        self.operate_beside(operate);
        let on_key = matches!(operate.operate.value, Operation::DisableKey | Operation::EnableKey);
        match (&operate.upstream, &operate.key) {
            (Some(upstream), Some(key)) if on_key => {
                self.refers(upstream, "upstream", world.upstreams.names());
                let keys: Vec<&str> = world
                    .upstreams
                    .get(&upstream.value)
                    .map_or_else(Vec::new, |found| found.keys.labels().collect());
                self.refers(key, "key of this upstream", keys);
            }
            (None, None) if !on_key => {}
            _ if on_key => {
                let message = format!("`{}` without a key", operate.operate.value.word());
                self.tell(Problem::new(operate.span, message).help("write `upstream: NAME, key: LABEL`"));
            }
            _ => {
                let message =
                    format!("`{}` is done to the target, not to a key", operate.operate.value.word());
                self.tell(Problem::new(operate.span, message).help("leave `upstream` and `key` out"));
            }
        }
    }

    /// An operation while a phase runs must say which one.
    fn operate_beside(&mut self, operate: &Operate) {
        match &operate.beside {
            Some(_) => self.beside(operate.beside.as_ref(), None),
            None if operate.every.is_some() || !operate.after.is_zero() => {
                let problem = Problem::new(operate.span, "a time within a phase, and no phase");
                self.tell(problem.help("write `beside: PHASE`, or `pause:` before the operation"));
            }
            None => {}
        }
        if operate.every.is_some_and(|every| every < SHORTEST_BETWEEN_OPERATIONS) {
            let problem = Problem::new(operate.span, "an operation again and again without a pause");
            self.tell(problem.help("write for example `every: 500ms`; 10 ms is the least"));
        }
    }

    /// The names that are known only when something is sent.
    fn uses_of(&self, entry: &Traffic) -> Vec<Use> {
        let mut uses = Vec::new();
        for request in entry.requests(&self.scenario.requests) {
            uses_in_request(&request, &mut uses);
        }
        if let Some(Errand::Raw(Data::Text(template))) = entry.errand() {
            let span = entry.name().map_or_else(Span::default, |name| name.span);
            uses_in(template, span, &mut uses);
        }
        if let Traffic::Exec(exec) = entry {
            let named = exec.env.0.iter().chain(&exec.files.0).map(|(_, template)| template);
            for template in exec.command.iter().chain(named) {
                uses_in(template, exec.span, &mut uses);
            }
        }
        if let Some(Errand::Converse(talk)) = entry.errand() {
            for turn in &talk.turns {
                if let Data::Text(template) = turn {
                    uses_in(template, talk.span, &mut uses);
                }
            }
        }
        uses
    }

    /// What is captured must be captured before it is used, and what has an address must be there.
    fn uses_of_names(&mut self, entry: &Traffic, captured: &[&At<String>]) {
        for Use { root, name, span } in self.uses_of(entry) {
            if root == "upstream" {
                let name = At { value: name, span };
                self.refers(&name, "upstream", self.scenario.world.upstreams.names());
                continue;
            }
            if root == "scenario" && name != "folder" {
                let problem = Problem::new(span, format!("`scenario.{name}` is nothing that is known"));
                self.tell(problem.help("write `scenario.folder` for the folder of this file"));
            }
            if root != "captured" {
                continue;
            }
            if !captured.iter().any(|known| known.value == name) {
                let problem = Problem::new(span, format!("`captured.{name}` is used before it is set"));
                let known = captured.iter().map(|known| known.value.as_str());
                // A request stands elsewhere, and another step may send it when it can be.
                let from_requests = self.scenario.requests.0.iter().any(|(_, request)| request.holds(span));
                let problem = match entry.name().filter(|_| from_requests) {
                    Some(name) => problem.also(name.span, "sent here"),
                    None => problem,
                };
                self.tell(problem.nearest_or(
                    &name,
                    known,
                    "a step before this one must say `capture: { NAME: ... }`",
                ));
            }
        }
    }
}

/// A use of a name that is known only when something is sent.
struct Use {
    root: &'static str,
    name: String,
    span: Span,
}

fn uses_in(template: &Template, span: Span, uses: &mut Vec<Use>) {
    for root in ["captured", "upstream", "scenario"] {
        uses.extend(template.names_of(root).into_iter().map(|name| Use { root, name, span }));
    }
}

/// A text that is read as a template only when it is used.
fn uses_in_text(text: &str, span: Span, uses: &mut Vec<Use>) {
    // One that is none was told when the braces were looked at.
    if let Ok(template) = Template::parse(text) {
        uses_in(&template, span, uses);
    }
}

fn uses_in_request(request: &Request, uses: &mut Vec<Use>) {
    let span = request.span;
    for data in [&request.prompt, &request.system, &request.raw_body].into_iter().flatten() {
        if let Data::Text(template) = data {
            uses_in(template, span, uses);
        }
    }
    let named = request.headers.0.iter().chain(&request.query.0).map(|(_, template)| template);
    for template in [&request.session, &request.path].into_iter().flatten().chain(named) {
        uses_in(template, span, uses);
    }
    if let Some(model) = &request.model {
        uses_in_text(&model.value, model.span, uses);
    }
    if let Some(body) = &request.body {
        uses_in_node(body, uses);
    }
}

fn uses_in_node(node: &Node, uses: &mut Vec<Use>) {
    match &node.value {
        Value::Text(text) => uses_in_text(text, node.span, uses),
        Value::List(items) => items.iter().for_each(|item| uses_in_node(item, uses)),
        Value::Map(entries) => entries.iter().for_each(|entry| uses_in_node(&entry.node, uses)),
        Value::Null | Value::Flag(_) | Value::Int(_) | Value::Float(_) => {}
    }
}
