//! The fields that a condition can look at: a closed list, so that each has a meaning, a unit and a place.

use crate::model::Subject;
use crate::read::words;

words! {
    /// A field of a row, or of a request that an upstream is about to answer.
    "a field" => Field {
        /// The step that sent the exchange (of an attempt: its exchange), or the program that was run.
        /// For example `step: ask`.
        "step" => Step,
        /// The phase that sent the exchange (of an attempt: its exchange), or that ran when the process was looked at: of
        /// several at once the leading one. For example `phase: storm`.
        "phase" => Phase,
        /// The entry of `requests:` that the exchange is an instance of. For example `request: ask`.
        "request" => Request,
        /// The model that was asked for. For example `model: chat`.
        "model" => Model,
        /// The tenant on whose behalf was asked (of an attempt: its exchange). For example `tenant: acme`.
        "tenant" => Tenant,
        /// The instance of the target, counted from 1. For example `instance: 2`.
        "instance" => Instance,
        /// The status, as a number or a class such as `2xx`. An exchange or attempt without a response has none.
        /// For example `status: 429` or `status: 2xx`.
        "status" => Status,
        /// How it ended: `complete` (the reply came whole, whatever its status), `refused` (no connection), `reset` (broken
        /// off by force), `cut` (ended before its end), `timed_out`, `caller_left`, `garbled` (no sound HTTP), `abandoned`
        /// (still open when the trial was over).
        /// For example `outcome: complete`.
        "outcome" => Outcome,
        /// The error: for an attempt by the language's name (`rate_limit`), for an exchange the code or type in its
        /// body.
        /// For example `error: rate_limit`.
        "error" => Error,
        /// The dialect in which the error body is written: `none`, `openai`, `anthropic`, `gemini`, `json`, `html`,
        /// `other`.
        /// For example `error_shape: openai`.
        "error_shape" => ErrorShape,
        /// When it began or was seen, counted from the start of the traffic. For example `at: { above: 2s }`.
        "at" => At,
        /// How long it took: an exchange from its intended start, an attempt from its arrival.
        /// For example `took: { at_most: 1s }`.
        "took" => Took,
        /// How long an exchange took from its actual send. For example `service: { at_most: 1s }`.
        "service" => Service,
        /// From the intended start until the head of the response was there. For example `first_byte: { at_most: 200ms }`.
        "first_byte" => FirstByte,
        /// From the intended start to the first content of a stream. For example `first_content: { at_most: 500ms }`.
        "first_content" => FirstContent,
        /// The time of a stream for each output token behind the first: from its first content to its last, divided by the tokens
        /// that its usage tells, less one; by the contents where it tells none. A stream of one token has none.
        /// For example `per_token: { at_most: 20ms }`.
        "per_token" => PerToken,
        /// What the target added: what an exchange took from its send, less what its serving attempt took.
        /// For example `added: { at_most: 5ms }`.
        "added" => Added,
        /// The wait that the answer asked for, whatever its form. For example `hint: { at_least: 1s }`.
        "hint" => Hint,
        /// The wait that the last attempt of the exchange was asked for. For example `last_hint: { at_most: 2s }`.
        "last_hint" => LastHint,
        /// When the exchange ended: how long until any key of its upstreams was free, by the upstreams' own promises. A key whose
        /// last answer was that waiting does not help (revoked, unpaid, forbidden, its quota used up, without a wait) is none
        /// until it has succeeded or was asked for a wait again. Where all are such, there is no time.
        /// For example `capacity_in: { at_least: 1s }`.
        "capacity_in" => CapacityIn,
        /// How many attempts an exchange cost. For example `attempts: { at_most: 3 }`.
        "attempts" => Attempts,
        /// Whether a stream was asked for. For example `stream: true`.
        "stream" => Stream,
        /// Whether the dialect's own end marker was seen. For example `terminated: true`.
        "terminated" => Terminated,
        /// How many contents of a stream were delivered. For example `contents: { at_least: 1 }`.
        "contents" => Contents,
        /// What was delivered of the text that the serving upstream has in its script, also where it broke off before the end
        /// (of an attempt: by its exchange): `whole`, `part`,
        /// `none`, or `other` for anything else.
        /// For example `scripted_text: whole`.
        "scripted_text" => ScriptedText,
        /// Why the answer ended, as the client was told: `stop`, `length`, `tool`, `filtered`, `other` for a word of its own, or
        /// `none` where nothing told it.
        /// For example `finish: tool`.
        "finish" => Finish,
        /// How many calls of tools were delivered. For example `tool_calls: 2`.
        "tool_calls" => ToolCalls,
        /// What was delivered of the calls of tools that the serving upstream was to send: `whole` (all of them in order, each
        /// with its name, its arguments and an id of its own; also where there were to be none and none came), `part`, `none`, or `other` for
        /// anything else.
        /// For example `scripted_tools: whole`.
        "scripted_tools" => ScriptedTools,
        /// Output tokens that were delivered, by the share of the scripted text (of a row of the ledger: by its
        /// exchange).
        /// For example `delivered_tokens: { at_least: 10 }`.
        "delivered_tokens" => DeliveredTokens,
        /// Bytes of the response's body. For example `bytes: { at_most: 64KiB }`.
        "bytes" => Bytes,
        /// Whether the mark of another exchange came back. Only an answer that repeats the prompt can hold one:
        /// `text: "{{ request.prompt }}"`. For example `foreign_id: false`.
        "foreign_id" => ForeignId,
        /// What it carries that does not belong there: `key openai/first`, `tenant acme`, `admin key`. It holds if one of
        /// them does. In what a target writes (events, log, files, exit) every known secret is looked for.
        /// For example `carries: { contains: key }`.
        "carries" => Carries,
        /// Who served it, as the target tells the client in the way of its profile. For example `told_upstream: openai`.
        "told_upstream" => ToldUpstream,
        /// What it cost, as the target tells the client. For example `told_cost: { at_most: 0.01 USD }`.
        "told_cost" => ToldCost,
        /// How many attempts it took, as the target tells the client. For example `told_attempts: 2`.
        "told_attempts" => ToldAttempts,
        /// The key that served it, as the target tells the client; its label, or whatever the target calls it.
        /// For example `told_key: { matches: "^first" }`.
        "told_key" => ToldKey,
        /// The id of the request, as the target tells the client (of an attempt: its exchange's).
        /// For example `told_request_id: { matches: "^req-" }`.
        "told_request_id" => ToldRequestId,
        /// The exchange itself, for `per`. For example `exchange: 1`.
        "exchange" => Exchange,
        /// The upstream that saw the attempt; of an exchange, the one that served it. For example `upstream: openai`.
        "upstream" => Upstream,
        /// The label of the key that the attempt carried. `{ nth_used: 1..2 }` means the keys by the order of their
        /// first use.
        /// For example `key: first` or `key: { nth_used: 1..2 }`.
        "key" => Key,
        /// The order of the key's first use, from 1; written inside `key`. For example `nth_used: 1..2`.
        "nth_used" => NthUsed,
        /// Which request of its upstream it is, from 1. For example `nth: 1..10`.
        "nth" => Nth,
        /// The entry of the script, the timeline or the plans that decided the reply. For example `script: limited`.
        "script" => Script,
        /// The number of the attempt in its exchange, from 1; of a request as far as its upstream is concerned.
        /// For example `ordinal: { above: 1 }`.
        "ordinal" => Ordinal,
        /// Since the previous attempt of the exchange ended. For example `gap: { below: 250ms }`.
        "gap" => Gap,
        /// Since the previous attempt of the exchange with the same key ended. For example `gap_of_key: { at_least: 1s }`.
        "gap_of_key" => GapOfKey,
        /// Whether a wait that its key was asked for was still running: of several the one that ends last. An attempt that
        /// came within 10 ms of the hint was on its way already. For example `cooling: true`.
        "cooling" => Cooling,
        /// Since its key was last limited. For example `since_limited: { below: 2s }`.
        "since_limited" => SinceLimited,
        /// Since the last wait that its key was asked for was over; none while it runs, before there was one, and after an answer
        /// by which waiting does not help.
        /// For example `since_free: { at_most: 1s }`.
        "since_free" => SinceFree,
        /// Whether its key's wait was over and the key had not succeeded again yet, nor been answered that waiting does not help.
        /// For example `probing: true`.
        "probing" => Probing,
        /// Whether the client had content of this exchange before the attempt began. For example `after_content: true`.
        "after_content" => AfterContent,
        /// Whether the attempt is the one whose answer the client was given. For example `serving: true`.
        "serving" => Serving,
        /// How long the attempt went on after its client had left. For example `outlived: { at_most: 2s }`.
        "outlived" => Outlived,
        /// Whether its body is that of the first attempt of its exchange. For example `same_body: true`.
        "same_body" => SameBody,
        /// Input tokens of every class that the reply reported. For example `input_tokens: { at_least: 1 }`.
        "input_tokens" => InputTokens,
        /// Output tokens that the reply reported. For example `output_tokens: { at_least: 1 }`.
        "output_tokens" => OutputTokens,
        /// Whether the attempt was joined to an exchange. For example `joined: true`.
        "joined" => Joined,
        /// The body as text: of an exchange the response's, of an attempt the request's.
        /// For example `body: { contains: rate_limit }`.
        "body" => Body,
        /// A header, by its name; of several with one name it holds if one of them does: of an exchange the response's, of an
        /// attempt or request the request's. One that is a number can be compared as one.
        /// For example `header: { content-type: { contains: json } }`.
        "header" => Header,
        /// A value in a JSON body, by a JSONPath: of an exchange the response's, of an attempt or request the
        /// request's, of an event its data.
        /// For example `json: { $.usage.total_tokens: { at_least: 1 } }`.
        "json" => Json,
        /// How many headers a message has of a name. For example `header_count: { authorization: 1 }`.
        "header_count" => HeaderCount,
        /// The name of an event, a counter or a file's path. For example `name: requests_total`.
        "name" => Name,
        /// What an event is: `content`, `usage`, `finish`, `error`, `ping`, `end`, `other`.
        /// For example `kind: content`.
        "kind" => Kind,
        /// The method of a request. For example `method: POST`.
        "method" => Method,
        /// The path of a request, without what stands behind a `?`. For example `path: /v1/models`.
        "path" => Path,
        /// The number of an event in its stream, from 1. For example `index: 1`.
        "index" => Index,
        /// A text: the event's data, the line of the log, the file's content, the program's output, the delivered text, the
        /// state that a counter tells in words.
        /// For example `text: { contains: pong }`.
        "text" => Text,
        /// A label of a counter, by its name. For example `label: { model: chat }`.
        "label" => Label,
        /// The value of a counter. For example `value: { at_least: 1 }`.
        "value" => Value,
        /// The class of the tokens: `input`, `cache_read`, `cache_write`, `output`, and `reasoning`, which are those of `output`
        /// that were spent on it. Where a claim speaks of it, a row of the ledger counts once for each; elsewhere its tokens
        /// are those of all classes, and none is counted twice.
        /// For example `token_class: output`.
        "token_class" => TokenClass,
        /// Tokens that the ledger recorded. For example `tokens: { above: 0 }`.
        "tokens" => Tokens,
        /// Tokens that the upstreams reported for the same exchange and class.
        /// For example `upstream_tokens: { above: 0 }`.
        "upstream_tokens" => UpstreamTokens,
        /// What the ledger charged. For example `cost: { at_most: 0.01 USD }`.
        "cost" => Cost,
        /// What the upstreams' tokens cost by the world's price table.
        /// For example `priced_upstream_tokens: { at_most: 0.01 USD }`.
        "priced_upstream_tokens" => PricedUpstreamTokens,
        /// What the ledger says of a row. For example `state: settled`.
        "state" => State,
        /// The end user that the ledger names. For example `end_user: ann`.
        "end_user" => EndUser,
        /// A tag that the ledger holds; it holds if one of them does. For example `tag: team-red`.
        "tag" => Tag,
        /// Whether the target's process runs. Where this is asked for, its death is a row of its own, of which nothing else is known.
        /// For example `alive: true`.
        "alive" => Alive,
        /// Resident memory of the target's process. For example `memory: { at_most: 512MiB }`.
        "memory" => Memory,
        /// Processor time of the target's process since its start. For example `cpu: { at_most: 10s }`.
        "cpu" => Cpu,
        /// Open descriptors of the target's process. For example `descriptors: { at_most: 200 }`.
        "descriptors" => Descriptors,
        /// Open sockets of the target's process. For example `sockets: { at_most: 100 }`.
        "sockets" => Sockets,
        /// Threads of the target's process. For example `threads: { at_most: 64 }`.
        "threads" => Threads,
        /// The size of a file. For example `size: { at_most: 1MiB }`.
        "size" => Size,
        /// The exit code of a program; none if a signal ended it. For example `code: 0`.
        "code" => Code,
        /// The signal that ended a program. For example `signal: { at_least: 1 }`.
        "signal" => Signal,
        /// The language of extracted code, as its fence says. For example `language: python`.
        "language" => Language,
        /// Whether the brackets and quotes of extracted code are closed. For example `balanced: true`.
        "balanced" => Balanced,
        /// Whether the fence of extracted code is closed: the answer was not cut inside it.
        /// For example `complete: true`.
        "complete" => Complete,
    }
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// A duration.
    Duration,
    /// `true` or `false`.
    Flag,
    /// An HTTP status or a class of them.
    Status,
    /// A number of bytes.
    Size,
    /// An amount of money.
    Money,
    /// A part of a whole. No field is one; the quantifiers `share` and `growth` compare with it.
    Share,
    /// A text, a number or a flag, as it is found.
    Any,
}

impl FieldKind {
    /// What a value of this kind is, in words.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Duration => "a duration",
            Self::Flag => "a flag",
            Self::Status => "a status",
            Self::Size => "a size",
            Self::Money => "an amount of money",
            Self::Share => "a share",
            Self::Any => "a value",
        }
    }
}

impl Field {
    /// The texts that the field can be, where they are a closed list.
    #[must_use]
    pub fn values(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Outcome => Some(&[
                "complete",
                "refused",
                "reset",
                "cut",
                "timed_out",
                "caller_left",
                "garbled",
                "abandoned",
            ]),
            Self::ErrorShape => Some(&["none", "openai", "anthropic", "gemini", "json", "html", "other"]),
            Self::ScriptedText | Self::ScriptedTools => Some(&["whole", "part", "none", "other"]),
            Self::Finish => Some(&["stop", "length", "tool", "filtered", "other", "none"]),
            Self::Kind => Some(&["content", "usage", "finish", "error", "ping", "end", "other"]),
            Self::TokenClass => Some(&["input", "cache_read", "cache_write", "output", "reasoning"]),
            _ => None,
        }
    }

    /// What the field's values are.
    #[must_use]
    pub fn kind(self) -> FieldKind {
        match self {
            Self::Step
            | Self::Phase
            | Self::Request
            | Self::Model
            | Self::Tenant
            | Self::Outcome
            | Self::Error
            | Self::ErrorShape
            | Self::ScriptedText
            | Self::Carries
            | Self::Upstream
            | Self::Key
            | Self::Script
            | Self::Finish
            | Self::ScriptedTools
            | Self::ToldUpstream
            | Self::ToldKey
            | Self::ToldRequestId
            | Self::Method
            | Self::Path
            | Self::EndUser
            | Self::Tag
            | Self::Name
            | Self::Kind
            | Self::Text
            | Self::Body
            | Self::Label
            | Self::TokenClass
            | Self::State
            | Self::Language => FieldKind::Text,
            Self::Instance
            | Self::Attempts
            | Self::Contents
            | Self::ToolCalls
            | Self::ToldAttempts
            | Self::HeaderCount
            | Self::DeliveredTokens
            | Self::NthUsed
            | Self::Nth
            | Self::Ordinal
            | Self::Exchange
            | Self::InputTokens
            | Self::OutputTokens
            | Self::Index
            | Self::Value
            | Self::Tokens
            | Self::UpstreamTokens
            | Self::Descriptors
            | Self::Sockets
            | Self::Threads
            | Self::Code
            | Self::Signal => FieldKind::Number,
            Self::At
            | Self::Took
            | Self::Service
            | Self::FirstByte
            | Self::FirstContent
            | Self::PerToken
            | Self::Added
            | Self::Hint
            | Self::LastHint
            | Self::CapacityIn
            | Self::Gap
            | Self::GapOfKey
            | Self::SinceLimited
            | Self::SinceFree
            | Self::Outlived
            | Self::Cpu => FieldKind::Duration,
            Self::Stream
            | Self::Terminated
            | Self::ForeignId
            | Self::Cooling
            | Self::Probing
            | Self::AfterContent
            | Self::Serving
            | Self::SameBody
            | Self::Joined
            | Self::Alive
            | Self::Balanced
            | Self::Complete => FieldKind::Flag,
            Self::Status => FieldKind::Status,
            Self::Bytes | Self::Memory | Self::Size => FieldKind::Size,
            Self::Cost | Self::ToldCost | Self::PricedUpstreamTokens => FieldKind::Money,
            Self::Json | Self::Header => FieldKind::Any,
        }
    }

    /// Whether it is asked for together with a name: a header, a label, a path.
    #[must_use]
    pub fn is_named(self) -> bool {
        matches!(self, Self::Header | Self::HeaderCount | Self::Json | Self::Label)
    }

    /// The subjects whose rows have this field.
    #[must_use]
    pub fn subjects(self) -> &'static [Subject] {
        use Subject::{
            Attempts, Code, Events, Exchanges, Exit, Files, Ledger, Log, Metrics, Process, Requests,
        };
        match self {
            Self::Step => &[Exchanges, Attempts, Events, Exit, Files, Code],
            Self::Phase => &[Exchanges, Attempts, Events, Process],
            Self::Request | Self::Tenant => &[Exchanges, Attempts, Events, Ledger],
            Self::Model => &[Exchanges, Attempts, Requests, Ledger],
            Self::Instance => &[Exchanges, Process],
            Self::Status | Self::Outcome | Self::Error | Self::Hint => &[Exchanges, Attempts],
            Self::At => &[Exchanges, Attempts, Events, Log, Metrics, Process],
            Self::Took => &[Exchanges, Attempts, Exit],
            Self::ErrorShape
            | Self::Service
            | Self::FirstByte
            | Self::FirstContent
            | Self::PerToken
            | Self::Added
            | Self::LastHint
            | Self::CapacityIn
            | Self::Attempts
            | Self::Terminated
            | Self::Contents
            | Self::Finish
            | Self::ToolCalls
            | Self::ScriptedTools
            | Self::ToldUpstream
            | Self::ToldKey
            | Self::ToldCost
            | Self::ToldAttempts
            | Self::Bytes
            | Self::ForeignId => &[Exchanges],
            Self::ScriptedText | Self::ToldRequestId => &[Exchanges, Attempts],
            Self::Ordinal | Self::Method | Self::Path => &[Attempts, Requests],
            Self::DeliveredTokens => &[Exchanges, Ledger],
            Self::Stream => &[Exchanges, Attempts, Requests],
            Self::Carries => &[Exchanges, Attempts, Events, Log, Files, Exit],
            Self::Body => &[Exchanges, Attempts],
            Self::Exchange => &[Exchanges, Attempts, Events, Ledger, Code],
            Self::Upstream => &[Exchanges, Attempts],
            Self::Key => &[Attempts, Requests, Ledger],
            Self::NthUsed | Self::Nth => &[Attempts, Requests],
            Self::Gap => &[Attempts, Events],
            Self::Script
            | Self::GapOfKey
            | Self::Cooling
            | Self::SinceLimited
            | Self::SinceFree
            | Self::Probing
            | Self::AfterContent
            | Self::Serving
            | Self::Outlived
            | Self::SameBody
            | Self::InputTokens
            | Self::OutputTokens
            | Self::Joined => &[Attempts],
            Self::Header | Self::HeaderCount => &[Exchanges, Attempts, Requests],
            Self::Json => &[Exchanges, Attempts, Requests, Events],
            Self::Name => &[Events, Metrics, Files],
            Self::Kind | Self::Index => &[Events],
            Self::Text => &[Exchanges, Events, Log, Metrics, Files, Exit, Code],
            Self::Label | Self::Value => &[Metrics],
            Self::TokenClass
            | Self::Tokens
            | Self::UpstreamTokens
            | Self::Cost
            | Self::PricedUpstreamTokens
            | Self::State
            | Self::EndUser
            | Self::Tag => &[Ledger],
            Self::Alive | Self::Memory | Self::Cpu | Self::Descriptors | Self::Sockets | Self::Threads => {
                &[Process]
            }
            Self::Size => &[Files],
            Self::Code | Self::Signal => &[Exit],
            Self::Language | Self::Balanced | Self::Complete => &[Code],
        }
    }

    /// Whether a subject's rows have this field.
    #[must_use]
    pub fn belongs_to(self, subject: Subject) -> bool {
        self.subjects().contains(&subject)
    }

    /// The fields that a subject's rows have, by name.
    pub fn names_of(subject: Subject) -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().filter(move |(_, field, _)| field.belongs_to(subject)).map(|(word, ..)| *word)
    }
}

impl FieldKind {
    /// What the values are, in words.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a whole number",
            Self::Duration => "a duration",
            Self::Flag => "`true` or `false`",
            Self::Status => "a status",
            Self::Size => "a size",
            Self::Money => "an amount of money",
            Self::Share => "a share",
            Self::Any => "a text, a number or a flag",
        }
    }

    /// Two values, the smaller one first, for examples.
    pub(crate) fn examples(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("a", "b"),
            Self::Number => ("1", "3"),
            Self::Duration => ("1s", "2s"),
            Self::Flag => ("true", "true"),
            Self::Status => ("200", "299"),
            Self::Size => ("64KiB", "1MiB"),
            Self::Money => ("0.01 USD", "0.02 USD"),
            Self::Share => ("90%", "99%"),
            Self::Any => ("1", "3"),
        }
    }
}
