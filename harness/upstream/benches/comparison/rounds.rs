//! Rounds in which several things are measured in turn.

use std::error::Error;

/// What the rounds measured, by round and by what was measured.
pub(crate) struct Rounds<const N: usize>(Vec<[f64; N]>);

impl<const N: usize> Rounds<N> {
    /// Measures each of several things in each round: every one is first, second and so on equally often. A round before the
    /// first warms them all up and is not counted.
    pub(crate) fn run(
        rounds: usize,
        names: [&str; N],
        mut measure: impl FnMut(usize) -> Result<f64, Box<dyn Error>>,
    ) -> Result<Self, Box<dyn Error>> {
        for index in 0..N {
            measure(index)?;
        }
        println!("| round | {} |\n|{}", names.join(" | "), "---|".repeat(N + 1));
        let mut measured = Vec::with_capacity(rounds);
        for round in 0..rounds {
            let mut row = [0.0; N];
            for index in (0..N).map(|turn| (turn + round) % N) {
                row[index] = measure(index)?;
            }
            let cells: Vec<String> = row.iter().map(|value| format!("{value:.2}")).collect();
            println!("| {} | {} |", round + 1, cells.join(" | "));
            measured.push(row);
        }
        println!();
        Ok(Self(measured))
    }

    /// The median of the rounds' ratios of one thing to another.
    fn ratio(&self, of: usize, to: usize) -> f64 {
        let mut ratios: Vec<f64> = self.0.iter().map(|row| row[of] / row[to]).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[(ratios.len() - 1) / 2].midpoint(ratios[ratios.len() / 2])
    }

    /// Tells the median ratio of one thing to another, and whether it is within the limit.
    pub(crate) fn tell(&self, what: &str, (of, to): (usize, usize), limit: Option<f64>) -> bool {
        let ratio = self.ratio(of, to);
        let Some(limit) = limit else {
            println!("{what}: {ratio:.3}");
            return true;
        };
        let kept = ratio <= limit;
        println!("{what}: {ratio:.3}, limit {limit}: {}", if kept { "kept" } else { "BROKEN" });
        kept
    }
}
