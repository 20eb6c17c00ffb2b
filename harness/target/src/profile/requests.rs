//! What the harness asks of a target on the operator's behalf: readings, and operations by its admin API.

use scenario::{Method, Named, Operation, Problem, part, words};

use crate::profile::{HeaderName, OperationText, UrlPath, ValuePath};
use crate::template::Scope;

part! {
    /// What can be read from the target.
    "the readings" => Reads {
        /// The header of an answer that tells who served it. For example `served_by: { header: x-model-id }`.
        served_by: Option<HeaderReading>,
        /// The header of an answer that tells what it cost. For example `cost: { header: x-response-cost }`.
        cost: Option<CostReading>,
        /// The ledger: what each exchange cost.
        /// For example `ledger: { get: /admin/ledger, rows: "$.rows[*]", fields: { cost: "$.cost" } }`.
        ledger: Option<LedgerReading>,
        /// The counters, in the text format of Prometheus. For example `metrics: { get: /metrics }`.
        metrics: Option<MetricsReading>,
        /// The state as a JSON document; its numbers are read as counters.
        /// For example `status: { get: /status, fields: { parked: "$.pools[*].parked" } }`.
        status: Option<StatusReading>,
    }
}

part! {
    /// A header of an answer.
    "a header" => HeaderReading {
        /// Its name. For example `header: x-model-id`.
        header: HeaderName,
    }
}

part! {
    /// A header of an answer that tells money.
    "a header with a cost" => CostReading {
        /// Its name. For example `header: x-response-cost`.
        header: HeaderName,
        /// The unit of its number. For example `unit: micros`.
        unit: MoneyUnit = MoneyUnit::Usd,
    }
}

words! {
    /// The unit of an amount of money.
    "a unit of money" => MoneyUnit {
        /// Dollars: `0.000123`.
        "usd" => Usd,
        /// Millionths of a dollar: `123`.
        "micros" => Micros,
    }
}

words! {
    /// Who asks.
    "who asks" => Auth {
        /// The operator, with the header under `admin:`.
        "admin" => Admin,
        /// Anybody: no header at all.
        "none" => None,
    }
}

part! {
    /// Where the ledger is read, and how its rows are written.
    "the ledger" => LedgerReading {
        /// The path that answers with it, as JSON. For example `get: /admin/ledger?limit=1000`.
        get: UrlPath,
        /// Who asks. For example `auth: none`.
        auth: Auth = Auth::Admin,
        /// Whether instances that share a store have one ledger together; otherwise each has its own.
        /// For example `shared: true`.
        shared: bool = false,
        /// Which values of the document are rows. For example `rows: "$.rows[*]"`.
        rows: ValuePath,
        /// How the next page is asked for, where it comes in pages.
        /// For example `pages: { next: "$.next", parameter: after }`.
        pages: Option<LedgerPages>,
        /// Where each value stands in a row. For example `fields: { tenant: "$.tenant", cost: "$.cost" }`.
        fields: LedgerFields,
    }
}

part! {
    /// How the next page of a ledger is asked for.
    "the pages of the ledger" => LedgerPages {
        /// Where a page says what comes next; there is no further page where it says nothing.
        /// For example `next: "$.next"`.
        next: ValuePath,
        /// The parameter of the query that takes this value. For example `parameter: after`.
        parameter: String,
    }
}

part! {
    /// Where the values of a ledger's row stand, each as a JSONPath from the row.
    "the fields of the ledger" => LedgerFields {
        /// A text with the correlation mark of the exchange: the caller's own id, or the end of the prompt. If the path finds
        /// several, any of them may hold it: `$['caller_id','prompt_end']`.
        /// For example `exchange: "$['caller_id','prompt']"`.
        exchange: Option<ValuePath>,
        /// Who was charged. For example `tenant: "$.tenant"`.
        tenant: Option<ValuePath>,
        /// The model. For example `model: "$.model"`.
        model: Option<ValuePath>,
        /// The key or deployment that was used. For example `key: "$.key"`.
        key: Option<ValuePath>,
        /// Input tokens that were in no cache. For example `input: "$.tokens.input"`.
        input: Option<ValuePath>,
        /// Input tokens that were read from the cache. For example `cache_read: "$.tokens.cache_read"`.
        cache_read: Option<ValuePath>,
        /// Input tokens that were written to the cache. For example `cache_write: "$.tokens.cache_write"`.
        cache_write: Option<ValuePath>,
        /// Output tokens. For example `output: "$.tokens.output"`.
        output: Option<ValuePath>,
        /// The cost; where a row has none, it is unknown. For example `cost: "$.cost"`.
        cost: Option<ValuePath>,
        /// The unit of the cost. For example `unit: micros`.
        unit: MoneyUnit = MoneyUnit::Usd,
        /// What the ledger says of the row: settled, reserved, and the like. For example `state: "$.state"`.
        state: Option<ValuePath>,
    }
}

part! {
    /// Where the counters are read.
    "the metrics" => MetricsReading {
        /// The path that answers with them. For example `get: /metrics`.
        get: UrlPath,
        /// Who asks. For example `auth: admin`.
        auth: Auth = Auth::None,
    }
}

part! {
    /// Where the state is read.
    "the status" => StatusReading {
        /// The path that answers with it, as JSON. For example `get: /status`.
        get: UrlPath,
        /// Who asks. For example `auth: none`.
        auth: Auth = Auth::Admin,
        /// The counters that are taken from it, by name: where the number of each stands. Several numbers are added.
        /// For example `fields: { parked: "$.pools[*].parked" }`.
        fields: Named<ValuePath>,
    }
}

part! {
    /// What is done to the target by its admin API. What a process allows by itself (restart, kill, start, freeze, thaw) needs
    /// no entry.
    "the operations" => Operations {
        /// How a key is switched off. For example `disable_key: { path: "/keys/{{ key.label }}/disable" }`.
        disable_key: Option<AdminRequest>,
        /// How a key is switched on again. For example `enable_key: { path: "/keys/{{ key.label }}/enable" }`.
        enable_key: Option<AdminRequest>,
        /// How the configuration is read again. For example `reload: { path: /admin/reload }`.
        reload: Option<AdminRequest>,
    }
}

part! {
    /// A request to the admin API.
    "an admin request" => AdminRequest {
        /// The method. For example `method: PUT`.
        method: Method = Method::Post,
        /// The path, as a template. It sees the `key`: its label, upstream, fingerprint and secret.
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

impl Reads {
    /// Whether anything is read on the operator's behalf.
    pub(crate) fn need_admin(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.auth == Auth::Admin)
            || self.metrics.as_ref().is_some_and(|metrics| metrics.auth == Auth::Admin)
            || self.status.as_ref().is_some_and(|status| status.auth == Auth::Admin)
    }

    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if let Some(status) = self.status.as_ref().filter(|status| status.fields.0.is_empty()) {
            problems.push(
                Problem::new(status.span, "a status of which nothing is taken")
                    .help("name its counters: `fields: { parked: \"$.parked\" }`"),
            );
        }
    }
}

impl Operations {
    /// The request that carries out an operation.
    #[must_use]
    pub fn request(&self, operation: Operation) -> Option<&AdminRequest> {
        match operation {
            Operation::DisableKey => self.disable_key.as_ref(),
            Operation::EnableKey => self.enable_key.as_ref(),
            Operation::Reload => self.reload.as_ref(),
            Operation::Restart | Operation::Kill | Operation::Start | Operation::Freeze | Operation::Thaw => {
                None
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &AdminRequest> {
        [&self.disable_key, &self.enable_key, &self.reload].into_iter().flatten()
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
        if let Some(reload) = &self.reload {
            // It is about no key.
            reload.path.0.check(Scope::Start, problems);
            reload.body.as_ref().map(|body| body.0.check(Scope::Start, problems));
        }
    }
}
