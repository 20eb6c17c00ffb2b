//! Where upstreams listen: each on a free port, or on ports that follow each other.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where the upstreams of a world listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The interface.
    pub ip: IpAddr,
    /// The port of the world's first upstream, with those of the others behind it; none for free ones.
    pub first_port: Option<u16>,
}

impl Listening {
    /// On free ports of the loopback interface.
    pub const LOOPBACK: Self = Self { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), first_port: None };

    /// The address of the upstream at this place in the world, from 0. One that never listens leaves its port free.
    pub(crate) fn address(&self, place: usize) -> io::Result<SocketAddr> {
        let Some(first) = self.first_port else { return Ok(SocketAddr::new(self.ip, 0)) };
        let port = u16::try_from(place).ok().and_then(|place| first.checked_add(place));
        let port = port.ok_or_else(|| {
            let why = format!("no port is left from {first} on for upstream number {}", place + 1);
            io::Error::new(io::ErrorKind::AddrNotAvailable, why)
        })?;
        Ok(SocketAddr::new(self.ip, port))
    }

    /// An address at which what listens here is reached from this machine.
    pub(crate) fn reached(address: SocketAddr) -> SocketAddr {
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => {
                SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port())
            }
            IpAddr::V6(ip) if ip.is_unspecified() => {
                SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), address.port())
            }
            _ => address,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_each_other_as_far_as_there_are_any() {
        let from = |first_port| Listening { first_port, ..Listening::LOOPBACK };
        assert_eq!(from(None).address(7).unwrap().port(), 0);
        assert_eq!(from(Some(9_001)).address(2).unwrap().port(), 9_003);
        assert_eq!(from(Some(65_535)).address(0).unwrap().port(), 65_535);
        let told = from(Some(65_535)).address(1).unwrap_err().to_string();
        assert_eq!(told, "no port is left from 65535 on for upstream number 2");
    }

    #[test]
    fn what_listens_everywhere_is_reached_on_loopback() {
        for (listens, reached) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.1:1", "10.0.0.1:1")]
        {
            assert_eq!(Listening::reached(listens.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
