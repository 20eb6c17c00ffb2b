//! What clients do, in order: steps, phases that are driven by a schedule, pauses, and what is done to the target.

use std::time::Duration;

use serde_json::json;

use crate::model::{Data, Endpoint, Get, Request, RouterSettings, RowClaim, Schedule, Send};
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::read::{
    At, Fields, Named, ObjectSchema, Property, Read, SchemaBook, Share, Size, choice, part, words, wrong,
};
use crate::template::Template;

/// One entry of the traffic.
#[derive(Clone, Debug, PartialEq)]
pub enum Traffic {
    /// Requests one after the other.
    Step(Box<Step>),
    /// Requests by a schedule.
    Phase(Box<Phase>),
    /// Nothing for a while.
    Pause(Pause),
    /// Something is done to the target.
    Operate(Box<Operate>),
    /// A program is run.
    Exec(Exec),
    /// Nothing until something is seen.
    WaitUntil(Box<WaitUntil>),
}

/// Requests one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: At<String>,
    /// What it does.
    pub errand: Errand,
    /// How often.
    pub repeat: u32,
    /// What later steps can use of its last answer, by name.
    pub capture: Named<Capture>,
    /// Where and how it is sent.
    pub manner: Manner,
    /// Where it stands.
    pub span: Span,
}

/// Requests by a schedule. It is over when all of them have ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: At<String>,
    /// What it does. A flow says so itself.
    pub errand: Option<Errand>,
    /// When.
    pub schedule: Schedule,
    /// The phase that it accompanies, from its start to its end; otherwise the next entry waits for this one.
    pub beside: Option<At<String>>,
    /// Where and how it is sent.
    pub manner: Manner,
    /// Where it stands.
    pub span: Span,
}

/// Nothing for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// How long.
    pub lasts: Duration,
}

/// What a step or phase does.
#[derive(Clone, Debug, PartialEq)]
pub enum Errand {
    /// It sends requests.
    Send(Send),
    /// It gets an endpoint of the target.
    Get(Get),
    /// It holds a conversation: each turn carries what was said before.
    Converse(Conversation),
    /// It writes bytes to a connection and reads what comes back.
    Raw(Data),
}

part! {
    /// A conversation: each turn carries what was said before.
    "a conversation" => Conversation {
        /// The entry of `requests:` that each turn is like. For example `like: ask`.
        like: At<String>,
        /// What the client says, turn by turn. For example `turns: [hello, and then?]`.
        turns: Vec<Data>,
    }
}

part! {
    /// Where and how something is sent.
    "where and how something is sent" => Manner {
        /// The instance of the target, counted from 1. For example `via: 2`.
        via: Option<At<u32>>,
        /// The service of the world that it is sent to instead of the target. For example `at: shop`.
        at: Option<At<String>>,
        /// Whether it goes around the target, straight to the upstream, or both ways. For example `against: direct`.
        against: Option<Against>,
        /// When the client leaves before the answer is over. For example `disconnect: { events: 3 }`.
        disconnect: Option<Disconnect>,
        /// How slowly the client reads; as fast as it can if missing. For example `read: { bytes: 1KiB, every: 50ms }`.
        read: Option<Reading>,
        /// How slowly the client writes its request; all at once if missing.
        /// For example `write: { bytes: 1B, every: 100ms }`.
        write: Option<Writing>,
        /// How long the client waits for the answer; what the request says if missing. For example `patience: 2s`.
        patience: Option<Duration>,
        /// How the client retries by itself. For example `client: openai-python`.
        client: ClientKind = ClientKind::Plain,
    }
}

words! {
    /// What stands against a phase.
    "what stands against a phase" => Against {
        /// The upstream itself, without the target.
        "direct" => Direct,
        /// Both ways, in pairs: each request of the phase is sent through the target and straight to the upstream, one right after the
        /// other in an order that is drawn. `paired` compares them.
        "paired" => Paired,
    }
}

choice! {
    /// When a client leaves before the answer is over.
    "when a client leaves" => Disconnect {
        /// So long after it began to send. For example `after: 200ms`.
        "after" => After(Duration),
        /// After so many events with content. For example `events: 3`.
        "events" => Events(u32),
        /// After this share of the scripted contents. For example `share: 50%`.
        "share" => Share(Share),
    }
}

part! {
    /// How slowly a client reads.
    "a slow reader" => Reading {
        /// So many bytes at a time. For example `bytes: 1KiB`.
        bytes: Size,
        /// Once in this time. For example `every: 50ms`.
        every: Duration,
    }
}

part! {
    /// How slowly a client writes its request, the head included.
    "a slow writer" => Writing {
        /// So many bytes at a time. For example `bytes: 1B`.
        bytes: Size,
        /// Once in this time. For example `every: 100ms`.
        every: Duration,
    }
}

words! {
    /// How a client retries by itself.
    "a kind of client" => ClientKind {
        /// Not at all.
        "plain" => Plain,
        /// As the official OpenAI library for Python does: two retries on 408, 409, 429 and 5xx, hints up to two minutes
        /// obeyed; a longer hint ends the call.
        "openai-python" => OpenaiPython,
        /// As its versions before July 2026: two retries, hints up to a minute obeyed and longer ones passed over.
        "openai-python-old" => OpenaiPythonOld,
        /// As the official Anthropic library for Python does: two retries on 408, 409, 429 and 5xx, every hint obeyed.
        "anthropic-python" => AnthropicPython,
        /// As its versions before 1.8: as `openai-python-old`.
        "anthropic-python-old" => AnthropicPythonOld,
        /// As the official Google library for Python does where retries are asked for: four on 408, 429, most of 5xx and
        /// where nothing is reached, and no hint obeyed.
        "google-genai" => GoogleGenai,
    }
}

choice! {
    /// What a step keeps of its last answer, for `{{ captured.NAME }}` in later steps.
    "what is captured" => Capture {
        /// What a JSONPath (RFC 9535) finds in the body. For example `json: $.choices[0].message.content`.
        "json" => Json(At<String>),
        /// A header. For example `header: x-request-id`.
        "header" => Header(String),
        /// The text of the answer, assembled if it was streamed. For example `text: all`.
        "text" => Text(WholeText),
        /// The status. For example `status: code`.
        "status" => Status(StatusCode),
    }
}

words! {
    /// The whole text of an answer.
    "`all`" => WholeText {
        /// All of it.
        "all" => All,
    }
}

words! {
    /// The status of an answer.
    "`code`" => StatusCode {
        /// As a number.
        "code" => Code,
    }
}

part! {
    /// Something is done to the target, in the way that its profile says.
    "an operation" => Operate {
        /// What is done. For example `operate: disable_key`.
        operate: At<Operation>,
        /// The upstream whose key it is. For example `upstream: openai`.
        upstream: Option<At<String>>,
        /// The key. For example `key: first`.
        key: Option<At<String>>,
        /// The instance of the target, counted from 1; all if missing. For example `instance: 2`.
        instance: Option<At<u32>>,
        /// How long it may take. For example `within: 5s`.
        within: Duration = Duration::from_secs(10),
        /// The settings that the target is given before it reads its configuration again; those of the world if missing.
        /// For example `router: { models: { chat: { pool: openai } } }`.
        router: Option<RouterSettings>,
        /// The phase while which it is done; otherwise the next entry waits for it. For example `beside: storm`.
        beside: Option<At<String>>,
        /// So long after that phase began. For example `after: 200ms`.
        after: Duration = Duration::ZERO,
        /// Again and again, once in this time, until that phase is over; once if missing. For example `every: 500ms`.
        every: Option<Duration>,
    }
}

words! {
    /// What can be done to a target.
    "an operation" => Operation {
        /// A key is switched off by the operator.
        "disable_key" => DisableKey,
        /// A key is switched on again.
        "enable_key" => EnableKey,
        /// The configuration is read again.
        "reload" => Reload,
        /// The target is stopped and started again.
        "restart" => Restart,
        /// The target is killed.
        "kill" => Kill,
        /// The target is started again after it was killed.
        "start" => Start,
        /// The target is kept from running.
        "freeze" => Freeze,
        /// The target runs on.
        "thaw" => Thaw,
    }
}

part! {
    /// A program is run in a fresh folder, with an emptied environment.
    "a program" => Exec {
        /// Its name in `where: { step: NAME }`. For example `exec: compile`.
        name as "exec": At<String>,
        /// The program with its arguments. For example `command: [python3, -m, py_compile, answer.py]`.
        command: Vec<Template>,
        /// Its environment; `PATH` alone is there by itself. For example `env: { LANG: C }`.
        env: Named<Template>,
        /// Files that are put into its folder. For example `files: { answer.py: "{{ captured.code }}" }`.
        files: Named<Template>,
        /// How long it may take. For example `within: 10s`.
        within: Duration = Duration::from_secs(30),
    }
}

/// Nothing until something is seen, or until it was not seen in time.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitUntil {
    /// What is to be seen.
    pub seen: Seen,
    /// How long it may take.
    pub within: Duration,
    /// Where it stands.
    pub span: Span,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// A claim about the rows so far holds.
    Rows(RowClaim),
    /// An endpoint of the target answers with this status.
    Answers(Endpoint, u16),
}

const KINDS: [&str; 6] = ["step", "phase", "pause", "operate", "exec", "wait_until"];

impl Manner {
    /// To the target, by a client without peculiarities.
    #[must_use]
    pub fn usual(span: Span) -> Self {
        Self {
            via: None,
            at: None,
            against: None,
            disconnect: None,
            read: None,
            write: None,
            patience: None,
            client: ClientKind::Plain,
            span,
        }
    }
}

impl Traffic {
    /// The name, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<&At<String>> {
        match self {
            Self::Step(step) => Some(&step.name),
            Self::Phase(phase) => Some(&phase.name),
            Self::Exec(exec) => Some(&exec.name),
            Self::Pause(_) | Self::Operate(_) | Self::WaitUntil(_) => None,
        }
    }

    /// What it does, where it does something to the target.
    #[must_use]
    pub fn errand(&self) -> Option<&Errand> {
        match self {
            Self::Step(step) => Some(&step.errand),
            Self::Phase(phase) => phase.errand.as_ref(),
            _ => None,
        }
    }

    /// Where and how it is sent.
    #[must_use]
    pub fn manner(&self) -> Option<&Manner> {
        match self {
            Self::Step(step) => Some(&step.manner),
            Self::Phase(phase) => Some(&phase.manner),
            _ => None,
        }
    }

    /// Every choice of requests that it sends.
    pub fn sends(&self) -> Vec<&Send> {
        let flow = match self {
            Self::Phase(phase) => match &phase.schedule {
                Schedule::Flow(flow) => flow.does.as_slice(),
                _ => &[],
            },
            _ => &[],
        };
        let errand = match self.errand() {
            Some(Errand::Send(send)) => Some(send),
            _ => None,
        };
        let deeds = flow.iter().filter_map(|deed| match deed {
            crate::model::Deeds::Send(send) => Some(send),
            crate::model::Deeds::Pause(_) => None,
        });
        errand.into_iter().chain(deeds).collect()
    }

    /// The requests that it can send, with what is different this time.
    pub fn requests<'s>(&'s self, requests: &'s Named<Request>) -> impl Iterator<Item = Request> + 's {
        let variations = self.sends().into_iter().flat_map(|send| &send.cycle);
        let varied =
            variations.filter_map(|variation| Some(variation.over(requests.get(&variation.like.value)?)));
        let talk = match self.errand() {
            Some(Errand::Converse(talk)) => requests.get(&talk.like.value).cloned(),
            _ => None,
        };
        varied.chain(talk)
    }
}

impl Read for Traffic {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let entries = node.entries().unwrap_or_default();
        let mut kinds = entries.iter().filter(|entry| KINDS.contains(&entry.key.as_str()));
        match (kinds.next().map(|entry| entry.key.as_str()), kinds.next()) {
            (Some("step"), None) => Step::read(node, problems).map(Box::new).map(Self::Step),
            (Some("phase"), None) => Phase::read(node, problems).map(Box::new).map(Self::Phase),
            (Some("operate"), None) => Operate::read(node, problems).map(Box::new).map(Self::Operate),
            (Some("exec"), None) => Exec::read(node, problems).map(Self::Exec),
            (Some("wait_until"), None) => WaitUntil::read(node, problems).map(Box::new).map(Self::WaitUntil),
            (Some("pause"), None) => {
                let mut fields = Fields::of(node, "a pause", problems)?;
                let lasts = fields.take("pause", problems);
                fields.finish("a pause", problems);
                Some(Self::Pause(Pause { lasts: lasts? }))
            }
            _ => {
                let message = match kinds.next() {
                    _ if node.entries().is_none() => {
                        format!("{} where an entry of the traffic is wanted", node.described())
                    }
                    _ => "an entry of the traffic that is of no kind, or of several".to_owned(),
                };
                let help = "an entry begins with exactly one of: `step: NAME`, `phase: NAME`, `pause: DURATION`, \
                            `operate: OPERATION`, `exec: NAME`, `wait_until: ...`";
                problems.push(Problem::new(node.span, message).help(help));
                None
            }
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        let sent = [step_schema(book), phase_schema(book)];
        let pause = book.define("Pause", |book| {
            let doc = "How long nothing is done. For example `pause: 500ms`.";
            let lasts = Property::of::<Duration>(book, "pause", doc);
            SchemaBook::one_of("a pause", "Nothing for a while.", vec![lasts])
        });
        let others = [Operate::schema(book), Exec::schema(book), WaitUntil::schema(book)];
        let all: Vec<_> = sent.into_iter().chain([pause]).chain(others).collect();
        json!({ "title": "an entry of the traffic", "anyOf": all })
    }
}

/// The keys of [`Manner`], which stand among the keys of a step or phase.
const MANNERS: [&str; 8] = ["via", "at", "against", "disconnect", "read", "write", "patience", "client"];

fn take_manner(fields: &mut Fields<'_>, node: &Node, problems: &mut Vec<Problem>) -> Option<Manner> {
    let entries = MANNERS.iter().filter_map(|key| fields.entry(key)).cloned().collect();
    let own = Node { span: node.span, value: crate::node::Value::Map(entries) };
    let manner = Manner::read(&own, problems)?;
    let ways = [manner.via.is_some(), manner.at.is_some(), manner.against.is_some()];
    if ways.iter().filter(|there| **there).count() > 1 {
        problems.push(
            Problem::new(node.span, "more than one of `via`, `at` and `against`").help("write at most one"),
        );
        return None;
    }
    Some(manner)
}

const ERRANDS: [&str; 4] = ["send", "get", "converse", "raw"];

fn take_errand(fields: &mut Fields<'_>, problems: &mut Vec<Problem>) -> Option<Option<Errand>> {
    let entries: Vec<_> = ERRANDS.iter().filter_map(|key| fields.entry(key)).collect();
    match entries.as_slice() {
        [] => Some(None),
        [entry] => Some(Some(match entry.key.as_str() {
            "send" => Errand::Send(Send::read(&entry.node, problems)?),
            "get" => Errand::Get(Get::read(&entry.node, problems)?),
            "converse" => Errand::Converse(Conversation::read(&entry.node, problems)?),
            _ => Errand::Raw(Data::read(&entry.node, problems)?),
        })),
        [_, second, ..] => {
            let message = format!("`{}` beside another errand", second.key);
            problems.push(Problem::new(second.key_span, message).one_of(ERRANDS));
            None
        }
    }
}

fn no_errand<T>(node: &Node, problems: &mut Vec<Problem>) -> Option<T> {
    let help = "write one of: `send: REQUEST`, `get: ENDPOINT`, `converse: ...`, `raw: ...`";
    problems.push(Problem::new(node.span, "nothing to send or get").help(help));
    None
}

/// More requests than this, one after the other, belong into a phase.
const MOST_REPEATED: u32 = 100_000;

impl Step {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a step", problems)?;
        let name = fields.take("step", problems);
        let errand = match take_errand(&mut fields, problems) {
            Some(None) => no_errand(node, problems),
            found => found.flatten(),
        };
        let repeat: Option<u32> = fields.take_or("repeat", || 1, problems);
        let capture = fields.take("capture", problems);
        let manner = take_manner(&mut fields, node, problems);
        fields.finish("a step", problems);
        if repeat.is_some_and(|repeat| !(1..=MOST_REPEATED).contains(&repeat)) {
            let wanted = format!("a number of repetitions from 1 to {MOST_REPEATED}");
            return wrong(node.get("repeat").unwrap_or(node), &wanted, problems);
        }
        let span = node.span;
        Some(Self { name: name?, errand: errand?, repeat: repeat?, capture: capture?, manner: manner?, span })
    }
}

impl Phase {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a phase", problems)?;
        let name = fields.take("phase", problems);
        let errand = take_errand(&mut fields, problems);
        let beside: Option<Option<At<String>>> = fields.take("beside", problems);
        let manner = take_manner(&mut fields, node, problems);
        let schedules: Vec<_> = Schedule::KEYS.iter().filter_map(|key| fields.entry(key)).collect();
        fields.finish("a phase", problems);
        let schedule = match schedules.as_slice() {
            [entry] => Schedule::read_entry(entry, problems),
            _ => {
                let problem = Problem::new(node.span, "a phase without one schedule");
                problems.push(problem.one_of(Schedule::KEYS.iter().copied()));
                None
            }
        };
        let (schedule, errand): (Schedule, Option<Errand>) = (schedule?, errand?);
        match (&schedule, &errand) {
            (Schedule::Flow(_), Some(_)) => {
                let help = "a flow says under `does:` what is sent";
                problems.push(Problem::new(node.span, "an errand beside `flow`").help(help));
                return None;
            }
            (Schedule::Flow(_), None) => {}
            (_, None) => return no_errand(node, problems),
            (_, Some(Errand::Converse(_))) => {
                let help = "write a `step:`, with `repeat:` for several";
                problems.push(Problem::new(node.span, "a phase holds no conversations").help(help));
                return None;
            }
            (_, Some(_)) => {}
        }
        let name: At<String> = name?;
        let beside = beside?;
        let ends = schedule.check(&name, beside.is_some(), problems);
        let manner = manner?;
        ends.then_some(Self { name, errand, schedule, beside, manner, span: node.span })
    }
}

impl Read for WaitUntil {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "a wait", problems)?;
        let seen = fields.entry("wait_until").and_then(|entry| read_seen(&entry.node, problems));
        let within = fields.take_or("within", || Duration::from_secs(10), problems);
        fields.finish("a wait", problems);
        Some(Self { seen: seen?, within: within?, span: node.span })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        book.define("WaitUntil", |book| {
            let mut object = ObjectSchema::new("a wait", "Nothing until something is seen.");
            let seen = seen_schema(book);
            let doc = "What is to be seen; the traffic goes on as soon as it is. \
                       For example `wait_until: { get: readiness }`.";
            object.put(Property::plain("wait_until", doc, seen).required(true));
            let within = "How long it may take. For example `within: 5s`.";
            let within = Property::of::<Duration>(book, "within", within);
            object.put(within.default(Duration::from_secs(10).show()));
            object.finish()
        })
    }
}

fn read_seen(node: &Node, problems: &mut Vec<Problem>) -> Option<Seen> {
    let mut fields = Fields::of(node, "what is waited for", problems)?;
    let rows = crate::model::take_row_claim(&mut fields, problems).ok()?;
    let get: Option<Option<Endpoint>> = fields.take("get", problems);
    let status: Option<u16> = fields.take_or("status", || 200, problems);
    fields.finish("what is waited for", problems);
    match (rows, get?) {
        (Some(claim), None) => Some(Seen::Rows(claim)),
        (None, Some(endpoint)) => Some(Seen::Answers(endpoint, status?)),
        _ => {
            let help = "write exactly one of: `attempts: ...` or another subject, `get: readiness`";
            problems.push(Problem::new(node.span, "nothing to wait for, or several things").help(help));
            None
        }
    }
}

fn seen_schema(book: &mut SchemaBook) -> serde_json::Value {
    book.define("Seen", |book| {
        let mut object =
            ObjectSchema::new("what is waited for", "A claim about the rows so far, or an endpoint.");
        for property in crate::model::claim_properties(book) {
            object.put(property);
        }
        let get = "The endpoint of the target that is asked again and again. For example `get: readiness`.";
        object.put(Property::of::<Endpoint>(book, "get", get));
        let status = "The status that it must answer with. For example `status: 503`.";
        object.put(Property::of::<u16>(book, "status", status).default(200_u16.show()));
        object.finish()
    })
}

fn step_schema(book: &mut SchemaBook) -> serde_json::Value {
    book.define("Step", |book| {
        let mut object = ObjectSchema::new("a step", "Requests one after the other.");
        let step = "Its name; `where: { step: NAME }` selects what it sent. For example `step: ask`.";
        object.put(Property::of::<String>(book, "step", step).required(true));
        errand_properties(&mut object, book);
        let converse = "A conversation that it holds. \
                        For example `converse: { like: ask, turns: [hello, and then?] }`.";
        object.put(Property::of::<Conversation>(book, "converse", converse));
        let repeat = "How often it does so, one after the other. For example `repeat: 5`.";
        object.put(Property::of::<u32>(book, "repeat", repeat).default(1_u32.show()));
        let capture = "What later steps can use of its last answer, as `{{ captured.NAME }}`. \
                       For example `capture: { said: { text: all } }`.";
        object.put(Property::of::<Named<Capture>>(book, "capture", capture));
        manner_properties(&mut object, book);
        object.finish()
    })
}

fn phase_schema(book: &mut SchemaBook) -> serde_json::Value {
    book.define("Phase", |book| {
        let mut object = ObjectSchema::new("a phase", "Requests by a schedule. It is over when all of them have ended.");
        let phase = "Its name; `where: { phase: NAME }` selects what it sent. For example `phase: storm`.";
        object.put(Property::of::<String>(book, "phase", phase).required(true));
        errand_properties(&mut object, book);
        let beside = "The phase that it accompanies, from its start to its end; otherwise the next entry waits for \
                      this one. For example `beside: storm`.";
        object.put(Property::of::<String>(book, "beside", beside));
        for property in Schedule::properties(book) {
            object.put(property);
        }
        manner_properties(&mut object, book);
        object.finish()
    })
}

fn errand_properties(object: &mut ObjectSchema, book: &mut SchemaBook) {
    let send = "The request that it sends: an entry of `requests:`, a variation of one, or several in turn. \
                For example `send: ask`, `send: { like: ask, stream: true }` or `send: { cycle: [ask, ask plain] }`.";
    object.put(Property::of::<Send>(book, "send", send));
    let get = "The endpoint of the target that it asks, and who asks. \
               For example `get: liveness` or `get: { endpoint: models, tenant: acme }`.";
    object.put(Property::of::<Get>(book, "get", get));
    let raw = "Bytes that it writes to a connection as they are, to see what comes back. \
               For example `raw: { hex: 00 ff 0d 0a }`.";
    object.put(Property::of::<Data>(book, "raw", raw));
}

/// The keys of [`Manner`], as they stand among the keys of a step or phase.
fn manner_properties(object: &mut ObjectSchema, book: &mut SchemaBook) {
    for property in Manner::properties(book) {
        object.put(property);
    }
}
