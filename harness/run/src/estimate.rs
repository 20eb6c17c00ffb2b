//! What a trial would send, how long that takes and what it could cost, before anything is started.

use std::time::Duration;

use scenario::{
    Closed, Course, Data, Deeds, Errand, Flow, Generator, Open, Phase, Request, Scenario, Schedule, Traffic,
    offsets,
};

/// What a trial would do. What depends on how fast the target answers is not counted, and said to be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// How many requests it sends at least.
    pub requests: u64,
    /// Whether more are sent if the target answers fast.
    pub more: bool,
    /// How long it takes at least, without the start of the target and the time that answers take.
    pub lasts: Duration,
    /// About how many tokens the requests hold.
    pub input_tokens: u64,
    /// The most tokens that the answers can have; none where a request sets no limit.
    pub output_tokens: Option<u64>,
    /// What it could cost in millionths of a dollar by the world's prices; none where a price or a limit is missing.
    pub cost_micros: Option<u64>,
}

impl Estimate {
    /// What a case would do.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let mut whole = Self { output_tokens: Some(0), cost_micros: Some(0), ..Self::default() };
        for entry in &scenario.traffic {
            let part = Self::of_entry(scenario, entry);
            let alone = !matches!(entry, Traffic::Phase(phase) if phase.beside.is_some());
            whole = whole.and(Self { lasts: if alone { part.lasts } else { Duration::ZERO }, ..part });
        }
        whole
    }

    /// What two would do one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            more: self.more || other.more,
            lasts: self.lasts + other.lasts,
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens.zip(other.output_tokens).map(|(a, b)| a + b),
            cost_micros: self.cost_micros.zip(other.cost_micros).map(|(a, b)| a.saturating_add(b)),
        }
    }

    fn of_entry(scenario: &Scenario, entry: &Traffic) -> Self {
        let (times, more, lasts) = match entry {
            Traffic::Step(step) => (u64::from(step.repeat) * turns(&step.errand), false, Duration::ZERO),
            Traffic::Phase(phase) => {
                let lasts = phase_lasts(scenario, phase);
                let (times, more) = phase_sends(&phase.schedule, lasts);
                (times, more, lasts)
            }
            Traffic::Pause(pause) => (0, false, pause.lasts),
            Traffic::Operate(_) | Traffic::Exec(_) | Traffic::WaitUntil(_) => (0, false, Duration::ZERO),
        };
        let requests: Vec<Request> = entry.requests(&scenario.requests).collect();
        let of = Self {
            requests: times,
            more,
            lasts,
            output_tokens: Some(0),
            cost_micros: Some(0),
            ..Self::default()
        };
        // They are sent in turn, so each is sent about equally often.
        let share = |number: u64| number.saturating_mul(times) / requests.len().max(1) as u64;
        requests.iter().fold(of, |of, request| {
            let (input, output) = (input_of(request), output_of(request));
            Self {
                input_tokens: of.input_tokens + share(input),
                output_tokens: of.output_tokens.zip(output).map(|(a, b)| a + share(b)),
                cost_micros: of
                    .cost_micros
                    .zip(cost(scenario, request, input, output))
                    .map(|(a, b)| a + share(b)),
                ..of
            }
        })
    }
}

fn turns(errand: &Errand) -> u64 {
    match errand {
        Errand::Converse(talk) => talk.turns.len() as u64,
        Errand::Send(_) | Errand::Get(_) | Errand::Raw(_) => 1,
    }
}

/// How long a phase lasts by its own schedule, or by that of the one that it accompanies.
pub(crate) fn phase_lasts(scenario: &Scenario, phase: &Phase) -> Duration {
    let own = match &phase.schedule {
        Schedule::Burst(_) => Duration::ZERO,
        Schedule::Closed(Closed { lasts, .. }) | Schedule::Flow(Flow { lasts, .. }) => {
            lasts.unwrap_or_default()
        }
        Schedule::Open(open) if open.steps.is_empty() => open.lasts.unwrap_or_default(),
        Schedule::Open(open) => open.steps.iter().map(|step| step.lasts).sum(),
        Schedule::Replay(file) => {
            offsets(&file.text).ok().and_then(|offsets| offsets.last().copied()).unwrap_or_default()
        }
    };
    let Some(beside) = &phase.beside else { return own };
    let leader = scenario.traffic.iter().find_map(|entry| match entry {
        Traffic::Phase(leader) if leader.name.value == beside.value => Some(phase_lasts(scenario, leader)),
        _ => None,
    });
    if own.is_zero() { leader.unwrap_or_default() } else { own }
}

/// How many requests a schedule sends in a time, and whether there may be more.
pub(crate) fn phase_sends(schedule: &Schedule, lasts: Duration) -> (u64, bool) {
    match schedule {
        Schedule::Burst(count) => (u64::from(*count), false),
        Schedule::Closed(closed) => match closed.requests {
            Some(requests) => (u64::from(requests), false),
            None => (u64::from(closed.clients), true),
        },
        Schedule::Open(open) => (open_sends(open, lasts), false),
        Schedule::Replay(file) => (offsets(&file.text).map_or(0, |offsets| offsets.len() as u64), false),
        Schedule::Flow(flow) => {
            let sends = flow.does.iter().filter(|deed| matches!(deed, Deeds::Send(_))).count() as u64;
            let rounds = flow.rounds.map_or(1, u64::from);
            (u64::from(flow.users) * sends * rounds, flow.rounds.is_none())
        }
    }
}

fn open_sends(open: &Open, lasts: Duration) -> u64 {
    let within = |interval: Duration, lasts: Duration| {
        u64::try_from(lasts.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u64::MAX)
    };
    match open.rate {
        Some(Course::Even(rate)) => within(rate.interval(), lasts),
        Some(Course::Ramp(from, to)) => {
            (within(from.interval(), lasts).saturating_add(within(to.interval(), lasts))) / 2
        }
        None => open.steps.iter().map(|step| within(step.rate.interval(), step.lasts)).sum(),
    }
}

/// About how many tokens a text has: four bytes of English are one.
fn tokens_of(data: &Data) -> u64 {
    match data {
        Data::Text(template) => template.text().len().div_ceil(4) as u64,
        Data::Made(Generator::Tokens(count)) => u64::from(*count),
        Data::Made(other) => match other {
            Generator::Bytes(size) => size.bytes.div_ceil(4),
            Generator::Repeat(repeated) => {
                (repeated.text.len() as u64 * u64::from(repeated.times)).div_ceil(4)
            }
            Generator::Sequence(sequence) => sequence.text.len().div_ceil(4) as u64 + 1,
            Generator::Hex(hex) => hex.0.len() as u64,
            Generator::Tokens(_) => 0,
        },
    }
}

/// The most that one request could cost; none where a price or a limit is missing.
pub(crate) fn most_cost(scenario: &Scenario, request: &Request) -> Option<u64> {
    cost(scenario, request, input_of(request), output_of(request))
}

fn input_of(request: &Request) -> u64 {
    request.prompt.as_ref().map_or(0, tokens_of)
}

fn output_of(request: &Request) -> Option<u64> {
    if request.model.is_some() { request.max_tokens.map(u64::from) } else { Some(0) }
}

/// What one request could cost.
fn cost(scenario: &Scenario, request: &Request, input: u64, output: Option<u64>) -> Option<u64> {
    let Some(public) = request.model_name() else { return Some(0) };
    let settings = scenario.world.router.models.get(public)?;
    let model = settings.model.as_deref().unwrap_or(public);
    let prices = scenario.world.prices.as_ref()?.models.get(model)?;
    let micros = input
        .saturating_mul(prices.input.micros_per_million)
        .saturating_add(output?.saturating_mul(prices.output.micros_per_million));
    Some(micros.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenario::{Source, Suite, SuiteTexts};

    fn estimate(traffic: &str) -> Estimate {
        let scenario = format!(
            "title: t\nworld:\n  prices: {{ version: '1', models: {{ m: {{ input: 1 USD per 1M, output: 2 USD per 1M }} }} }}\n  \
             upstreams: {{ u: {{ dialect: openai, keys: 1 }} }}\n  router: {{ models: {{ m: {{ pool: u }} }} }}\n\
             requests:\n  ask: {{ model: m, prompt: {{ tokens: 1000 }}, max_tokens: 500 }}\n  open: {{ model: m, prompt: ping }}\n\
             traffic:\n{traffic}\nwitness: [{{ attempts: {{ count: {{ at_least: 1 }} }} }}]\n\
             expect: [{{ rule: TST-001, say: s, exchanges: {{ every: {{ status: 200 }} }} }}]\n"
        );
        let rules = "chapter: c\nrules: { TST-001: { level: MUST, since: '1.0', says: s } }\n";
        let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
        let texts = SuiteTexts {
            scenarios: vec![source("s.yaml", &scenario)],
            chapters: vec![source("rules.yaml", rules)],
            imports: Vec::new(),
        };
        let suite = Suite::of(texts).unwrap_or_else(|error| panic!("{error:?}"));
        Estimate::of(&suite.scenarios[0].cases[0].scenario)
    }

    #[test]
    fn requests_are_counted_by_the_schedule() {
        for (traffic, requests, more, millis) in [
            ("  - { step: s, send: ask, repeat: 5 }", 5, false, 0),
            ("  - { phase: p, burst: 50, send: ask }", 50, false, 0),
            ("  - { phase: p, closed: { clients: 4, requests: 100 }, send: ask }", 100, false, 0),
            ("  - { phase: p, closed: { clients: 4, lasts: 2s }, send: ask }", 4, true, 2_000),
            ("  - { phase: p, open: { rate: 20/s, lasts: 3s }, send: ask }", 60, false, 3_000),
            (
                "  - { phase: p, open: { rate: { from: 10/s, to: 30/s }, lasts: 2s }, send: ask }",
                40,
                false,
                2_000,
            ),
            (
                "  - { phase: p, open: { rate: 20/s, lasts: 1s }, send: ask }\n  - { phase: q, beside: p, open: { rate: 10/s }, send: ask }\n  - { pause: 1s }",
                30,
                false,
                2_000,
            ),
        ] {
            let estimate = estimate(traffic);
            assert_eq!(
                (estimate.requests, estimate.more, estimate.lasts),
                (requests, more, Duration::from_millis(millis)),
                "{traffic}"
            );
        }
    }

    #[test]
    fn tokens_and_money_are_told_where_they_are_bounded() {
        let bounded = estimate("  - { step: s, send: ask, repeat: 2 }");
        assert_eq!((bounded.input_tokens, bounded.output_tokens), (2_000, Some(1_000)));
        assert_eq!(bounded.cost_micros, Some(2 * (1_000 + 2 * 500)));
        let open = estimate("  - { step: s, send: open }");
        assert_eq!((open.output_tokens, open.cost_micros), (None, None));
    }
}
