//! Requests that clients send, and how traffic names and varies them.

use std::time::Duration;

use dialect::Dialect;
use serde_json::json;

use crate::model::Data;
use crate::node::{Node, Span, Value};
use crate::problem::Problem;
use crate::read::{At, Named, ObjectSchema, Property, Read, SchemaBook, part, words, wrong};
use crate::template::Template;

part! {
    /// A request that clients send: to a model, or to any path.
    "a request" => Request {
        /// The model that it asks for. One that nobody serves is written with a `?` behind it.
        /// For example `model: chat` or `model: unknown?`.
        model: Option<At<String>>,
        /// What it asks. For example `prompt: ping` or `prompt: { tokens: 200 }`.
        prompt: Option<Data>,
        /// What stands before the prompt as the system's own words. For example `system: You are brief.`.
        system: Option<Data>,
        /// The dialect that the client speaks; the target's first one if missing. For example `dialect: openai`.
        dialect: Option<At<Dialect>>,
        /// Whether it asks for a stream. For example `stream: true`.
        stream: bool = false,
        /// Whether a stream is to report its usage. For example `usage: false`.
        usage: bool = true,
        /// The most tokens that the answer may have. For example `max_tokens: 100`.
        max_tokens: Option<u32>,
        /// The tools that it offers. For example `tools: [weather]`.
        tools: Vec<String>,
        /// The tenant on whose behalf it asks. For example `tenant: acme` or `tenant: { cycle: [acme, globex] }`.
        tenant: Option<InTurn>,
        /// The session that it belongs to. For example `session: s-1`.
        session: Option<Template>,
        /// Further fields of the body, or the whole body of a request that asks no model.
        /// For example `body: { temperature: 0, metadata: { team: red } }`.
        body: Option<Node>,
        /// The body in so many words. For example `raw_body: '{"model": "chat", "messages": 7}'`.
        raw_body: Option<Data>,
        /// Headers besides the usual ones. For example `headers: { x-team: red }`.
        headers: Named<Template>,
        /// How it proves who it is. For example `credential: wrong`.
        credential: Credential = Credential::Usual,
        /// The method of a request that asks no model. For example `method: GET`.
        method: Method = Method::Post,
        /// The path of a request that asks no model. For example `path: /v1/orders/7`.
        path: Option<Template>,
        /// What stands behind the path as a query. For example `query: { api-version: "2024-10-21" }`.
        query: Named<Template>,
        /// The surface of the provider that it asks. For example `surface: responses`.
        surface: Surface = Surface::Chat,
        /// Whether the target may ask another model when this one fails; said in the way of the target's profile.
        /// For example `fallbacks: false`.
        fallbacks: bool = true,
        /// Where the mark stands that joins it to its attempts. For example `id: header`.
        id: MarkPosition = MarkPosition::PromptEnd,
        /// How long the client waits for the answer; 30 s if missing. For example `patience: 5s`.
        patience: Option<Duration>,
    }
}

words! {
    /// A method of HTTP.
    "a method" => Method {
        /// It reads.
        "GET" => Get,
        /// It sends something.
        "POST" => Post,
        /// It replaces something.
        "PUT" => Put,
        /// It changes something.
        "PATCH" => Patch,
        /// It removes something.
        "DELETE" => Delete,
    }
}

words! {
    /// A surface of a provider: what a request to a model asks for.
    "a surface" => Surface {
        /// An answer in a chat; the dialect's own way to ask for one.
        "chat" => Chat,
        /// An answer by the Responses API of OpenAI.
        "responses" => Responses,
        /// The embedding of the prompt.
        "embeddings" => Embeddings,
    }
}

words! {
    /// How a request proves who it is.
    "a credential" => Credential {
        /// As the target's profile says, with the tenant's key where there is one.
        "usual" => Usual,
        /// Not at all.
        "none" => None,
        /// With a key that nobody was given. A target that tells its callers apart by no key, as in a world without
        /// `tenants`, may take it.
        "wrong" => Wrong,
        /// With something that is no key.
        "malformed" => Malformed,
        /// As the operator.
        "admin" => Admin,
    }
}

words! {
    /// Where the mark stands that joins an exchange to its attempts.
    "a mark's position" => MarkPosition {
        /// Behind the prompt, where a router forwards it whatever it does to headers.
        "prompt-end" => PromptEnd,
        /// Before the prompt.
        "prompt-start" => PromptStart,
        /// In the header `x-client-request-id`.
        "header" => Header,
        /// In the body's field for the end user.
        "user" => User,
        /// Nowhere: the attempts of the step join nothing.
        "none" => None,
    }
}

/// One name, or several in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct InTurn(pub Vec<At<String>>);

/// What a step or phase sends: one request, or several in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// The requests, taken in turn.
    pub cycle: Vec<Variation>,
}

part! {
    /// A request of `requests:`, with what is different this time.
    "a variation" => Variation {
        /// The entry of `requests:`. For example `like: ask`.
        like: At<String>,
        /// Another model. For example `model: unknown?`.
        model: Option<At<String>>,
        /// Another prompt. For example `prompt: pong`.
        prompt: Option<Data>,
        /// Whether it asks for a stream. For example `stream: true`.
        stream: Option<bool>,
        /// Whether a stream is to report its usage. For example `usage: false`.
        usage: Option<bool>,
        /// Another limit of tokens. For example `max_tokens: 100`.
        max_tokens: Option<u32>,
        /// Another dialect. For example `dialect: openai`.
        dialect: Option<At<Dialect>>,
        /// Another tenant. For example `tenant: globex`.
        tenant: Option<InTurn>,
        /// Another session. For example `session: s-2`.
        session: Option<Template>,
        /// Further fields of the body, over those of the request. For example `body: { temperature: 1 }`.
        body: Option<Node>,
        /// Another body in so many words. For example `raw_body: '{"model": '`.
        raw_body: Option<Data>,
        /// Further headers, over those of the request. For example `headers: { x-team: blue }`.
        headers: Named<Template>,
        /// Another credential. For example `credential: none`.
        credential: Option<Credential>,
        /// Another path. For example `path: "/v1/orders/{{ captured.order }}"`.
        path: Option<Template>,
        /// Further parameters of the query, over those of the request. For example `query: { beta: "true" }`.
        query: Named<Template>,
        /// Another surface. For example `surface: embeddings`.
        surface: Option<Surface>,
        /// Whether the target may ask another model. For example `fallbacks: false`.
        fallbacks: Option<bool>,
        /// Another place of the mark. For example `id: none`.
        id: Option<MarkPosition>,
        /// Another patience. For example `patience: 500ms`.
        patience: Option<Duration>,
    }
}

part! {
    /// Several requests in turn.
    "a cycle" => Cycle {
        /// The requests. For example `cycle: [ask, { like: ask, stream: true }]`.
        cycle: Vec<Sent>,
    }
}

/// One entry of a cycle.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent(pub Variation);

impl Variation {
    /// A request of `requests:` as it stands there.
    #[must_use]
    pub fn none_of(like: At<String>) -> Self {
        Self {
            span: like.span,
            like,
            model: None,
            prompt: None,
            stream: None,
            usage: None,
            max_tokens: None,
            dialect: None,
            tenant: None,
            session: None,
            body: None,
            raw_body: None,
            headers: Named::default(),
            credential: None,
            path: None,
            query: Named::default(),
            surface: None,
            fallbacks: None,
            id: None,
            patience: None,
        }
    }

    /// The request with what is different this time.
    #[must_use]
    pub fn over(&self, request: &Request) -> Request {
        let mut varied = request.clone();
        varied.model = self.model.clone().or(varied.model);
        varied.prompt = self.prompt.clone().or(varied.prompt);
        varied.stream = self.stream.unwrap_or(varied.stream);
        varied.usage = self.usage.unwrap_or(varied.usage);
        varied.max_tokens = self.max_tokens.or(varied.max_tokens);
        varied.dialect = self.dialect.clone().or(varied.dialect);
        varied.tenant = self.tenant.clone().or(varied.tenant);
        varied.session = self.session.clone().or(varied.session);
        varied.body = match (varied.body, &self.body) {
            (Some(below), Some(over)) => Some(below.merged(over)),
            (below, over) => over.clone().or(below),
        };
        varied.raw_body = self.raw_body.clone().or(varied.raw_body);
        for (name, value) in &self.headers.0 {
            varied.headers.0.retain(|(known, _)| !known.value.eq_ignore_ascii_case(&name.value));
            varied.headers.0.push((name.clone(), value.clone()));
        }
        for (name, value) in &self.query.0 {
            varied.query.0.retain(|(known, _)| known.value != name.value);
            varied.query.0.push((name.clone(), value.clone()));
        }
        varied.surface = self.surface.unwrap_or(varied.surface);
        varied.fallbacks = self.fallbacks.unwrap_or(varied.fallbacks);
        varied.credential = self.credential.unwrap_or(varied.credential);
        varied.path = self.path.clone().or(varied.path);
        varied.id = self.id.unwrap_or(varied.id);
        varied.patience = self.patience.or(varied.patience);
        varied
    }
}

impl Request {
    /// The model that it asks for, without the `?` of one that nobody serves.
    #[must_use]
    pub fn model_name(&self) -> Option<&str> {
        self.model.as_ref().map(|model| model.value.strip_suffix('?').unwrap_or(&model.value))
    }

    /// Whether something stands in it.
    pub(crate) fn holds(&self, span: Span) -> bool {
        let own = self.span;
        span.source == own.source && own.start <= span.start && span.end <= own.end
    }

    /// Tells a request that asks neither a model nor a path, or both.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        let help = "write `model:` with `prompt:`, or `path:` with `method:` and `body:`";
        match (&self.model, &self.path) {
            (None, None) => {
                problems.push(Problem::new(self.span, "a request that asks for nothing").help(help));
            }
            (Some(_), None) if self.prompt.is_none() && self.raw_body.is_none() => {
                problems.push(
                    Problem::new(self.span, "a request to a model without a prompt")
                        .help("write `prompt: ping`"),
                );
            }
            (Some(model), Some(_)) => {
                problems.push(Problem::new(model.span, "a request with both a model and a path").help(help));
            }
            (None, Some(_)) if self.prompt.is_some() || self.stream => {
                problems.push(Problem::new(self.span, "a prompt for a path").help(help));
            }
            _ => {}
        }
        if self.surface != Surface::Chat && self.model.is_none() {
            let problem = Problem::new(self.span, "a surface of a request that asks no model");
            problems.push(problem.help("leave `surface:` out: the path says what is asked"));
        }
        if self.surface == Surface::Embeddings && (self.stream || !self.tools.is_empty()) {
            let problem = Problem::new(self.span, "an embedding that is streamed or offers tools");
            problems.push(problem.help("write `surface: responses`, or leave `stream` and `tools` out"));
        }
        if self.body.is_some() && self.raw_body.is_some() {
            problems.push(Problem::new(self.span, "both `body` and `raw_body`").help("write one of them"));
        }
        if let Some(body) = self.body.as_ref().filter(|body| body.entries().is_none()) {
            problems.push(
                Problem::new(body.span, format!("{} where fields of the body are wanted", body.described()))
                    .help("write a map, or `raw_body:` for a body in so many words"),
            );
        }
    }
}

impl Read for InTurn {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let names = match (&node.value, node.get("cycle")) {
            (Value::Map(_), Some(cycle)) => Vec::read(cycle, problems)?,
            (Value::Text(_), _) => vec![At::read(node, problems)?],
            _ => return wrong(node, "a name or `{ cycle: [NAME, NAME] }`", problems),
        };
        if names.is_empty() {
            let problem = Problem::new(node.span, "a cycle of no name");
            problems.push(problem.help("write for example `cycle: [acme, globex]`"));
            return None;
        }
        Some(Self(names))
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        let cycle = book.define("NamesInTurn", |book| {
            let mut object = ObjectSchema::new("names in turn", "Several names in turn.");
            let doc = "The names, from the first again after the last. For example `cycle: [acme, globex]`.";
            object.put(Property::of::<Vec<String>>(book, "cycle", doc).required(true));
            object.finish()
        });
        json!({ "title": "a name, or several in turn", "anyOf": [String::schema(book), cycle] })
    }
}

impl Read for Sent {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        match &node.value {
            Value::Text(_) => At::read(node, problems).map(|like| Self(Variation::none_of(like))),
            Value::Map(_) => Variation::read(node, problems).map(Self),
            _ => wrong(node, "a name of `requests:` or `{ like: NAME, ... }`", problems),
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "a request or a variation", "anyOf": [String::schema(book), Variation::schema(book)] })
    }
}

impl Read for Send {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        if node.get("cycle").is_none() {
            return Sent::read(node, problems).map(|Sent(variation)| Self { cycle: vec![variation] });
        }
        let cycle = Cycle::read(node, problems)?.cycle;
        if cycle.is_empty() {
            let problem = Problem::new(node.span, "a cycle of no request");
            problems.push(problem.help("write for example `cycle: [ask, { like: ask, stream: true }]`"));
            return None;
        }
        Some(Self { cycle: cycle.into_iter().map(|Sent(variation)| variation).collect() })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        let one = [String::schema(book), Variation::schema(book), Cycle::schema(book)];
        json!({ "title": "a request, a variation, or several in turn", "anyOf": one })
    }
}
