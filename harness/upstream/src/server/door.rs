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
