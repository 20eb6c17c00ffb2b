//! The door of an upstream: a listener, or the port alone while connections are refused.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Where connections come in.
#[derive(Debug)]
pub(super) enum Door {
    Open(TcpListener),
    /// Connections are refused; the port stays taken, so that nobody else is given it.
    Shut(TcpSocket, SocketAddr),
}

/// How many connections wait to be accepted.
const BACKLOG: u32 = 1_024;

impl Door {
    /// The next connection; none while the door is shut.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Open(listener) => listener.accept().await,
            Self::Shut(..) => std::future::pending().await,
        }
    }

    /// Opens or shuts the door, if it is not open or shut already.
    pub(super) fn turn(&mut self, open: bool) -> io::Result<()> {
        match self {
            Self::Open(listener) if !open => {
                let address = listener.local_addr()?;
                // A process that is being started has a copy of the listener until it has become its program, which on a busy
                // machine takes a while: a connection to it would be taken, and lost.
                rustix::net::shutdown(&*listener, rustix::net::Shutdown::Both)?;
                // A port can be taken twice only where nobody listens, so the listener goes first.
                *self = Self::Shut(socket_for(address)?, address);
                if let Self::Shut(socket, _) = self {
                    socket.set_reuseaddr(true)?;
                    socket.bind(address)?;
                }
            }
            Self::Shut(socket, address) if open => {
                let address = *address;
                let taken = std::mem::replace(socket, socket_for(address)?);
                if taken.local_addr().ok() != Some(address) {
                    taken.set_reuseaddr(true)?;
                    taken.bind(address)?;
                }
                *self = Self::Open(taken.listen(BACKLOG)?);
            }
            Self::Open(_) | Self::Shut(..) => {}
        }
        Ok(())
    }
}

fn socket_for(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_door_that_is_shut_takes_nobody_even_if_another_process_has_a_copy_of_the_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, copy) = (listener.local_addr().unwrap(), listener.try_clone().unwrap());
        let mut door = Door::Open(TcpListener::from_std(listener).unwrap());
        for _ in 0..3 {
            door.turn(false).unwrap();
            assert!(TcpStream::connect(address).await.is_err());
            door.turn(true).unwrap();
            assert!(TcpStream::connect(address).await.is_ok());
        }
        drop(copy);
    }
}
