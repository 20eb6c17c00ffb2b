//! Streams: how well the time to the first token is told when 300 come at once, beside a plain client on reqwest, and what memory an
//! open stream takes.

use std::error::Error;

use crate::process::Server;
use crate::rounds::{median_of, print, take_turns, within};
use crate::task::{Drove, Task, Traffic, per};
use crate::{child, paced};

const ROUNDS: usize = 9;
const STREAMS: u64 = 300;
/// The first event comes so many milliseconds behind the request, and each other one so many behind the one before it.
const FIRST_MS: u64 = 50;
const GAP_MS: u64 = 10;
const EVENTS: u32 = 100;
const MOST_OF_REQWEST: f64 = 0.6;
const FEW_STREAMS: u64 = 100;
const MANY_STREAMS: u64 = 2_000;
/// KiB for each open stream.
const MOST_MEMORY: f64 = 8.0;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let server = paced::start()?;
    let rounds = take_turns::<2, Drove>(ROUNDS, |which| {
        child::run(["driver", "reqwest"][which], &streams(&server, STREAMS, GAP_MS))
    })?;
    println!(
        "Microseconds by which the time to the first token is told wrong on average, {STREAMS} streams at once.\n"
    );
    print(["driver", "reqwest"], &rounds, error);
    println!("Microseconds of processor time for a stream of {EVENTS} events.\n");
    print(["driver", "reqwest"], &rounds, Drove::cost);
    println!(
        "processor time, driver / reqwest: {:.3}",
        median_of(&rounds, |row| row[0].cost() / row[1].cost())
    );
    let ratio = median_of(&rounds, |row| error(&row[0]) / error(&row[1]));
    let mut kept = within("error, driver / reqwest", ratio, MOST_OF_REQWEST);

    let memory = |streams_at_once| {
        child::run("driver", &streams(&server, streams_at_once, GAP_MS * 10)).map(|drove| per(drove.peak_kib))
    };
    let (few, many) = (memory(FEW_STREAMS)?, memory(MANY_STREAMS)?);
    println!("KiB at the most: {few} with {FEW_STREAMS} streams, {many} with {MANY_STREAMS}");
    kept &= within("KiB for each open stream", (many - few) / per(MANY_STREAMS - FEW_STREAMS), MOST_MEMORY);
    Ok(kept)
}

fn streams(server: &Server, count: u64, gap_ms: u64) -> Task {
    Task {
        to: server.address,
        path: paced::path(FIRST_MS, gap_ms, EVENTS),
        traffic: Traffic::Streams(count),
        connections: usize::try_from(count).unwrap_or(usize::MAX),
        recorded: true,
    }
}

/// The mean error of the time to the first token in microseconds. A stream without one makes it no number.
fn error(drove: &Drove) -> f64 {
    let told = &drove.first_contents;
    if told.len() as u64 != drove.requests {
        return f64::NAN;
    }
    told.iter().map(|told| (told - per(FIRST_MS * 1_000)).abs()).sum::<f64>() / per(drove.requests)
}
