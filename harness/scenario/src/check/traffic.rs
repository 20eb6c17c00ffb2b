//! The traffic: what it sends and to whom, what accompanies what, and what it captures before it is used.

use crate::check::Checker;
use crate::json_path;
use crate::model::{
    Capture, ClientKind, Data, Disconnect, Errand, InTurn, Manner, Operate, Operation, Phase, Request,
    RowClaim, Schedule, Seen, Step, Subject, Traffic,
};
use crate::node::{Node, Span, Value};
use crate::problem::Problem;
use crate::read::At;
use crate::template::Template;

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
            if let Some(Errand::Converse(talk)) = entry.errand() {
                self.refers(&talk.like, "request", scenario.requests.names());
                if talk.turns.is_empty() {
                    self.tell(
                        Problem::new(talk.span, "a conversation in which nothing is said")
                            .help("write for example `turns: [hello, and then?]`"),
                    );
                }
            }
            self.uses_of_captures(entry, &captured);
            if let Some(manner) = entry.manner() {
                self.manner(manner);
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

    fn step(&mut self, step: &Step) {
        if matches!(step.errand, Errand::Raw(_)) && step.manner.client != ClientKind::Plain {
            self.tell(
                Problem::new(step.manner.span, "raw bytes of a client that tries again by itself")
                    .help("leave `client:` out: no library sends bytes that it did not write"),
            );
        }
        for (_, capture) in &step.capture.0 {
            if let Capture::Json(path) = capture {
                json_path::check(&path.value, path.span, self.problems);
            }
        }
    }

    fn phase(&mut self, phase: &Phase) {
        self.beside(phase.beside.as_ref(), &phase.name);
        if let Schedule::Replay(file) = &phase.schedule {
            self.replay(&file.text, file.path.span);
        }
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
    fn beside(&mut self, beside: Option<&At<String>>, own: &At<String>) {
        let Some(beside) = beside else { return };
        let leading = self.scenario.traffic.iter().filter_map(|entry| match entry {
            Traffic::Phase(phase) if phase.beside.is_none() => Some(phase.name.value.as_str()),
            _ => None,
        });
        let leading: Vec<&str> = leading.filter(|name| *name != own.value).collect();
        self.refers(beside, "phase that runs by itself", leading);
    }

    fn manner(&mut self, manner: &Manner) {
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

    /// What is captured must be captured before it is used.
    fn uses_of_captures(&mut self, entry: &Traffic, captured: &[&At<String>]) {
        let mut uses: Vec<(String, Span)> = Vec::new();
        for request in entry.requests(&self.scenario.requests) {
            uses_in_request(&request, &mut uses);
        }
        match entry {
            Traffic::Exec(exec) => {
                let named = exec.env.0.iter().chain(&exec.files.0).map(|(_, template)| template);
                for template in exec.command.iter().chain(named) {
                    uses_in(template, exec.span, &mut uses);
                }
            }
            Traffic::Step(step) => match &step.errand {
                Errand::Raw(Data::Text(template)) => uses_in(template, step.span, &mut uses),
                Errand::Converse(talk) => {
                    for turn in &talk.turns {
                        if let Data::Text(template) = turn {
                            uses_in(template, talk.span, &mut uses);
                        }
                    }
                }
                _ => {}
            },
            _ => {}
        }
        for (name, span) in uses {
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

fn uses_in(template: &Template, span: Span, uses: &mut Vec<(String, Span)>) {
    uses.extend(template.names_of("captured").into_iter().map(|name| (name, span)));
}

/// A text that is read as a template only when it is used.
fn uses_in_text(text: &str, span: Span, uses: &mut Vec<(String, Span)>) {
    // One that is none was told when the braces were looked at.
    if let Ok(template) = Template::parse(text) {
        uses_in(&template, span, uses);
    }
}

fn uses_in_request(request: &Request, uses: &mut Vec<(String, Span)>) {
    let span = request.span;
    for data in [&request.prompt, &request.system, &request.raw_body].into_iter().flatten() {
        if let Data::Text(template) = data {
            uses_in(template, span, uses);
        }
    }
    let named = request.headers.0.iter().map(|(_, template)| template);
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

fn uses_in_node(node: &Node, uses: &mut Vec<(String, Span)>) {
    match &node.value {
        Value::Text(text) => uses_in_text(text, node.span, uses),
        Value::List(items) => items.iter().for_each(|item| uses_in_node(item, uses)),
        Value::Map(entries) => entries.iter().for_each(|entry| uses_in_node(&entry.node, uses)),
        Value::Null | Value::Flag(_) | Value::Int(_) | Value::Float(_) => {}
    }
}
