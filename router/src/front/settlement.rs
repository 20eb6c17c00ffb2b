//! What is settled when an answer is over: the row in the books, and the use of a key.

use crate::accounts::{Booked, Charge, Counted};
use crate::provider::Ticket;

/// Open until an answer is over. Dropping it means that the client left before anything was counted.
pub(super) struct Settlement {
    /// Absent when nothing is booked.
    pub(super) charge: Option<Charge>,
    /// Absent when the key has no limits.
    pub(super) ticket: Option<Box<Ticket>>,
}

impl Settlement {
    /// Settles everything. The client is to have the last of its answer when the receipt is over.
    pub(super) fn close(self, status: u16, counted: Counted) -> Booked {
        if let Some(ticket) = self.ticket {
            ticket.settle(counted.tokens.all_input().saturating_add(counted.tokens.output));
        }
        self.charge.map(|charge| charge.close(Some(status), counted)).unwrap_or_default()
    }
}
