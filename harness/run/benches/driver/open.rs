//! An open loop: whether the rate is kept and how late requests are, and what a server that freezes looks like.

use std::error::Error;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use crate::process::Server;
use crate::rounds::{median_of, print, take_turns, within};
use crate::task::{Drove, Task, Traffic, per};
use crate::{child, peers};

const ROUNDS: usize = 9;
const CONNECTIONS: usize = 50;
const RATE: u32 = 2_000;
const SECONDS: u64 = 4;
/// How far the achieved rate may be from the planned one.
const MOST_OFF: f64 = 0.001;
/// Microseconds of the driver's own lateness at the median.
const MOST_LATE: f64 = 100.0;

/// The server stands still for so long, from a moment in the middle on, while so many requests a second are to be sent.
const FROZEN_ROUNDS: usize = 8;
const FROZEN: Duration = Duration::from_millis(1_500);
const FROZEN_FROM: Duration = Duration::from_secs(6);
const FROZEN_RATE: u32 = 1_000;
const FROZEN_SECONDS: u64 = 14;
/// What the response time is then if the server answers all that waited at once: those of the frozen time wait evenly up to its end,
/// and are 1.5 of 14 seconds' requests.
const P95: f64 = 1_500.0 - 0.05 * 14_000.0;
const P99: f64 = 1_500.0 - 0.01 * 14_000.0;
const MOST_OFF_FORM: f64 = 0.05;
/// A service time beyond this, in milliseconds, is that of a request that was frozen.
const SLOW: u64 = 500;

fn task(server: &Server, rate: u32, seconds: u64) -> Task {
    Task {
        to: server.address,
        path: "/".to_owned(),
        traffic: Traffic::Open { rate, seconds },
        connections: CONNECTIONS,
        recorded: true,
    }
}

/// What one turn at a rate came to; `NAN` where nobody tells it.
struct Turn {
    cost: f64,
    off: f64,
    late: f64,
    response: f64,
}

pub(crate) fn at_a_rate() -> Result<bool, Box<dyn Error>> {
    let nginx = peers::nginx()?;
    let rounds = take_turns::<2, Turn>(ROUNDS, |which| match which {
        0 => {
            let drove = child::run("driver", &task(&nginx, RATE, SECONDS))?;
            Ok(Turn {
                cost: drove.cost(),
                off: off(&drove)?,
                late: quantile(&drove, |figures| &figures.lateness, 0.5)?,
                response: quantile(&drove, |figures| &figures.response, 0.5)?,
            })
        }
        _ => {
            let sent = peers::oha_at(nginx.address, CONNECTIONS, (RATE, SECONDS))?;
            let response = sent.quantiles[0] * 1e3;
            Ok(Turn { cost: sent.cost(), off: f64::NAN, late: f64::NAN, response })
        }
    })?;
    println!("Microseconds of processor time for a request at {RATE}/s.\n");
    print(["driver", "oha"], &rounds, |turn| turn.cost);
    println!("Microseconds of response time at the median, from when requests should have been sent.\n");
    print(["driver", "oha"], &rounds, |turn| turn.response);
    println!(
        "processor time, driver / oha: {:.3}; response time, driver / oha: {:.3}",
        median_of(&rounds, |row| row[0].cost / row[1].cost),
        median_of(&rounds, |row| row[0].response / row[1].response)
    );
    let highest = |of: fn(&Turn) -> f64| rounds.iter().map(|row| of(&row[0])).fold(0.0, f64::max);
    println!(
        "at the most: rate off by {:.6}, lateness {:.1} us",
        highest(|turn| turn.off),
        highest(|turn| turn.late)
    );
    let mut kept =
        within("achieved rate off the planned one", median_of(&rounds, |row| row[0].off), MOST_OFF);
    kept &= within("us late at the median", median_of(&rounds, |row| row[0].late), MOST_LATE);
    println!();
    Ok(kept)
}

/// How far what was sent is from what was planned, by the number of requests and by their rate; the worse of the two.
fn off(drove: &Drove) -> Result<f64, Box<dyn Error>> {
    let planned = drove.figures.as_ref().ok_or("no figures")?.planned;
    let of_count = (per(drove.requests) / per(planned) - 1.0).abs();
    let of_rate = (drove.achieved.ok_or("no rate")? / f64::from(RATE) - 1.0).abs();
    Ok(of_count.max(of_rate))
}

/// What a frozen server came to: p95 and p99 in milliseconds, and for the driver its service time.
struct Thawed {
    p95: f64,
    p99: f64,
    service_p99: f64,
    slow: u64,
}

pub(crate) fn frozen() -> Result<bool, Box<dyn Error>> {
    println!(
        "A server that is frozen for {FROZEN:?}, at {FROZEN_RATE}/s for {FROZEN_SECONDS} s; closed form: p95 {P95} ms, p99 {P99} ms.\n"
    );
    let rounds = take_turns::<2, Thawed>(FROZEN_ROUNDS, |which| {
        let nginx = peers::nginx()?;
        thread::scope(|scope| {
            let freezing = scope.spawn(|| {
                thread::sleep(FROZEN_FROM);
                nginx.freeze(FROZEN).map_err(|error| error.to_string())
            });
            let thawed = match which {
                0 => thawed(&child::run("driver", &task(&nginx, FROZEN_RATE, FROZEN_SECONDS))?),
                _ => {
                    let sent = peers::oha_at(nginx.address, CONNECTIONS, (FROZEN_RATE, FROZEN_SECONDS))?;
                    let [_, p95, p99] = sent.quantiles;
                    Ok(Thawed { p95, p99, service_p99: f64::NAN, slow: 0 })
                }
            };
            freezing.join().map_err(|_| "nobody froze the server")??;
            thawed
        })
    })?;
    println!("p95 in ms, and p99.\n");
    print(["driver", "oha"], &rounds, |turn| turn.p95);
    print(["driver", "oha"], &rounds, |turn| turn.p99);
    let off = |of: fn(&Thawed) -> f64, form: f64| {
        // The farthest of all rounds: the form holds for each.
        rounds.iter().map(|row| (of(&row[0]) / form - 1.0).abs()).fold(0.0, f64::max)
    };
    let mut kept = within("p95 off the closed form", off(|turn| turn.p95, P95), MOST_OFF_FORM);
    kept &= within("p99 off the closed form", off(|turn| turn.p99, P99), MOST_OFF_FORM);
    let service = rounds.iter().map(|row| row[0].service_p99).fold(0.0, f64::max);
    println!("p99 of service time, the highest: {service:.2} ms");
    let slow = rounds.iter().map(|row| row[0].slow).max().unwrap_or(u64::MAX);
    kept &= within("slow service times, at the most", per(slow), per(CONNECTIONS as u64));
    let fewest = rounds.iter().map(|row| row[0].slow).min().unwrap_or_default();
    println!("and at the least {fewest}: {}", if fewest > 0 { "kept" } else { "BROKEN" });
    Ok(kept && fewest > 0)
}

fn thawed(drove: &Drove) -> Result<Thawed, Box<dyn Error>> {
    let response = |at| quantile(drove, |figures| &figures.response, at).map(|us| us / 1e3);
    let service = histogram(&drove.figures.as_ref().ok_or("no figures")?.service)?;
    Ok(Thawed {
        p95: response(0.95)?,
        p99: response(0.99)?,
        service_p99: micros(service.value_at_quantile(0.99)) / 1e3,
        slow: service.count_between(SLOW * 1_000, service.high()),
    })
}

fn quantile(
    drove: &Drove,
    of: impl Fn(&record::PhaseFigures) -> &String,
    at: f64,
) -> Result<f64, Box<dyn Error>> {
    let figures = drove.figures.as_ref().ok_or("no figures")?;
    Ok(micros(histogram(of(figures))?.value_at_quantile(at)))
}

fn micros(value: u64) -> f64 {
    per(value)
}

fn histogram(text: &str) -> Result<Histogram<u64>, Box<dyn Error>> {
    let bytes = STANDARD.decode(text)?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| format!("a histogram that is none: {error}").into())
}
