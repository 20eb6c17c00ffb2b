//! What it costs to choose a key: whether that grows with the number of keys, and while most of them are cooling down or have
//! little left.
//!
//! A choice is all that an exchange does between needing a key and having one. Choices are timed in batches, since reading a
//! clock costs as much as half of one.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use router::Selection;

use crate::rounds::{Table, within};

pub(crate) const STRATEGIES: [&str; 4] = ["weighted", "round_robin", "in_order", "least_busy"];
const KEYS: [usize; 4] = [10, 100, 1_000, 10_000];
const ROUNDS: usize = 201;
/// A batch lasts a fraction of a millisecond, so that most of them are not interrupted.
const BATCH: u32 = 1_000;
/// What one choice should cost, in nanoseconds. No gate: it depends on the machine.
const GOAL: f64 = 100.0;
/// A thousand choices in microseconds: far below ten milliseconds.
const A_THOUSAND: f64 = 1_000.0;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let mut kept = true;
    for strategy in STRATEGIES {
        for standing in [Standing::Open, Standing::Cooling, Standing::LittleLeft] {
            println!("### {strategy}, {}: nanoseconds a choice, by the number of keys\n", standing.told());
            let pools = KEYS.map(|keys| pool(keys, strategy, standing));
            let pools = pools.into_iter().collect::<Result<Vec<_>, _>>()?;
            let columns = KEYS.map(|keys| keys.to_string());
            let table = Table::take(ROUNDS, columns.each_ref().map(String::as_str), |column| {
                Ok(nanos_a_choice(&pools[column]))
            })?;
            let most = KEYS.len() - 1;
            let (few, many) = (table.median(|row| row[0]), table.median(|row| row[most]));
            let reached = if few.max(many) <= GOAL { "reached" } else { "missed" };
            println!(
                "the goal of {GOAL} ns: {few:.0} with {}, {many:.0} with {}: {reached}",
                KEYS[0], KEYS[most]
            );
            kept &=
                within("most keys / fewest", table.median(|row| row[most] / row[0]), standing.most_growth());
            // A nanosecond for one is a microsecond for a thousand.
            kept &= within("microseconds for 1,000 choices", few.max(many), A_THOUSAND);
            println!();
        }
    }
    Ok(kept)
}

/// How the keys stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    /// Nine of ten are closed for now.
    Cooling,
    /// All are used beyond what others are preferred from.
    LittleLeft,
}

impl Standing {
    fn told(self) -> &'static str {
        match self {
            Self::Open => "all keys open",
            Self::Cooling => "nine of ten cooling down",
            Self::LittleLeft => "little left of all keys",
        }
    }

    /// From the fewest to the most keys it may grow so much.
    fn most_growth(self) -> f64 {
        match self {
            Self::Open | Self::Cooling => 1.5,
            // A use is counted as well, at a place of the key's own, which with many keys is in no cache. A walk over them would
            // be hundreds of times as long.
            Self::LittleLeft => 4.0,
        }
    }
}

/// Keys with weights from 1 to 5.
pub(crate) fn weights(keys: usize) -> Vec<u32> {
    (1..=5).cycle().take(keys).collect()
}

fn pool(keys: usize, strategy: &str, standing: Standing) -> Result<Selection, Box<dyn Error>> {
    const LONG: Duration = Duration::from_secs(3_000);
    let pool = Selection::new(&weights(keys), strategy)?;
    match standing {
        Standing::Open => Ok(pool),
        Standing::Cooling => {
            (0..keys).filter(|key| key % 10 != 3).for_each(|key| pool.limit(key, LONG));
            Ok(pool)
        }
        Standing::LittleLeft => {
            let pool = pool.with_headroom();
            (0..keys).for_each(|key| pool.use_up(key, LONG));
            Ok(pool)
        }
    }
}

fn nanos_a_choice(pool: &Selection) -> f64 {
    let begin = Instant::now();
    for _ in 0..BATCH {
        black_box(pool.choose());
    }
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
}
