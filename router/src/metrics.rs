//! Counters of one router, in the text format of Prometheus. Counting takes no lock.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;

/// Counts by the class of a status.
#[derive(Debug, Default)]
pub(crate) struct ByStatus {
    classes: [AtomicU64; CLASSES.len()],
}

const CLASSES: [&str; 6] = ["2xx", "3xx", "429", "4xx", "5xx", "none"];

impl ByStatus {
    /// Counts one; no status means that there was no answer.
    pub(crate) fn count(&self, status: Option<StatusCode>) {
        let class = match status.map(|status| status.as_u16()) {
            Some(200..=299) => 0,
            Some(300..=399) => 1,
            Some(429) => 2,
            Some(400..=499) => 3,
            Some(500..) => 4,
            Some(..=199) | None => 5,
        };
        self.classes[class].fetch_add(1, Ordering::Relaxed);
    }
}

/// What clients asked and were told.
#[derive(Debug, Default)]
pub(crate) struct RequestCounters {
    by_model: BTreeMap<String, Arc<ByStatus>>,
    /// Requests for no model that is there.
    others: Arc<ByStatus>,
    open: Arc<AtomicU64>,
}

impl RequestCounters {
    /// Counters of these models, which go on counting where those of the same names are.
    pub(crate) fn followed_by<'a>(&self, models: impl Iterator<Item = &'a String>) -> Self {
        let counted = |model: &String| self.by_model.get(model).map(Arc::clone).unwrap_or_default();
        let by_model = models.map(|model| (model.clone(), counted(model))).collect();
        Self { by_model, others: Arc::clone(&self.others), open: Arc::clone(&self.open) }
    }

    /// Counts a request as open until the guard is dropped.
    pub(crate) fn open(&self) -> OpenRequest<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenRequest(self)
    }

    /// Counts what a client was told.
    pub(crate) fn answered(&self, model: Option<&str>, status: StatusCode) {
        let counters = model.and_then(|model| self.by_model.get(model)).unwrap_or(&self.others);
        counters.count(Some(status));
    }
}

/// A request whose answer has not begun.
#[derive(Debug)]
pub(crate) struct OpenRequest<'a>(&'a RequestCounters);

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Writes one metric after the other.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// Begins a metric.
    pub(crate) fn metric(&mut self, name: &str, kind: &str, help: &str) {
        self.0.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// One sample of a metric, with its labels.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            let lead = if at == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(self.0, "{lead}{label}=\"{text}\"").expect("a string takes whatever is written");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        writeln!(self.0, " {value}").expect("a string takes whatever is written");
    }

    /// The samples of a count by status, without those that are zero but for the first.
    pub(crate) fn by_status(&mut self, name: &str, labels: &[(&str, &str)], counted: &ByStatus) {
        for (at, class) in CLASSES.iter().enumerate() {
            let count = counted.classes[at].load(Ordering::Relaxed);
            if count > 0 || at == 0 {
                let labels: Vec<_> = labels.iter().copied().chain([("status", *class)]).collect();
                self.sample(name, &labels, count);
            }
        }
    }

    pub(crate) fn requests(&mut self, counters: &RequestCounters) {
        const TOTAL: &str = "router_requests_total";
        self.metric(TOTAL, "counter", "Answers given to clients, by model and status.");
        for (model, counted) in &counters.by_model {
            self.by_status(TOTAL, &[("model", model)], counted);
        }
        self.by_status(TOTAL, &[("model", "")], &counters.others);
        self.metric("router_requests_open", "gauge", "Requests whose answer has not begun.");
        self.sample("router_requests_open", &[], counters.open.load(Ordering::Relaxed));
    }

    pub(crate) fn text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_each_metric_once_and_escapes_labels() {
        let models = ["a\"b".to_owned()];
        let counters = RequestCounters::default().followed_by(models.iter());
        counters.answered(Some("a\"b"), StatusCode::OK);
        counters.answered(Some("a\"b"), StatusCode::TOO_MANY_REQUESTS);
        counters.answered(None, StatusCode::NOT_FOUND);
        let open = counters.open();
        let mut page = Page::default();
        page.requests(&counters);
        drop(open);
        let text = page.text();
        for line in [
            "# TYPE router_requests_total counter",
            r#"router_requests_total{model="a\"b",status="2xx"} 1"#,
            r#"router_requests_total{model="a\"b",status="429"} 1"#,
            r#"router_requests_total{model="",status="4xx"} 1"#,
            "router_requests_open 1",
        ] {
            assert_eq!(text.lines().filter(|found| *found == line).count(), 1, "{line}\n{text}");
        }
    }
}
