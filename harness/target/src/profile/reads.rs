//! What a profile says that can be read from its target: of answers, of its ledger, of its counters and of its state.

use record::{Counting, ToldHeaders};
use scenario::{Named, Problem, Span, part, words};

use crate::profile::{HeaderName, LedgerReading, UrlPath, ValuePath};

part! {
    /// What can be read from the target.
    "the readings" => Reads {
        /// The header of an answer that tells who served it. For example `served_by: { header: x-model-id }`.
        served_by: Option<HeaderReading>,
        /// The header of an answer that tells what it cost. For example `cost: { header: x-response-cost }`.
        cost: Option<CostReading>,
        /// The header of an answer that tells how many attempts it took.
        /// For example `attempts: { header: x-attempts, counts: attempts }`.
        attempts: Option<AttemptsReading>,
        /// The header of an answer that tells which key served it. For example `key: { header: x-key }`.
        key: Option<HeaderReading>,
        /// The header of an answer that tells the id of the request. For example `request_id: { header: x-request-id }`.
        request_id: Option<HeaderReading>,
        /// The ledger: what each exchange cost.
        /// For example `ledger: { get: /admin/ledger, rows: "$.rows[*]", fields: { cost: "$.cost" } }`.
        ledger: Option<LedgerReading>,
        /// The counters, in the text format of Prometheus. For example `metrics: { get: /metrics }`.
        metrics: Option<MetricsReading>,
        /// The state as a JSON document; its numbers and words are read beside the counters.
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

part! {
    /// A header of an answer that tells how often an upstream was asked.
    "a header with a number of attempts" => AttemptsReading {
        /// Its name. For example `header: x-attempts`.
        header: HeaderName,
        /// What its number counts. For example `counts: retries`.
        counts: Counts = Counts::Attempts,
    }
}

words! {
    /// What a number counts.
    "what is counted" => Counts {
        /// Every attempt: 1 if the first one succeeded.
        "attempts" => Attempts,
        /// Those after the first one: 0 if the first one succeeded.
        "retries" => Retries,
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
    /// Where the counters are read.
    "the metrics" => MetricsReading {
        /// The path that answers with them. For example `get: /metrics`.
        get: UrlPath,
        /// Who asks. For example `auth: admin`.
        auth: Auth = Auth::None,
        /// The suite's names of counters, and what the target calls them; one that is not here keeps its name.
        /// For example `names: { requests_total: my_router_requests }`.
        names: Named<String>,
        /// The suite's names of labels, and what the target calls them; one that is not here keeps its name.
        /// For example `labels: { key: api_key_alias }`.
        labels: Named<String>,
    }
}

part! {
    /// Where the state is read.
    "the status" => StatusReading {
        /// The path that answers with it, as JSON. For example `get: /status`.
        get: UrlPath,
        /// Who asks. For example `auth: none`.
        auth: Auth = Auth::Admin,
        /// What is taken from it, by name: where the value of each stands. Several numbers are added to one counter; each text
        /// is a row of its own. Only a path with `*`, `?` or `..` may find nothing.
        /// For example `fields: { parked: "$.pools[*].parked" }`.
        fields: Named<ValuePath>,
    }
}

impl Reads {
    /// Nothing at all.
    pub(crate) fn nothing() -> Self {
        Self {
            served_by: None,
            cost: None,
            attempts: None,
            key: None,
            request_id: None,
            ledger: None,
            metrics: None,
            status: None,
            span: Span::default(),
        }
    }

    /// The headers of an answer in which the target tells of an exchange.
    pub(crate) fn told_headers(&self) -> ToldHeaders {
        let name = |reading: &HeaderReading| reading.header.0.clone();
        ToldHeaders {
            served_by: self.served_by.as_ref().map(name),
            cost: self.cost.as_ref().map(|cost| (cost.header.0.clone(), cost.unit.into())),
            attempts: self.attempts.as_ref().map(|attempts| {
                let counts = match attempts.counts {
                    Counts::Attempts => Counting::Attempts,
                    Counts::Retries => Counting::Retries,
                };
                (attempts.header.0.clone(), counts)
            }),
            key: self.key.as_ref().map(name),
            request_id: self.request_id.as_ref().map(name),
        }
    }

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
        if let Some(metrics) = &self.metrics {
            told_once("counter", &metrics.names, problems);
            told_once("label", &metrics.labels, problems);
        }
    }
}

/// What the target calls something has one name of the suite's.
fn told_once(what: &str, names: &Named<String>, problems: &mut Vec<Problem>) {
    for (index, (name, own)) in names.0.iter().enumerate() {
        let first = names.0[..index].iter().find(|(_, other)| other == own);
        if let Some((first, _)) = first {
            let problem = Problem::new(name.span, format!("the {what} `{own}` has two names"));
            problems.push(problem.also(first.span, "the first one"));
        }
    }
}
