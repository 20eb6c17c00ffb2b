//! What recording costs: rows, their journal, three histograms and marks, against the same driver without any of it.

use std::error::Error;

use crate::closed::CONNECTIONS;
use crate::rounds::{median_of, print, take_turns, within};
use crate::task::{Task, Traffic};
use crate::{child, peers};

/// Many more than elsewhere: the difference that counts is a fifth of that between two rounds.
const ROUNDS: usize = 61;
const REQUESTS_A_ROUND: u64 = 100_000;
const MOST: f64 = 1.03;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let nginx = peers::nginx()?;
    println!("Microseconds of processor time for a request, {CONNECTIONS} connections.\n");
    let rounds = take_turns::<2, f64>(ROUNDS, |which| {
        let task = Task {
            to: nginx.address,
            path: "/".to_owned(),
            traffic: Traffic::Closed(REQUESTS_A_ROUND),
            connections: CONNECTIONS,
            recorded: which == 0,
        };
        Ok(child::run("driver", &task)?.cost())
    })?;
    print(["with recording", "without"], &rounds, |cost| *cost);
    Ok(within("with / without", median_of(&rounds, |row| row[0] / row[1]), MOST))
}
