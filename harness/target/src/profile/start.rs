//! How a profile says that its target is started or where it runs already, how it is seen to be ready, and how it is stopped.

use std::path::{Component, Path};
use std::time::Duration;

use scenario::{At, Named, Problem, ServiceUrl, Span, part, words};

use crate::profile::{CommandLine, Templated, UrlPath};

part! {
    /// How a target is started and stopped.
    "the start" => Start {
        /// Whether each scenario gets an instance of its own. For example `mode: shared`.
        mode: Mode = Mode::Fresh,
        /// How many scenarios share an instance at most, with `shared`; 40 if missing. For example `lanes: 12`.
        lanes: Option<At<u32>>,
        /// How many scenarios run at once against it where nobody says `--test-threads`: fewer for a target that is slow, so that
        /// its slowness is not taken for the lateness of a busy machine. For example `at_once: 4`.
        at_once: Option<At<u32>>,
        /// The process that is the target. For example `process: { command: [my-router, --port, "{{ port }}"] }`.
        process: Option<ProcessStart>,
        /// Where the target is that runs already, in place of `process`: nothing is started or stopped.
        /// For example `url: { variable: ROUTER_URL, default: "http://localhost:4000" }`.
        url: Option<RunningAt>,
        /// Its native configuration files: names below its folder, and the templates that they are rendered from, as
        /// paths from the profile. For example `files: { config.yaml: my-router/config.yaml.j2 }`.
        files: Named<At<String>>,
        /// How it is seen to be ready. For example `ready: { get: /health, within: 90s }`.
        ready: Ready,
        /// How it is stopped. For example `stop: { signal: INT, within: 5s }`.
        stop: Stop = Stop { signal: StopSignal::Term, within: Duration::from_secs(10), span: Span::default() },
    }
}

words! {
    /// Who gets an instance of the target.
    "a mode" => Mode {
        /// Each scenario, one of its own.
        "fresh" => Fresh,
        /// Scenarios whose settings agree share one, since it is slow to start: each in a lane of its own, with names of models,
        /// upstreams and tenants, keys and addresses that no other one has.
        "shared" => Shared,
    }
}

part! {
    /// A process that is a target.
    "a process" => ProcessStart {
        /// The program with its arguments, each a template.
        /// For example `command: [my-router, --config, "{{ dir }}/config.yaml"]`.
        command: CommandLine,
        /// Its environment, each value a template. Of the harness' own environment it gets `PATH` alone.
        /// For example `env: { MASTER_KEY: "{{ admin_key }}" }`.
        env: Named<Templated>,
    }
}

part! {
    /// A target that runs already. What stands behind it is its operator's: unless that is configured for this harness (`stormproof
    /// render`), nobody can make it misbehave, and only what clients see is judged.
    "a target that runs" => RunningAt {
        /// The variable of the environment that says where it is. For example `variable: ROUTER_URL`.
        variable: Option<String>,
        /// Where it is otherwise. For example `default: "http://localhost:4000"`.
        default: ServiceUrl,
        /// The variable that holds the key of its clients, which the harness sends to it and to nobody else.
        /// For example `key: ROUTER_KEY`.
        key: Option<String>,
        /// The variable that names the model that it offers. For example `model: ROUTER_MODEL`.
        model: Option<String>,
    }
}

part! {
    /// How a target is seen to be ready: by a path that answers, or by a line that it prints.
    "the readiness" => Ready {
        /// A path that answers. For example `get: /health`.
        get: Option<UrlPath>,
        /// The status of that answer; 200 if missing. For example `status: 204`.
        status: Option<u16>,
        /// A piece of a line of its output. An address behind it is where the target listens.
        /// For example `line: "listening on "`.
        line: Option<String>,
        /// How long it may take. For example `within: 90s`.
        within: Duration = Duration::from_secs(30),
    }
}

/// What shows that a target is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation<'a> {
    /// This path answers with this status.
    Get(&'a str, u16),
    /// A line that holds this text is printed.
    Line(&'a str),
}

part! {
    /// How a target is stopped.
    "the stop" => Stop {
        /// The signal that asks it to end. For example `signal: INT`.
        signal: StopSignal = StopSignal::Term,
        /// How long it may take before it is killed with all its children. For example `within: 5s`.
        within: Duration = Duration::from_secs(10),
    }
}

words! {
    /// A signal that asks a process to end.
    "a signal" => StopSignal {
        /// Terminate: what service managers send.
        "TERM" => Term,
        /// Interrupt: what a terminal sends.
        "INT" => Int,
        /// Quit.
        "QUIT" => Quit,
        /// Kill: it is not asked.
        "KILL" => Kill,
    }
}

impl Ready {
    /// What shows that the target is ready.
    #[must_use]
    pub fn observation(&self) -> Observation<'_> {
        match (&self.get, &self.line) {
            (Some(path), _) => Observation::Get(&path.0, self.status.unwrap_or(200)),
            (None, Some(line)) => Observation::Line(line),
            // Refused when the profile is read; an empty text is held by the first line.
            (None, None) => Observation::Line(""),
        }
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        let problem = match (&self.get, self.status, &self.line) {
            (Some(_), _, None) | (None, None, Some(_)) => return,
            (None, Some(_), Some(_)) => "`status` beside `line`",
            (Some(_), _, Some(_)) => "`get` beside `line`",
            (None, _, None) => "a readiness that nothing shows",
        };
        problems.push(
            Problem::new(self.span, problem)
                .help("write either `get: PATH`, with or without `status:`, or `line: TEXT`"),
        );
    }
}

impl Start {
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        match (&self.process, &self.url) {
            (Some(process), Some(_)) => problems.push(
                Problem::new(process.span, "a target that is started and runs already")
                    .help("write either `process:` or `url:`"),
            ),
            (None, None) => problems.push(Problem::new(self.span, "a target that is nowhere").help(
                "say how it is started (`process: { command: [my-router] }`) or where it runs (`url:`)",
            )),
            _ => {}
        }
        for (name, _) in self.process.iter().flat_map(|process| &process.env.0) {
            if name.value.is_empty() || name.value.contains(['=', '\0']) {
                let message = format!("`{}` is no name of a variable", name.value.escape_default());
                problems.push(Problem::new(name.span, message));
            }
        }
        for (name, _) in &self.files.0 {
            if !is_below(&name.value) {
                let message = format!("the file `{}` is not below the target's folder", name.value);
                problems.push(
                    Problem::new(name.span, message)
                        .help("write a relative path without `..`: `config.yaml`"),
                );
            }
        }
        if let Some(at_once) = self.at_once.as_ref().filter(|at_once| at_once.value == 0) {
            problems.push(
                Problem::new(at_once.span, "no scenario at once")
                    .help("write a number from 1 on: `at_once: 4`"),
            );
        }
        self.ready.check(problems);
    }
}

fn is_below(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}
