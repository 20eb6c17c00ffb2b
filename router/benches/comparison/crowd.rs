//! How long a choice takes when many threads choose from one pool at once, while keys are closed and come back.

use std::error::Error;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use router::Selection;

use crate::rounds::{median, within};
use crate::selection::{STRATEGIES, weights};

const THREADS: usize = 16;
const KEYS: usize = 1_000;
const ROUNDS: usize = 9;
const CHOICES: usize = 20_000;
/// One choice in so many ends with a 429 that closes its key for a tenth of a second, the shortest time that is heeded.
const ONE_IS_LIMITED: usize = 1_000;
const WAIT: Duration = Duration::from_millis(100);
/// Microseconds.
const MOST: f64 = 10.0;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    println!(
        "{THREADS} threads at once choose from {KEYS} keys; one choice in {ONE_IS_LIMITED} closes its key.\n"
    );
    println!("| strategy | p50, ns | p99, ns | p99.9, ns |\n|---|---|---|---|");
    let mut worst: f64 = 0.0;
    for strategy in STRATEGIES {
        let rounds = (0..ROUNDS).map(|_| round(strategy)).collect::<Result<Vec<_>, _>>()?;
        let quantile = |which: usize| median(rounds.iter().map(|quantiles| quantiles[which]).collect());
        println!("| {strategy} | {:.0} | {:.0} | {:.0} |", quantile(0), quantile(1), quantile(2));
        worst = worst.max(quantile(1));
    }
    println!();
    Ok(within("microseconds of the slowest strategy at p99", worst / 1_000.0, MOST))
}

/// The nanoseconds that a choice took at the median, at p99 and at p99.9.
fn round(strategy: &str) -> Result<[f64; 3], Box<dyn Error>> {
    let pool = Selection::new(&weights(KEYS), strategy)?;
    let begin = Barrier::new(THREADS);
    let mut took = thread::scope(|scope| {
        let threads = [(); THREADS].map(|()| {
            scope.spawn(|| {
                begin.wait();
                choose(&pool)
            })
        });
        let joined = threads.map(|thread| thread.join().unwrap_or(Err("a thread failed")));
        joined.into_iter().collect::<Result<Vec<_>, _>>()
    })?
    .concat();
    took.sort_unstable();
    Ok([500, 990, 999].map(|thousandths| f64::from(took[took.len() * thousandths / 1_000])))
}

/// Chooses again and again, a few requests being open at any time.
fn choose(pool: &Selection) -> Result<Vec<u32>, &'static str> {
    const OPEN: usize = 8;
    let mut took = Vec::with_capacity(CHOICES);
    let mut open: [_; OPEN] = std::array::from_fn(|_| None);
    for number in 0..CHOICES {
        let begin = Instant::now();
        let selected = pool.choose();
        took.push(u32::try_from(begin.elapsed().as_nanos()).unwrap_or(u32::MAX));
        let selected = selected.ok_or("no key is open")?;
        match selected.key().filter(|_| number % ONE_IS_LIMITED == 0) {
            Some(key) => pool.limit(key, WAIT),
            None => pool.succeed(&selected),
        }
        open[number % OPEN] = Some(selected);
    }
    Ok(took)
}
