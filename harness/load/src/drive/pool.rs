//! The connections of a phase: those that carry an exchange, those that wait for one, and the room for more.

use std::io;
use std::net::SocketAddr;

use mio::{Interest, Registry, Token};

use crate::drive::connection::Connection;
use crate::reading::Reading;
use crate::sending::Sending;
use crate::surroundings::Surroundings;

/// The connections of a phase, each in a slot whose number is its token, counted from the first token that is free.
#[derive(Debug)]
pub(super) struct Pool {
    surroundings: Surroundings,
    sending: Sending,
    first_token: usize,
    slots: Vec<Slot>,
    /// The addresses, nearly always one, with the slots whose connection to it carries nothing. The last one used is the first to be
    /// used again, so that few are kept warm.
    idle: Vec<(SocketAddr, Vec<usize>)>,
    /// Slots without a connection.
    free: Vec<usize>,
    most: usize,
    opened: u64,
    short_of_sockets: bool,
}

/// The place of a connection.
#[derive(Debug)]
struct Slot {
    connection: Option<Connection>,
    /// The number of its address.
    address: usize,
}

impl Pool {
    pub(super) fn new(
        most: usize,
        first_token: usize,
        (surroundings, sending): (Surroundings, Sending),
    ) -> Self {
        Self {
            surroundings,
            sending,
            first_token,
            slots: Vec::new(),
            idle: Vec::new(),
            free: Vec::new(),
            most: most.max(1),
            opened: 0,
            short_of_sockets: false,
        }
    }

    /// Whether a connection can be had, to whatever address.
    pub(super) fn has_room(&self) -> bool {
        self.size() < self.most || self.idle.iter().any(|(_, idle)| !idle.is_empty())
    }

    /// The slot of an idle connection to an address, or of a new one that is being made; none if the machine gives no more sockets,
    /// and the next one has to wait for one of those that there are.
    ///
    /// # Errors
    ///
    /// If the connection is refused at once, or the machine gives not a single socket.
    pub(super) fn take(
        &mut self,
        to: SocketAddr,
        registry: &Registry,
    ) -> Result<Option<usize>, NoConnection> {
        let address = self.address(to);
        if let Some(slot) = self.idle[address].1.pop() {
            return Ok(Some(slot));
        }
        if self.size() >= self.most {
            // One that leads elsewhere and carries nothing makes room.
            match self.idle.iter_mut().find_map(|(_, idle)| idle.pop()) {
                Some(slot) => self.close(slot, registry),
                None => return Ok(None),
            }
        }
        match self.connect(to, address, registry) {
            Ok(slot) => Ok(Some(slot)),
            Err(error) if is_shortage(&error) && self.size() > 0 => {
                self.most = self.size();
                self.short_of_sockets = true;
                Ok(None)
            }
            Err(error) if is_shortage(&error) => Err(NoConnection::NoSocket(error)),
            Err(_) => Err(NoConnection::Refused),
        }
    }

    /// The number of an address.
    fn address(&mut self, to: SocketAddr) -> usize {
        let known = self.idle.iter().position(|(known, _)| *known == to);
        known.unwrap_or_else(|| {
            self.idle.push((to, Vec::new()));
            self.idle.len() - 1
        })
    }

    pub(super) fn get(&mut self, slot: usize) -> Option<&mut Connection> {
        self.slots.get_mut(slot)?.connection.as_mut()
    }

    /// A connection carries nothing any more.
    pub(super) fn put_back(&mut self, slot: usize) {
        if let Some(Slot { address, .. }) = self.slots.get(slot) {
            self.idle[*address].1.push(slot);
        }
    }

    pub(super) fn close(&mut self, slot: usize, registry: &Registry) {
        let Some(Slot { connection, address }) = self.slots.get_mut(slot) else { return };
        let Some(mut connection) = connection.take() else { return };
        // It ends with its stream, whatever the registry says.
        drop(registry.deregister(&mut connection.stream));
        self.idle[*address].1.retain(|idle| *idle != slot);
        self.free.push(slot);
    }

    /// How many slots there are, with a connection or without.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    pub(super) fn was_short_of_sockets(&self) -> bool {
        self.short_of_sockets
    }

    fn size(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn connect(&mut self, to: SocketAddr, address: usize, registry: &Registry) -> io::Result<usize> {
        let reading = Reading::new(&self.surroundings, &self.sending).with_gaps();
        let mut connection = Connection::open(to, reading, &self.sending)?;
        let slot = self.free.last().copied().unwrap_or(self.slots.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut connection.stream, Token(self.first_token + slot), interest)?;
        let made = Slot { connection: Some(connection), address };
        match self.free.pop() {
            Some(slot) => self.slots[slot] = made,
            None => self.slots.push(made),
        }
        self.opened += 1;
        Ok(slot)
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// The target does not take it.
    Refused,
    /// The machine has no socket to give.
    NoSocket(io::Error),
}

/// Whether the machine, and not the target, is why a connection cannot be made.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let shortages =
        [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL, Errno::NOSPC];
    Errno::from_io_error(error).is_some_and(|error| shortages.contains(&error))
}
