//! What a run may still send: hard caps on requests and on money, which all clients of all its trials share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What may still be sent. Copies of one allowance draw on the same.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    /// None without any cap, which costs nothing.
    left: Option<Arc<Left>>,
}

#[derive(Debug)]
struct Left {
    requests: Option<AtomicU64>,
    micros: Option<AtomicU64>,
    used_up: AtomicU64,
}

/// A cap that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// That on requests.
    Requests,
    /// That on money.
    Money,
}

impl Allowance {
    /// So many requests, and so many millionths of a dollar; as much as is wanted of what is missing.
    #[must_use]
    pub fn of(requests: Option<u64>, micros: Option<u64>) -> Self {
        let capped = requests.is_some() || micros.is_some();
        let left = || {
            let (requests, micros) = (requests.map(AtomicU64::new), micros.map(AtomicU64::new));
            Arc::new(Left { requests, micros, used_up: AtomicU64::new(0) })
        };
        Self { left: capped.then(left) }
    }

    /// The cap that somebody has met.
    #[must_use]
    pub fn used_up(&self) -> Option<Cap> {
        match self.left.as_ref()?.used_up.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Cap::Requests),
            _ => Some(Cap::Money),
        }
    }

    /// Takes one request that may cost so much. What is left afterwards is never less than nothing.
    pub(crate) fn take(&self, cost_micros: u64) -> Result<(), Cap> {
        let Some(left) = &self.left else { return Ok(()) };
        let taken = take_from(left.requests.as_ref(), 1)
            .ok_or(Cap::Requests)
            .and_then(|()| take_from(left.micros.as_ref(), cost_micros).ok_or(Cap::Money));
        if let Err(cap) = taken {
            let met = if cap == Cap::Requests { 1 } else { 2 };
            // The first one to be met is the one that is told.
            let _: Result<u64, u64> =
                left.used_up.compare_exchange(0, met, Ordering::Relaxed, Ordering::Relaxed);
        }
        taken
    }
}

fn take_from(left: Option<&AtomicU64>, amount: u64) -> Option<()> {
    let Some(left) = left else { return Some(()) };
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount)).ok().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is_whoever_takes() {
        let allowance = Allowance::of(Some(1_000), None);
        let taken: u64 = std::thread::scope(|scope| {
            let takes = |allowance: Allowance| (0..400).filter(|_| allowance.take(7).is_ok()).count() as u64;
            let threads: Vec<_> =
                (0..4).map(|_| allowance.clone()).map(|own| scope.spawn(move || takes(own))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((taken, allowance.used_up()), (1_000, Some(Cap::Requests)));
    }

    #[test]
    fn money_is_taken_by_what_a_request_may_cost() {
        let allowance = Allowance::of(None, Some(100));
        assert_eq!((allowance.take(60), allowance.take(40), allowance.used_up()), (Ok(()), Ok(()), None));
        assert_eq!((allowance.take(1), allowance.used_up()), (Err(Cap::Money), Some(Cap::Money)));
        assert_eq!(allowance.take(0), Ok(()), "what costs nothing can still be sent");
    }

    #[test]
    fn without_a_cap_everything_is_allowed() {
        assert_eq!(Allowance::default().take(u64::MAX), Ok(()));
        assert_eq!(Allowance::of(None, None).used_up(), None);
    }
}
