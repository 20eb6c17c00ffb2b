//! How a profile says that something is done to its target: by a request of the operator, or by a signal.

use scenario::{Method, Node, Operation, Problem, Read, SchemaBook, part, words};
use serde_json::json;

use crate::profile::{Auth, OperationText};
use crate::template::Scope;

part! {
    /// What is done to the target by its admin API. What a process allows by itself (restart, kill, start, freeze, thaw) needs
    /// no entry.
    "the operations" => Operations {
        /// How a key is switched off. For example `disable_key: { path: "/keys/{{ key.label }}/disable" }`.
        disable_key: Option<AdminRequest>,
        /// How a key is switched on again. For example `enable_key: { path: "/keys/{{ key.label }}/enable" }`.
        enable_key: Option<AdminRequest>,
        /// How it is made to read its configuration files again, once they are rendered anew: by a request, or by a signal.
        /// For example `reload: { path: /admin/reload }` or `reload: { signal: HUP }`.
        reload: Option<Reload>,
    }
}

part! {
    /// A request to the admin API.
    "an admin request" => AdminRequest {
        /// The method. For example `method: PUT`.
        method: Method = Method::Post,
        /// The path, as a template. It sees the `key`: its label, upstream, fingerprint, secret and variable.
        /// For example `path: "/keys/{{ key.label }}/disable"`.
        path: OperationText,
        /// The body, as a template; sent as JSON. For example `body: '{ "key": {{ key.label | tojson }} }'`.
        body: Option<OperationText>,
        /// Who asks. For example `auth: none`.
        auth: Auth = Auth::Admin,
        /// The status that shows that it was done; any 2xx if missing. For example `status: 204`.
        status: Option<u16>,
    }
}

/// How a target is made to read its configuration files again.
#[derive(Clone, Debug, PartialEq)]
pub enum Reload {
    /// By a request to its admin API.
    Request(AdminRequest),
    /// By a signal to its process.
    Signal(ReloadSignal),
}

part! {
    /// A signal that makes the target read its configuration files again. Nothing tells when it has: a scenario waits until it
    /// sees the effect.
    "a reload by a signal" => ReloadSignal {
        /// The signal. For example `signal: HUP`.
        signal: SignalWord,
    }
}

words! {
    /// A signal that means what a program makes of it.
    "a signal" => SignalWord {
        /// Hang up: by custom, to read the configuration again.
        "HUP" => Hup,
        /// The first one that is free for any use.
        "USR1" => Usr1,
        /// The second one that is free for any use.
        "USR2" => Usr2,
    }
}

impl Read for Reload {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let by_signal =
            node.entries().is_some_and(|entries| entries.iter().any(|entry| entry.key == "signal"));
        if by_signal {
            return ReloadSignal::read(node, problems).map(Self::Signal);
        }
        AdminRequest::read(node, problems).map(Self::Request)
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "a request or a signal", "anyOf": [AdminRequest::schema(book), ReloadSignal::schema(book)] })
    }
}

impl Operations {
    /// The request that carries out an operation.
    #[must_use]
    pub fn request(&self, operation: Operation) -> Option<&AdminRequest> {
        match operation {
            Operation::DisableKey => self.disable_key.as_ref(),
            Operation::EnableKey => self.enable_key.as_ref(),
            Operation::Reload => self.reload_request(),
            Operation::Restart | Operation::Kill | Operation::Start | Operation::Freeze | Operation::Thaw => {
                None
            }
        }
    }

    /// The signal that makes the target read its configuration files again, where it is no request that does.
    #[must_use]
    pub fn reload_signal(&self) -> Option<SignalWord> {
        match &self.reload {
            Some(Reload::Signal(reload)) => Some(reload.signal),
            Some(Reload::Request(_)) | None => None,
        }
    }

    fn reload_request(&self) -> Option<&AdminRequest> {
        match &self.reload {
            Some(Reload::Request(request)) => Some(request),
            Some(Reload::Signal(_)) | None => None,
        }
    }

    fn all(&self) -> impl Iterator<Item = &AdminRequest> {
        [self.disable_key.as_ref(), self.enable_key.as_ref(), self.reload_request()].into_iter().flatten()
    }

    /// Whether anything is done on the operator's behalf.
    pub(crate) fn need_admin(&self) -> bool {
        self.all().any(|request| request.auth == Auth::Admin)
    }

    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        for request in self.all().filter(|request| !request.path.0.text.starts_with('/')) {
            let message = format!("the path `{}` does not begin with `/`", request.path.0.text);
            problems.push(Problem::new(request.path.0.span, message));
        }
        if let Some(reload) = self.reload_request() {
            // It is about no key.
            reload.path.0.check(Scope::Start, problems);
            reload.body.as_ref().map(|body| body.0.check(Scope::Start, problems));
        }
    }
}
