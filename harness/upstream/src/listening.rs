//! Where upstreams listen: each on a free port, on ports that follow each other, or on ports that were held for them.

use std::io;
use std::iter;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use scenario::{Upstream, World};
use tokio::net::TcpSocket;

/// Where the upstreams of a world listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The interface.
    pub ip: IpAddr,
    /// The ports there.
    pub ports: Ports,
    /// Whether each key has an address of its own beside that of its upstream, for targets that know no keys.
    pub each_key: bool,
    /// The host by which targets reach the upstreams, where it is not where they listen: a name of this machine that others know.
    pub advertised: Option<String>,
}

/// The ports of a world's upstreams, in the order of the world; behind that of an upstream come those of its keys, where each has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Whichever are free.
    Free,
    /// This one for the first address, those behind it for the others.
    From(u16),
    /// One for each address.
    Each(Vec<u16>),
}

/// Ports of the loopback interface that nobody else is given, and at which nobody listens yet: whoever connects is refused. They can
/// be listened at while they are held.
#[derive(Debug)]
pub struct HeldPorts(Vec<TcpSocket>);

impl Listening {
    /// On ports of the loopback interface.
    #[must_use]
    pub fn on_loopback(ports: Ports) -> Self {
        Self { ip: Ipv4Addr::LOCALHOST.into(), ports, each_key: false, advertised: None }
    }

    /// How many ports the upstreams of a world need.
    #[must_use]
    pub fn ports_of(&self, world: &World) -> usize {
        world.upstreams.0.iter().map(|(_, settings)| self.entrances(settings).count()).sum()
    }

    /// The ways to an upstream: that of requests with their keys, and those of the keys that have addresses.
    pub(crate) fn entrances(&self, upstream: &Upstream) -> impl Iterator<Item = Option<usize>> + use<> {
        let keys = if self.each_key { upstream.keys.0.len() } else { 0 };
        iter::once(None).chain((0..keys).map(Some))
    }

    /// The address at this place, from 0. One where nobody ever listens leaves its port free.
    pub(crate) fn address(&self, place: usize) -> io::Result<SocketAddr> {
        let port = match &self.ports {
            Ports::Free => Some(0),
            Ports::From(first) => u16::try_from(place).ok().and_then(|place| first.checked_add(place)),
            Ports::Each(ports) => ports.get(place).copied(),
        };
        let port = port.ok_or_else(|| {
            let why = match &self.ports {
                Ports::From(first) => {
                    format!("no port is left from {first} on for address number {}", place + 1)
                }
                _ => format!("no port was held for address number {}", place + 1),
            };
            io::Error::new(io::ErrorKind::AddrNotAvailable, why)
        })?;
        Ok(SocketAddr::new(self.ip, port))
    }

    /// Host and port by which what listens here is reached.
    pub(crate) fn reached(&self, address: SocketAddr) -> String {
        if let Some(host) = &self.advertised {
            return format!("{host}:{}", address.port());
        }
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            other => other,
        };
        SocketAddr::new(ip, address.port()).to_string()
    }
}

impl HeldPorts {
    /// So many ports.
    ///
    /// # Errors
    /// If the machine gives none.
    pub fn take(count: usize) -> io::Result<Self> {
        let held = (0..count).map(|_| {
            let socket = TcpSocket::new_v4()?;
            // With it, another socket that has it too may listen at the port of one that does not listen.
            socket.set_reuseaddr(true)?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            Ok(socket)
        });
        held.collect::<io::Result<Vec<_>>>().map(Self)
    }

    /// Their numbers.
    ///
    /// # Errors
    /// If the machine does not tell them.
    pub fn numbers(&self) -> io::Result<Vec<u16>> {
        self.0.iter().map(|socket| socket.local_addr().map(|address| address.port())).collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn ports_follow_each_other_as_far_as_there_are_any() {
        let address = |ports, place| Listening::on_loopback(ports).address(place);
        assert_eq!(address(Ports::Free, 7).unwrap().port(), 0);
        assert_eq!(address(Ports::From(9_001), 2).unwrap().port(), 9_003);
        assert_eq!(address(Ports::From(65_535), 0).unwrap().port(), 65_535);
        let told = address(Ports::From(65_535), 1).unwrap_err().to_string();
        assert_eq!(told, "no port is left from 65535 on for address number 2");
        assert_eq!(address(Ports::Each(vec![7, 5]), 1).unwrap().port(), 5);
        assert!(address(Ports::Each(vec![7, 5]), 2).is_err());
    }

    #[tokio::test]
    async fn a_port_that_is_held_refuses_everybody_until_somebody_listens_there_and_afterwards() {
        let held = HeldPorts::take(2).unwrap();
        let ports = held.numbers().unwrap();
        assert_ne!(ports[0], ports[1]);
        let reach = || TcpStream::connect((Ipv4Addr::LOCALHOST, ports[0]));
        for _ in 0..2 {
            assert!(reach().await.is_err());
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ports[0])).await.unwrap();
            assert!(reach().await.is_ok());
            drop(listener);
        }
        assert!(reach().await.is_err());
    }

    #[test]
    fn what_listens_everywhere_is_reached_on_loopback_or_by_the_name_that_is_advertised() {
        let listening = Listening::on_loopback(Ports::Free);
        for (listens, reached) in
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("10.0.0.1:1", "10.0.0.1:1")]
        {
            assert_eq!(listening.reached(listens.parse().unwrap()), reached);
        }
        let known = Listening { advertised: Some("tests.example".to_owned()), ..listening };
        assert_eq!(known.reached("0.0.0.0:7".parse().unwrap()), "tests.example:7");
    }
}
