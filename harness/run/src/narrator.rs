//! Facts as lines for people, while they happen: `-v` shows exchanges and attempts, `--follow` the target's log.

use std::collections::HashMap;

use record::{AttemptRow, Entry, ExchangeId, ExchangeRow, Fact, LedgerRow, MetricSeen, NameId, Outcome};
use scenario::Money;

/// What is told of a trial while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Exchanges, attempts, steps and phases.
    pub facts: bool,
    /// The target's log.
    pub log: bool,
}

/// Turns the facts of one trial into lines.
#[derive(Debug)]
pub struct Narrator {
    told: Told,
    names: HashMap<NameId, String>,
}

impl Narrator {
    /// A narrator that tells this much.
    #[must_use]
    pub fn new(told: Told) -> Self {
        Self { told, names: HashMap::new() }
    }

    /// The line of a fact, if it is told.
    pub fn line(&mut self, fact: &Fact) -> Option<String> {
        match fact {
            Fact::Exchange(row) => self.told.facts.then(|| self.exchange(row)),
            Fact::Attempt(row) => self.told.facts.then(|| self.attempt(row)),
            Fact::Entry(entry) => self.entry(entry),
        }
    }

    fn entry(&mut self, entry: &Entry) -> Option<String> {
        match entry {
            Entry::Name { id, text } => {
                self.names.insert(*id, text.clone());
                None
            }
            Entry::Log { line, .. } => self.told.log.then(|| format!("| {line}")),
            other if self.told.facts => self.seldom(other),
            _ => None,
        }
    }

    /// What is seen once or seldom. Of an exchange's events and text, and of what the process uses, there is too much to read.
    fn seldom(&self, entry: &Entry) -> Option<String> {
        Some(match entry {
            Entry::Began { traffic, .. } => format!("{} begins", self.name(*traffic)),
            Entry::Ended { traffic, .. } => format!("{} is over", self.name(*traffic)),
            Entry::Carried(carried) => {
                format!("  carried {:>4}  {}", exchange_number(carried.exchange), carried.what.join(", "))
            }
            Entry::Ledger(row) => ledger(row),
            Entry::Metric(metric) => metric_line(metric),
            Entry::Ran(ran) => {
                let name = self.name(ran.traffic);
                match (ran.code, ran.signal) {
                    (Some(code), _) => format!("{name} ended with code {code}"),
                    (None, Some(signal)) => format!("{name} was ended by signal {signal}"),
                    (None, None) => format!("{name} ended"),
                }
            }
            Entry::File(file) => {
                format!("{} left {} ({} bytes)", self.name(file.traffic), file.path, file.size)
            }
            Entry::Operated(done) => {
                let failed = done.failed.as_ref().map_or_else(String::new, |why| format!(": {why}"));
                format!("{} {}{failed}", done.operation, done.to)
            }
            Entry::Mistake(mistake) => format!("a mistake of the scenario: {mistake}"),
            Entry::Trial(_)
            | Entry::Cast(_)
            | Entry::Name { .. }
            | Entry::Figures(_)
            | Entry::Part(_)
            | Entry::Pair(_)
            | Entry::Sample(_)
            | Entry::Answer(_)
            | Entry::Event(_)
            | Entry::EventsCut { .. }
            | Entry::Text(_)
            | Entry::Said(_)
            | Entry::Unmatched(_)
            | Entry::Process(_)
            | Entry::Lag(_)
            | Entry::Target { .. }
            | Entry::Log { .. }
            | Entry::End(_) => return None,
        })
    }

    fn exchange(&self, row: &ExchangeRow) -> String {
        let took =
            row.took().map_or_else(String::new, |took| format!(" in {:.1}ms", took.as_secs_f64() * 1_000.0));
        let result = result(row.status, row.outcome, self.some_name(row.error));
        format!("exchange {:>4}  {}  {result}{took}", row.id.0, self.name(row.traffic))
    }

    fn attempt(&self, row: &AttemptRow) -> String {
        let exchange = exchange_number(row.exchange);
        let key = self.some_name(row.key).unwrap_or("no key");
        let script = self.some_name(row.script).map_or_else(String::new, |script| format!("  ({script})"));
        let hint =
            row.hint().map_or_else(String::new, |hint| format!("  wait {}", scenario::show_duration(hint)));
        let result = result(row.status, row.outcome, self.some_name(row.error));
        format!("  attempt {exchange:>4}  {}/{key}  {result}{hint}{script}", self.name(row.upstream))
    }

    fn name(&self, id: NameId) -> &str {
        self.some_name(id).unwrap_or("?")
    }

    fn some_name(&self, id: NameId) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }
}

fn exchange_number(id: ExchangeId) -> String {
    match id {
        ExchangeId::NONE => "-".to_owned(),
        ExchangeId(number) => number.to_string(),
    }
}

fn ledger(row: &LedgerRow) -> String {
    let exchange = row.exchange.map_or_else(|| "-".to_owned(), exchange_number);
    let cost = match row.cost_micros {
        Some(micros) => Money { micros }.to_string(),
        None => "an unknown cost".to_owned(),
    };
    let tokens = row.tokens;
    let all = tokens.input + tokens.cache_read + tokens.cache_write + tokens.output;
    format!("  ledger  {exchange:>4}  {} {} {all} tokens, {cost} {}", row.tenant, row.model, row.state)
}

fn metric_line(metric: &MetricSeen) -> String {
    let labels: Vec<String> = metric.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("  metric  {}{{{}}} {}", metric.name, labels.join(","), metric.value)
}

fn result(status: u16, outcome: Outcome, error: Option<&str>) -> String {
    let mut words = Vec::new();
    if status != 0 {
        words.push(status.to_string());
    }
    words.extend(error.map(str::to_owned));
    if outcome != Outcome::Complete {
        words.push(outcome.word().to_owned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Moment;

    #[test]
    fn an_attempt_is_told_with_its_names() {
        let mut narrator = Narrator::new(Told { facts: true, log: false });
        for (id, text) in [(0, "openai"), (1, "first"), (2, "limited"), (3, "rate_limit")] {
            let name = Entry::Name { id: NameId(id), text: text.to_owned() };
            assert_eq!(narrator.line(&Fact::Entry(Box::new(name))), None);
        }
        let mut row = AttemptRow::opened(NameId(0), Moment(0));
        (row.exchange, row.key, row.script, row.error) = (ExchangeId(7), NameId(1), NameId(2), NameId(3));
        (row.status, row.outcome, row.hint_ms) = (429, Outcome::Complete, 20_000);
        let line = narrator.line(&Fact::Attempt(row)).unwrap();
        assert_eq!(line, "  attempt    7  openai/first  429 rate_limit  wait 20s  (limited)");
    }

    #[test]
    fn what_is_not_asked_for_is_not_told() {
        let mut narrator = Narrator::new(Told { facts: false, log: true });
        let log = Entry::Log { at: Moment(0), line: "ready".into() };
        assert_eq!(narrator.line(&Fact::Entry(Box::new(log))).as_deref(), Some("| ready"));
        let row = AttemptRow::opened(NameId(0), Moment(0));
        assert_eq!(narrator.line(&Fact::Attempt(row)), None);
    }
}
