//! A free port for targets that cannot choose one and tell.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which systems serve `port 0` and outgoing connections, so that neither takes the port between its
/// choice and its use.
const FIRST: u16 = 16_000;
const BLOCKS: u16 = 50;
/// More than one process has targets that start at once.
const IN_BLOCK: u16 = 320;

static OWN: LazyLock<Block> = LazyLock::new(Block::claim);

/// A port on loopback on which nobody listens.
pub(super) fn free_port() -> io::Result<u16> {
    OWN.free_port()
}

/// The ports of one process. Two that chose from the same ones would now and then choose the same one while nobody listens on it
/// yet, and then one would take the other's target for its own.
struct Block {
    first: u16,
    next: AtomicU16,
    /// Listens on the first of them for as long as the process lives, by which others see that they are taken.
    _claim: Option<TcpListener>,
}

impl Block {
    /// A block that nobody has, beginning the search anywhere; if all are taken, one that somebody shares.
    fn claim() -> Self {
        let anywhere = RandomState::new().build_hasher().finish() % u64::from(BLOCKS);
        let anywhere = u16::try_from(anywhere).unwrap_or_default();
        let first_of = |nth: u16| FIRST + (anywhere + nth) % BLOCKS * IN_BLOCK;
        let claimed = (0..BLOCKS).find_map(|nth| {
            let first = first_of(nth);
            Some((first, TcpListener::bind((Ipv4Addr::LOCALHOST, first)).ok()?))
        });
        let (first, claim) = claimed.map_or((first_of(0), None), |(first, claim)| (first, Some(claim)));
        Self { first, next: AtomicU16::new(0), _claim: claim }
    }

    fn free_port(&self) -> io::Result<u16> {
        let mut refused = None;
        for _ in 1..IN_BLOCK {
            let port = self.first + 1 + self.next.fetch_add(1, Ordering::Relaxed) % (IN_BLOCK - 1);
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(_) => return Ok(port),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| io::Error::other("no port is free")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_in_a_row_or_while_somebody_listens_on_it() {
        let block = Block::claim();
        let first = block.free_port().unwrap();
        assert_ne!(block.free_port().unwrap(), first);
        block.next.store(0, Ordering::Relaxed);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, first));
        assert_ne!(block.free_port().unwrap(), first);
        drop(held);
    }

    #[test]
    fn two_that_choose_at_once_choose_from_other_ports() {
        let (one, other) = (Block::claim(), Block::claim());
        let ports = |block: &Block| block.first..block.first + IN_BLOCK;
        let is_taken = |block: &Block| TcpListener::bind((Ipv4Addr::LOCALHOST, block.first)).is_err();
        assert!(is_taken(&one) && is_taken(&other));
        assert!(!ports(&one).contains(&other.first), "{} and {}", one.first, other.first);
        let port = other.free_port().unwrap();
        assert!(ports(&other).contains(&port) && port != other.first);
    }
}
