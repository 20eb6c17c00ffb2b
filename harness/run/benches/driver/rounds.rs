//! What several rounds measured, and whether it is within a limit.

use std::error::Error;
use std::fmt::Display;

/// Lets each of several things have its turn in each round, and gives what they measured, a row for each round. Who begins changes
/// from round to round, and what a first round measures, in which everything is cold, is not kept.
pub(crate) fn take_turns<const N: usize, T>(
    rounds: usize,
    mut measure: impl FnMut(usize) -> Result<T, Box<dyn Error>>,
) -> Result<Vec<[T; N]>, Box<dyn Error>> {
    let mut rows = Vec::with_capacity(rounds);
    for round in 0..=rounds {
        let mut row = [const { None }; N];
        for turn in 0..N {
            let which = (round + turn) % N;
            row[which] = Some(measure(which)?);
        }
        if round > 0 {
            rows.push(row.map(|measured| measured.expect("everybody had a turn")));
        }
    }
    Ok(rows)
}

/// A line for each round with a number of each thing, and their medians.
pub(crate) fn print<const N: usize, T>(columns: [&str; N], rows: &[[T; N]], number: impl Fn(&T) -> f64) {
    println!("| round | {} |\n|{}", columns.join(" | "), "---|".repeat(N + 1));
    for (round, row) in (1..).zip(rows) {
        let cells = row.each_ref().map(|measured| format!("{:.2}", number(measured)));
        println!("| {round} | {} |", cells.join(" | "));
    }
    let medians: Vec<String> =
        (0..N).map(|column| format!("{:.2}", median_of(rows, |row| number(&row[column])))).collect();
    println!("| median | {} |\n", medians.join(" | "));
}

/// The median of what is made of each round.
pub(crate) fn median_of<T>(rounds: &[T], of: impl Fn(&T) -> f64) -> f64 {
    median(rounds.iter().map(of).collect())
}

/// The value in the middle; of an even number of them halfway between the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count => values[(count - 1) / 2].midpoint(values[count / 2]),
    }
}

/// Says what was measured beside its limit, and whether that is kept. What is no number keeps none.
pub(crate) fn within(what: impl Display, measured: f64, limit: f64) -> bool {
    let kept = measured <= limit;
    println!("{what}: {measured:.4}, limit {limit}: {}", if kept { "kept" } else { "BROKEN" });
    kept
}
