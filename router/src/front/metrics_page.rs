//! `GET /metrics`: everything that is counted, for Prometheus.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use tokio::time::Instant;

use super::relay::ResponseBody;
use super::service::Service;
use crate::accounts::LedgerStanding;
use crate::metrics::Page;
use crate::shared::Contact;

const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub(super) fn answer(service: &Service) -> Response<ResponseBody> {
    let mut page = Page::default();
    page.requests(&service.requests);
    of_providers(service, &mut page);
    of_growth(service, &mut page);
    of_services(service, &mut page);
    if let Some(books) = &service.books {
        of_ledger(&books.ledger().standing(), &mut page);
    }
    if let Some(link) = &service.link {
        of_store(&link.contact(), &mut page);
    }
    service.policies.upkeep.more_metrics(&mut page);
    let mut response = Response::new(ResponseBody::whole(Bytes::from(page.text())));
    response.headers_mut().insert(header::CONTENT_TYPE, PROMETHEUS);
    response
}

fn of_providers(service: &Service, page: &mut Page) {
    const ATTEMPTS: &str = "router_attempts_total";
    const KEYS: &str = "router_keys";
    page.metric(ATTEMPTS, "counter", "Attempts at providers, by the key that made them and how they ended.");
    for provider in service.providers() {
        for (key, attempts) in provider.attempts() {
            page.by_status(ATTEMPTS, &[("provider", provider.name()), ("key", &key)], &attempts);
        }
    }
    page.metric(KEYS, "gauge", "Keys of providers, by their standing.");
    for provider in service.providers() {
        for (standing, count) in provider.learned().pools.standings(Instant::now()) {
            let labels = [("provider", provider.name()), ("standing", standing.word())];
            page.sample(KEYS, &labels, u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}

/// What providers said of growth, and what was seen to come before they said anything: two things, and two names.
fn of_growth(service: &Service, page: &mut Page) {
    const SPIKES: &str = "router_spikes_total";
    const GROWTHS: &str = "router_key_growths_predicted_total";
    page.metric(SPIKES, "counter", "How often a provider said that its traffic grew too fast.");
    for provider in service.providers() {
        page.sample(SPIKES, &[("provider", provider.name())], provider.spikes());
    }
    if !service.models.values().any(|model| model.predicts) {
        return;
    }
    page.metric(
        GROWTHS,
        "counter",
        "How often the use of a key was seen to grow towards a limit of the settings.",
    );
    for provider in service.providers() {
        for standing in provider.standings(Instant::now()) {
            for (model, (_, begun)) in &standing.growths {
                let labels = [("provider", provider.name()), ("key", standing.key.name()), ("model", model)];
                page.sample(GROWTHS, &labels, *begun);
            }
        }
    }
}

fn of_services(service: &Service, page: &mut Page) {
    const TOTAL: &str = "router_service_requests_total";
    const GROWTHS: &str = "router_api_growths_predicted_total";
    if service.services.is_empty() {
        return;
    }
    page.metric(TOTAL, "counter", "Answers given to clients of services, by service and status.");
    for of in &service.services {
        page.by_status(TOTAL, &[("service", of.name())], of.answered());
    }
    page.metric(GROWTHS, "counter", "How often the use of an API was seen to grow towards its limit.");
    for api in service.apis() {
        page.sample(GROWTHS, &[("api", api.name())], api.predictions());
    }
}

fn of_store(contact: &Contact, page: &mut Page) {
    const UP: &str = "router_shared_up";
    const LOSSES: &str = "router_shared_losses_total";
    page.metric(UP, "gauge", "Whether the store that routers share answers.");
    page.sample(UP, &[], u64::from(contact.is_up));
    page.metric(LOSSES, "counter", "How often the store that routers share went away.");
    page.sample(LOSSES, &[], contact.losses);
}

fn of_ledger(standing: &LedgerStanding, page: &mut Page) {
    for (name, kind, help, value) in [
        ("router_ledger_up", "gauge", "Whether the ledger could be written at the last try.", {
            u64::from(standing.problem.is_none())
        }),
        ("router_ledger_rows_total", "counter", "Rows written to the ledger.", standing.written),
        ("router_ledger_rows_waiting", "gauge", "Rows on their way to the ledger.", standing.waiting),
        (
            "router_ledger_rows_lost_total",
            "counter",
            "Rows for which there was no room while the ledger could not be written.",
            standing.lost,
        ),
        (
            "router_ledger_write_failures_total",
            "counter",
            "Writes to the ledger that failed.",
            standing.failures,
        ),
        (
            "router_ledger_unconfirmed_total",
            "counter",
            "Answers that were let go before their rows were in the ledger, since that took too long.",
            standing.unconfirmed,
        ),
    ] {
        page.metric(name, kind, help);
        page.sample(name, &[], value);
    }
}
