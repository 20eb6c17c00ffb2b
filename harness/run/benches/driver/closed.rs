//! A closed loop: processor time for a request beside wrk and oha, memory over a million requests, and the evidence of them.

use std::error::Error;

use crate::rounds::{median_of, print, take_turns, within};
use crate::task::{Drove, Task, Traffic, per};
use crate::{child, peers};

const ROUNDS: usize = 9;
pub(crate) const CONNECTIONS: usize = 50;
const REQUESTS_A_ROUND: u64 = 100_000;
/// As long as the others take for as many.
const SECONDS_OF_WRK: u64 = 2;
const MOST_OF_OHA: f64 = 0.85;
const MEMORY_ROUNDS: usize = 5;
const FEW: u64 = 100_000;
const MANY: u64 = 1_000_000;
/// Memory after many requests may be so many times that after few.
const MOST_GROWTH: f64 = 1.05;
/// MiB of evidence, attempts included.
const MOST_EVIDENCE: f64 = 200.0;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let nginx = peers::nginx()?;
    let task = |requests| Task {
        to: nginx.address,
        path: "/".to_owned(),
        traffic: Traffic::Closed(requests),
        connections: CONNECTIONS,
        recorded: true,
    };
    println!("Microseconds of processor time for a request, {CONNECTIONS} connections, with recording.\n");
    let rounds = take_turns::<3, f64>(ROUNDS, |which| {
        Ok(match which {
            0 => child::run("driver", &task(REQUESTS_A_ROUND))?.cost(),
            1 => peers::oha(nginx.address, CONNECTIONS, REQUESTS_A_ROUND)?.cost(),
            _ => peers::wrk(nginx.address, CONNECTIONS, SECONDS_OF_WRK)?.cost(),
        })
    })?;
    print(["driver", "oha", "wrk"], &rounds, |cost| *cost);
    let mut kept = within("driver / oha", median_of(&rounds, |row| row[0] / row[1]), MOST_OF_OHA);
    let of_wrk = median_of(&rounds, |row| row[0] / row[2]);
    println!("driver / wrk: {of_wrk:.3}, goal 1: {}\n", if of_wrk <= 1.0 { "reached" } else { "MISSED" });

    println!("KiB of memory at the most, {FEW} requests and {MANY}.\n");
    let rounds =
        take_turns::<2, Drove>(MEMORY_ROUNDS, |which| child::run("driver", &task([FEW, MANY][which])))?;
    print(["few", "many"], &rounds, |drove| per(drove.peak_kib));
    let growth = |row: &[Drove; 2]| per(row[1].peak_kib) / per(row[0].peak_kib);
    kept &= within("memory of many / memory of few", median_of(&rounds, growth), MOST_GROWTH);
    println!("and in the worst round {:.4}", rounds.iter().map(growth).fold(0.0, f64::max));
    println!("MiB of evidence of the many: {:.1}", median_of(&rounds, |row| mebibytes(row[1].evidence)));
    let judged = child::run("driver-with-provider", &task(MANY))?;
    println!("{} requests to a simulated provider in the same process", judged.requests);
    kept &= within("MiB of evidence with attempts", mebibytes(judged.evidence), MOST_EVIDENCE);
    Ok(kept)
}

fn mebibytes(bytes: u64) -> f64 {
    per(bytes) / f64::from(1 << 20)
}
