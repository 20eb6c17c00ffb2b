//! What a profile says: the target's name and nature, what it claims, and what it confesses.

use std::time::Duration;

use scenario::{At, Capability, Dialect, Named, Problem, Read, SchemaBook, Span, Surface, part, words};

use crate::profile::{
    Bound, CommandLine, FallbacksOff, HeaderName, Instances, KnownFailure, Mode, Operations, PerModel, Reads,
    RequestText, Start, UrlPath,
};

part! {
    /// A target: how it is started and configured, what it claims, and what is known of it.
    "a profile" => Declaration {
        /// Its name. For example `target: litellm`.
        target: At<String>,
        /// What it is, in a sentence. For example `describes: LiteLLM proxy, run as a process`.
        describes: String,
        /// How it tells its version. For example `version: { command: [litellm, --version] }`.
        version: Option<VersionCommand>,
        /// How it is started and stopped.
        /// For example `start: { process: { command: [my-router] }, ready: { get: /health } }`.
        start: Start,
        /// How it tells an upstream's keys apart. For example `keys_by: address`.
        keys_by: KeysBy = KeysBy::Credential,
        /// The settings that it can have for one model alone. Every other one is the whole process's: scenarios that differ
        /// in it cannot share an instance. For example `per_model: [pool, fallbacks]`.
        per_model: Vec<At<PerModel>>,
        /// How many instances can run side by side, and what they share.
        /// For example `instances: { max: 2, store: redis }`.
        instances: Instances = Instances { max: 1, store: None, span: Span::default() },
        /// The dialects in which clients may talk to it. For example `speaks: [openai, anthropic]`.
        speaks: At<Vec<Dialect>>,
        /// The surfaces that it offers in the dialects that it speaks. For example `surfaces: [chat, responses]`.
        surfaces: Vec<Surface> = vec![Surface::Chat],
        /// The header that it wants of its clients.
        /// For example `authorization: { header: authorization, value: "Bearer {{ tenant_key }}" }`.
        authorization: Option<Authorization>,
        /// The header that it wants of its operator; that of its clients, with the admin key, if missing.
        /// For example `admin: { header: authorization, value: "Bearer {{ admin_key }}" }`.
        admin: Option<Authorization>,
        /// Every header by which a client may prove who it is.
        /// For example `credentials: [{ header: authorization }, { header: x-api-key }]`.
        credentials: Vec<CredentialHeader>,
        /// The headers of clients that it hands on to upstreams. For example `forwards_headers: [openai-beta]`.
        forwards_headers: Vec<HeaderName>,
        /// How a client tells it to ask no other model than the one that the request names; by a header, or by fields of the
        /// body. For example `without_fallbacks: { header: x-no-fallbacks, value: "true" }` or
        /// `without_fallbacks: { body: { disable_fallbacks: true } }`.
        without_fallbacks: Option<FallbacksOff>,
        /// Where it answers what; a dialect's own paths if missing.
        /// For example `paths: { liveness: /health/liveness, models: /v1/models }`.
        paths: Paths = Paths::none(),
        /// What can be read from it. For example `reads: { cost: { header: x-response-cost } }`.
        reads: Reads = Reads::nothing(),
        /// How long readings may change after the last answer: they are repeated until two in a row agree, or until this has
        /// passed. For example `settles_within: 5s`.
        settles_within: Duration = Duration::from_secs(2),
        /// How its admin API carries out operations. For example `operations: { reload: { path: /admin/reload } }`.
        operations: Operations =
            Operations { disable_key: None, enable_key: None, reload: None, span: Span::default() },
        /// The capabilities that it has. For example `claims: [key-pool, streaming]`.
        claims: Vec<At<Capability>>,
        /// The numbers that it promises to keep, by name. For example `bounds: { cooldown_lag: 2s, amplification: 3 }`.
        bounds: Named<Bound>,
        /// How a defect is switched on; without it, the target has none. For example `defects: { flag: --defect }`.
        defects: Option<Defects>,
        /// The failures that it confesses.
        /// For example `known_failures: [{ rule: OBS-005, scenario: observability/attempts-shown, verdict: fail,
        /// reason: no such header, until: 2027-06-30 }]`.
        known_failures: Vec<KnownFailure>,
    }
}

words! {
    /// How a target tells an upstream's keys apart.
    "how keys are told apart" => KeysBy {
        /// By what it sends: each request carries its key.
        "credential" => Credential,
        /// By where it sends: it knows no keys but addresses of workers, so that each key is given one (`base_url` of a key), and
        /// whoever asks there uses that key, whatever the request carries.
        "address" => Address,
    }
}

part! {
    /// How a target tells its version.
    "a version" => VersionCommand {
        /// A command that prints it and ends. For example `command: [litellm, --version]`.
        command: CommandLine,
    }
}

part! {
    /// A header that every request to the target carries.
    "an authorization" => Authorization {
        /// Its name. For example `header: authorization`.
        header: HeaderName,
        /// Its value, as a template. It sees `tenant_key`: the key of the tenant on whose behalf the request is sent, and the
        /// admin key where there is none; and `admin_key`. For example `value: "Bearer {{ tenant_key }}"`.
        value: RequestText,
    }
}

part! {
    /// A header by which a client may prove who it is.
    "a credential" => CredentialHeader {
        /// Its name. For example `header: x-api-key`.
        header: HeaderName,
        /// Its value, as a template that sees `tenant_key`; the key behind `Bearer ` in `authorization`, and alone in any other
        /// header, if missing. For example `value: "Key {{ tenant_key }}"`.
        value: Option<RequestText>,
    }
}

part! {
    /// Where a target answers what.
    "the paths" => Paths {
        /// Whether it is alive. For example `liveness: /health/liveness`.
        liveness: Option<UrlPath>,
        /// Whether it is ready. For example `readiness: /health/readiness`.
        readiness: Option<UrlPath>,
        /// The models that it offers. For example `models: /v1/models`.
        models: Option<UrlPath>,
        /// Where chat requests are posted. For example `chat: /v1/chat/completions`.
        chat: Option<UrlPath>,
        /// The keys that clients were given; asked for on the operator's behalf. For example `keys: /admin/keys`.
        keys: Option<UrlPath>,
        /// The configuration that is in force; asked for on the operator's behalf. For example `config: /admin/config`.
        config: Option<UrlPath>,
        /// How the upstreams of services are used; asked for on the operator's behalf.
        /// For example `analytics: /admin/analytics`.
        analytics: Option<UrlPath>,
    }
}

part! {
    /// How a defect of the target is switched on.
    "the defects" => Defects {
        /// The flag that goes, with the defect's name behind it, to the end of the command.
        /// For example `flag: --defect`.
        flag: String,
    }
}

/// The JSON Schema of a profile's file.
#[must_use]
pub fn profile_schema() -> serde_json::Value {
    let mut book = SchemaBook::default();
    let root = Declaration::schema(&mut book);
    book.finish("https://stormproof.dev/schema/profile.json", "Stormproof target profile", root)
}

impl Paths {
    fn none() -> Self {
        let span = Span::default();
        Self {
            liveness: None,
            readiness: None,
            models: None,
            chat: None,
            keys: None,
            config: None,
            analytics: None,
            span,
        }
    }
}

impl Declaration {
    /// Tells what is of the right type and still makes no sense.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if self.speaks.value.is_empty() {
            let problem = Problem::new(self.speaks.span, "a target that speaks no dialect");
            problems.push(problem.help("name at least one: `speaks: [openai]`"));
        }
        for (index, claim) in self.claims.iter().enumerate() {
            if let Some(first) = self.claims[..index].iter().find(|other| other.value == claim.value) {
                let problem = Problem::new(claim.span, format!("`{}` claimed twice", claim.value.word()));
                problems.push(problem.also(first.span, "the first one"));
            }
        }
        if let (Some(first), Mode::Fresh) = (self.per_model.first(), self.start.mode) {
            problems.push(
                Problem::new(first.span, "`per_model` of a target that no two scenarios share")
                    .help("write `mode: shared` under `start:`, or remove it"),
            );
        }
        self.check_claims(problems);
        self.check_admin(problems);
        self.instances.check(problems);
        self.reads.check(problems);
        if let Some(off) = &self.without_fallbacks {
            off.check(problems);
        }
        self.operations.check(problems);
        self.start.check(problems);
    }

    /// Tells a claim that nothing in the profile lets anybody put to the test.
    fn check_claims(&self, problems: &mut Vec<Problem>) {
        let authorization = self.authorization.as_ref().map(|header| header.value.0.text.as_str());
        for claim in &self.claims {
            let (shown, help) = match claim.value {
                Capability::Tenants => (
                    authorization.is_some_and(|value| value.contains("tenant_key")),
                    "say how a client proves who it is: `authorization: { header: authorization, value: \"Bearer {{ \
                     tenant_key }}\" }`",
                ),
                Capability::Ledger => {
                    (self.reads.ledger.is_some(), "say under `reads:` where it is: `ledger: ...`")
                }
                Capability::Metrics => (
                    self.reads.metrics.is_some(),
                    "say under `reads:` where they are: `metrics: { get: /metrics }`",
                ),
                Capability::SharedState => (
                    self.instances.max > 1,
                    "say how several instances share it: `instances: { max: 2, store: redis }`",
                ),
                _ => continue,
            };
            if !shown {
                let message = format!("`{}` is claimed, and nothing shows it", claim.value.word());
                problems.push(Problem::new(claim.span, message).help(help));
            }
        }
    }

    /// Tells a request of the operator that nothing proves to be the operator's.
    fn check_admin(&self, problems: &mut Vec<Problem>) {
        let needed = [
            (self.reads.need_admin(), self.reads.span),
            (self.operations.need_admin(), self.operations.span),
        ];
        if self.admin.is_some() || self.authorization.is_some() {
            return;
        }
        for (_, span) in needed.into_iter().filter(|(needed, _)| *needed) {
            let problem = Problem::new(span, "a request of the operator, and nothing says how it is known");
            problems.push(problem.help(
                "write `admin: { header: authorization, value: \"Bearer {{ admin_key }}\" }`, or `auth: none` beside the path",
            ));
        }
    }
}
