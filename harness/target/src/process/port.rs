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
const COUNT: u16 = 16_000;

/// Begins anywhere, so that two runs at once seldom meet, and goes on from there, so that two starts in one run never do.
static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
    let anywhere = RandomState::new().build_hasher().finish() % u64::from(COUNT);
    AtomicU16::new(u16::try_from(anywhere).unwrap_or_default())
});

/// A port on loopback on which nobody listens.
pub(super) fn free_port() -> io::Result<u16> {
    let mut refused = None;
    for _ in 0..COUNT {
        let port = FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| io::Error::other("no port is free")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_in_a_row_or_while_somebody_listens_on_it() {
        let first = free_port().unwrap();
        NEXT.fetch_sub(1, Ordering::Relaxed);
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, first));
        assert_ne!(free_port().unwrap(), first);
        drop(held);
    }
}
