//! Accepts connections, bounds what each may hold, and ends them in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{asked_to, serve_connection};
use crate::upkeep::InForce;

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// The address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on `{address}`: choose another address, or port 0 for any free port")]
pub struct ListenError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: std::io::Error,
}

/// What the system keeps for a client that reads slowly. Left to itself it keeps megabytes for each.
const MOST_UNREAD: u32 = 64 * 1024;
/// Connections that wait to be accepted; the system may set a lower bound of its own.
const BACKLOG: u32 = 4_096;
/// Connections beyond this wait in the system's queue.
const MOST_CONNECTIONS: usize = 8 * 1024;
/// How long open exchanges may go on after a stop was asked.
const DRAIN: Duration = Duration::from_secs(5);
/// A failed accept is nearly always a lack of file descriptors; trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

impl Listener {
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let wrong = |source| ListenError { address, source };
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let socket = socket.map_err(wrong)?;
        socket.set_reuseaddr(true).map_err(wrong)?;
        // Accepted connections take it over.
        socket.set_send_buffer_size(MOST_UNREAD).map_err(wrong)?;
        socket.bind(address).map_err(wrong)?;
        let socket = socket.listen(BACKLOG).map_err(wrong)?;
        let address = socket.local_addr().map_err(wrong)?;
        Ok(Self { socket, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` turns true; then lets open exchanges finish, for a while.
    pub(crate) async fn serve(self, in_force: Arc<InForce>, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            let room = connections.len() < MOST_CONNECTIONS;
            tokio::select! {
                () = asked_to(&mut stop) => break,
                Some(_) = connections.join_next() => {}
                accepted = self.socket.accept(), if room => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve_connection(stream, Arc::clone(&in_force), stop.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        // From here on the system refuses new connections.
        drop(self.socket);
        let drained = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(open = connections.len(), "exchanges were still open and are broken off");
            // Waited for, since what they used is booked when they end.
            connections.shutdown().await;
        }
    }
}
