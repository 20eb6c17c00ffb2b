//! What several rounds measured, and whether their median is within a limit.

use std::error::Error;
use std::fmt::Display;

/// One row for each round, one column for each thing that is measured.
pub(crate) struct Table<const N: usize> {
    rows: Vec<[f64; N]>,
}

impl<const N: usize> Table<N> {
    /// Lets each thing have its turn in each round. Who begins changes from round to round, and what a first round
    /// measures, in which everything is cold, is not kept.
    pub(crate) fn take(
        rounds: usize,
        columns: [&str; N],
        mut measure: impl FnMut(usize) -> Result<f64, Box<dyn Error>>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut rows = Vec::with_capacity(rounds);
        for round in 0..=rounds {
            let mut row = [f64::NAN; N];
            for turn in 0..N {
                let column = (round + turn) % N;
                row[column] = measure(column)?;
            }
            if round > 0 {
                rows.push(row);
            }
        }
        let table = Self { rows };
        table.print(columns);
        Ok(table)
    }

    /// The median of what is made of each row.
    pub(crate) fn median(&self, of: impl Fn(&[f64; N]) -> f64) -> f64 {
        median(self.rows.iter().map(of).collect())
    }

    /// Each column's lowest value, median and highest one.
    fn print(&self, columns: [&str; N]) {
        println!("| of {} rounds | {} |\n|---{}|", self.rows.len(), columns.join(" | "), "|---".repeat(N));
        type Which = fn(Vec<f64>) -> f64;
        let lines: [(&str, Which); 3] = [
            ("lowest", |values| values.into_iter().fold(f64::INFINITY, f64::min)),
            ("median", median),
            ("highest", |values| values.into_iter().fold(0.0, f64::max)),
        ];
        for (name, which) in lines {
            let cells: Vec<String> = (0..N)
                .map(|column| format!("{:.1}", which(self.rows.iter().map(|row| row[column]).collect())))
                .collect();
            println!("| {name} | {} |", cells.join(" | "));
        }
        println!();
    }
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
    println!("{what}: {measured:.3}, limit {limit}: {}", if kept { "kept" } else { "BROKEN" });
    kept
}
