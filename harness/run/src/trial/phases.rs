//! Phases: what each sends and when, for the driver, which owns a thread for it.

use std::net::SocketAddr;
use std::ops::Range;

use load::{Deed, Order, PhaseError, PhaseJob, PhaseReport, Schedule, StopSignal, drive};
use scenario::{Against, At, Course, Data, Deeds, Errand, Get, Manner, Phase, Scenario, Send, Traffic};
use tokio::sync::oneshot;

use crate::estimate::{phase_lasts, phase_sends};
use crate::trial::manners::{in_manner, sending};
use crate::trial::requests::{Addressee, Use};
use crate::trial::sameness::{is_always_the_same, is_the_same_data};
use crate::trial::traffic::{GIVES_UP_AFTER, PATIENCE, StopOnDrop, TrafficError, Travel};

/// More connections than this are opened only where a schedule asks for more at once; what waits for one is late, and told so.
const MOST_CONNECTIONS: usize = 2_000;
/// Requests that are different each time are made before the phase begins: as many as it sends, or this many where nobody
/// knows; then they are sent again from the first.
const UNKNOWN_SENDS: u64 = 4_096;
/// No more of them are made than this many bytes hold, each with what surrounds its body.
const MOST_BYTES: usize = 64 * 1024 * 1024;
const AROUND_BODY: usize = 1_024;

/// A phase that runs.
pub(crate) struct Driven<'p> {
    pub(crate) name: &'p At<String>,
    pub(crate) stop: StopOnDrop,
    report: oneshot::Receiver<Result<PhaseReport, PhaseError>>,
}

impl Driven<'_> {
    /// What the phase came to.
    pub(crate) async fn report(self) -> Result<PhaseReport, TrafficError> {
        let report: PhaseReport = self.report.await.map_err(|_| TrafficError::Broken)??;
        if report.short_of_sockets {
            return Err(TrafficError::Sockets);
        }
        Ok(report)
    }
}

/// Starts a phase.
pub(crate) async fn start<'p>(
    travel: &Travel<'_>,
    entry: &'p Traffic,
    phase: &'p Phase,
) -> Result<Driven<'p>, TrafficError> {
    let Load { requests, choices, to } = load_of(travel, entry, phase)?;
    let contents = travel.scripted_contents(model_of(travel, entry).as_deref());
    let job = PhaseJob {
        traffic: travel.surroundings.names.id(&phase.name.value),
        to,
        schedule: schedule(travel.road.scenario, phase, &choices)?,
        requests,
        order: match phase.manner.against {
            Some(Against::Paired) => Order::Pairs,
            Some(Against::Direct) | None => Order::InTurn,
        },
        timeout: phase.manner.patience.unwrap_or(PATIENCE),
        seed: travel.road.seed,
        most_connections: at_once(&phase.schedule).max(MOST_CONNECTIONS),
        sending: sending(&phase.manner, travel, contents),
        gives_up_after: (Travel::addressee(&phase.manner) == Addressee::Target).then_some(GIVES_UP_AFTER),
        workers: workers(&phase.schedule),
    };
    let (stop, (done, report)) = (StopSignal::default(), oneshot::channel());
    travel.begin(&phase.name).await;
    std::thread::Builder::new().name("phase".to_owned()).spawn({
        let (stop, surroundings, running) =
            (stop.clone(), travel.surroundings.clone(), travel.road.phases.clone());
        // Nobody waits any more if the trial was ended meanwhile.
        move || {
            drop(done.send(drive(&job, &surroundings, &stop)));
            drop(running);
        }
    })?;
    Ok(Driven { name: &phase.name, stop: StopOnDrop(stop), report })
}

/// One thread drives as many requests in a second, or has as many open, before another one helps it.
const ENOUGH_A_SECOND: u128 = 10_000;
const ENOUGH_OPEN: usize = 512;

/// How many threads drive a schedule: half of the processors at most, for the rest is the target's and the upstreams'.
fn workers(schedule: &scenario::Schedule) -> usize {
    let most = std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2);
    let interval = |rate: &scenario::Rate| rate.interval();
    let shortest = match schedule {
        scenario::Schedule::Open(open) => match &open.rate {
            Some(Course::Even(rate)) => Some(interval(rate)),
            Some(Course::Ramp(from, to)) => Some(interval(from).min(interval(to))),
            None => open.steps.iter().map(|step| step.rate.interval()).min(),
        },
        _ => None,
    };
    let a_second = shortest.map_or(0, |interval| 1_000_000_000 / interval.as_nanos().max(1));
    let wanted = usize::try_from(a_second / ENOUGH_A_SECOND).unwrap_or(usize::MAX);
    wanted.max(at_once(schedule) / ENOUGH_OPEN).clamp(1, most.max(1))
}

/// How many requests a schedule itself has open at once.
fn at_once(schedule: &scenario::Schedule) -> usize {
    match schedule {
        scenario::Schedule::Burst(count) => *count as usize,
        scenario::Schedule::Closed(closed) => closed.clients as usize,
        scenario::Schedule::Flow(flow) => flow.users as usize,
        scenario::Schedule::Open(_) | scenario::Schedule::Replay(_) => 0,
    }
}

fn model_of(travel: &Travel<'_>, entry: &Traffic) -> Option<String> {
    let mut asked = entry.requests(&travel.road.scenario.requests);
    asked.find_map(|request| request.model_name().map(str::to_owned))
}

/// The requests of a phase, and where they go.
struct Load {
    requests: Vec<load::Request>,
    /// Which of them each of the phase's choices takes in turn.
    choices: Vec<Range<usize>>,
    to: SocketAddr,
}

fn load_of(travel: &Travel<'_>, entry: &Traffic, phase: &Phase) -> Result<Load, TrafficError> {
    let alone = match &phase.errand {
        Some(Errand::Get(get)) => Some(gets(travel, get)?),
        Some(Errand::Raw(data)) => Some(raws(travel, phase, data)?),
        _ => None,
    };
    if let Some(requests) = alone {
        let requests = requests.into_iter().map(|request| in_manner(request, &phase.manner)).collect();
        return Ok(Load { requests, choices: Vec::new(), to: travel.address(&phase.manner, None)? });
    }
    if phase.manner.against == Some(Against::Paired) {
        return pairs(travel, entry, phase);
    }
    let (mut requests, mut choices, mut model) = (Vec::new(), Vec::new(), None);
    for send in entry.sends() {
        let begin = requests.len();
        model = make_all(travel, phase, send, &mut requests)?.or(model);
        choices.push(begin..requests.len());
    }
    // All of them go to one place: what would not was refused when the run was planned.
    let to = travel.address(&phase.manner, model.as_deref())?;
    Ok(Load { requests, choices, to })
}

/// Requests through the target, and behind them each of them again, straight to the upstream.
fn pairs(travel: &Travel<'_>, entry: &Traffic, phase: &Phase) -> Result<Load, TrafficError> {
    let ways = [phase.manner.clone(), Manner { against: Some(Against::Direct), ..phase.manner.clone() }];
    let mut requests = Vec::new();
    let mut to = None;
    for manner in ways {
        let one_way = Phase { manner, ..phase.clone() };
        let begin = requests.len();
        let mut model = None;
        for send in entry.sends() {
            model = make_all(travel, &one_way, send, &mut requests)?.or(model);
        }
        let address = travel.address(&one_way.manner, model.as_deref())?;
        if to.is_some() {
            requests[begin..].iter_mut().for_each(|request| request.to = Some(address));
        }
        to.get_or_insert(address);
    }
    Ok(Load { requests, choices: Vec::new(), to: to.ok_or(TrafficError::Broken)? })
}

/// What is got, once for each tenant whose turn it can be.
fn gets(travel: &Travel<'_>, get: &Get) -> Result<Vec<load::Request>, TrafficError> {
    let turns = get.tenant.as_ref().map_or(1, |tenants| tenants.0.len() as u64);
    (0..turns).map(|turn| Ok(travel.maker().get(get, turn)?)).collect()
}

/// The bytes that are written to each connection: once, or as often as they differ.
fn raws(travel: &Travel<'_>, phase: &Phase, data: &Data) -> Result<Vec<load::Request>, TrafficError> {
    let rounds = if is_the_same_data(data) { 1 } else { rounds(travel.road.scenario, phase, 1) };
    let (mut requests, mut values, mut bytes) = (Vec::new(), travel.values.clone(), 0);
    for nth in 0..rounds {
        values.set_number("exchange", "nth", nth + 1);
        let made = travel.maker().data(data, Use { nth, turn: nth, values: &values, said: &[] })?;
        bytes += made.len() + AROUND_BODY;
        requests.push(load::Request::raw(made));
        if bytes > MOST_BYTES {
            break;
        }
    }
    Ok(requests)
}

/// Makes the requests of one choice, and tells the model that one of them asks for.
fn make_all(
    travel: &Travel<'_>,
    phase: &Phase,
    send: &Send,
    requests: &mut Vec<load::Request>,
) -> Result<Option<String>, TrafficError> {
    let variation = |variation: &scenario::Variation| {
        let request = travel.road.scenario.requests.get(&variation.like.value)?;
        Some((variation.like.value.clone(), variation.over(request)))
    };
    let variations: Vec<_> = send.cycle.iter().filter_map(variation).collect();
    let same = variations.iter().all(|(_, asked)| is_always_the_same(asked));
    let rounds = if same { 1 } else { rounds(travel.road.scenario, phase, variations.len()) };
    let (mut values, mut bytes) = (travel.values.clone(), 0);
    for turn in 0..rounds {
        for (name, asked) in &variations {
            let nth = requests.len() as u64;
            values.set_number("exchange", "nth", nth + 1);
            let of = Use { nth, turn, values: &values, said: &[] };
            let request = travel.maker().make(name, asked, Travel::addressee(&phase.manner), of)?;
            let request = in_manner(request, &phase.manner);
            bytes += request.body.len() + AROUND_BODY;
            requests.push(request);
        }
        if bytes > MOST_BYTES {
            break;
        }
    }
    Ok(variations.iter().find_map(|(_, asked)| asked.model_name()).map(str::to_owned))
}

/// How often requests that are different each time are made.
fn rounds(scenario: &Scenario, phase: &Phase, variations: usize) -> u64 {
    let (sends, more) = phase_sends(&phase.schedule, phase_lasts(scenario, phase));
    let sends = if more { sends.max(UNKNOWN_SENDS) } else { sends };
    sends.div_ceil(variations.max(1) as u64).max(1)
}

fn schedule(scenario: &Scenario, phase: &Phase, choices: &[Range<usize>]) -> Result<Schedule, TrafficError> {
    Ok(match &phase.schedule {
        scenario::Schedule::Burst(count) => Schedule::Burst { count: u64::from(*count) },
        scenario::Schedule::Closed(closed) => Schedule::Closed {
            clients: closed.clients as usize,
            requests: closed.requests.map(u64::from),
            lasts: closed.lasts,
            pause: closed.pause.unwrap_or_default(),
        },
        scenario::Schedule::Open(open) => {
            let arrivals = match open.arrivals {
                scenario::Arrivals::Constant => load::Arrivals::Constant,
                scenario::Arrivals::Poisson => load::Arrivals::Poisson,
            };
            match open.rate {
                Some(Course::Even(rate)) => {
                    Schedule::Open { interval: rate.interval(), arrivals, lasts: open.lasts }
                }
                Some(Course::Ramp(from, to)) => Schedule::Ramp {
                    from: from.interval(),
                    to: to.interval(),
                    arrivals,
                    lasts: phase_lasts(scenario, phase),
                },
                None => Schedule::Steps {
                    steps: open.steps.iter().map(|step| (step.rate.interval(), step.lasts)).collect(),
                    arrivals,
                },
            }
        }
        scenario::Schedule::Replay(file) => {
            let offsets = scenario::offsets(&file.text).map_err(TrafficError::Trace)?;
            Schedule::Replay { offsets: offsets.into() }
        }
        scenario::Schedule::Flow(flow) => Schedule::Flow {
            users: flow.users as usize,
            does: deeds(&flow.does, choices),
            rounds: flow.rounds.map(u64::from),
            lasts: flow.lasts,
        },
    })
}

/// What a user does, each choice with the requests that it takes in turn.
fn deeds(does: &[Deeds], choices: &[Range<usize>]) -> Vec<Deed> {
    let mut choices = choices.iter().cloned();
    let deed = |deed: &Deeds| match deed {
        Deeds::Pause(pause) => Some(Deed::Pause(*pause)),
        Deeds::Send(_) => choices.next().map(Deed::Send),
    };
    does.iter().filter_map(deed).collect()
}
