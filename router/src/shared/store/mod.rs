//! A Redis that routers share: the way to it, closed keys told and heard, and the scripts that count.

mod address;
mod closed_keys;
mod link;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) use address::RedisAddress;
pub(crate) use link::{ALIVE, Contact, Link, PREFIX, Told};

use super::closed::{Closed, WatchedKeys};

/// Begins to keep contact, to tell what comes, and to listen.
pub(super) fn start(
    address: &RedisAddress,
    untold: mpsc::Receiver<Closed>,
    watched: &Arc<WatchedKeys>,
    tasks: &mut JoinSet<()>,
) -> Arc<Link> {
    let link = Arc::new(Link::new(address.clone()));
    tasks.spawn(closed_keys::listen(Arc::clone(&link), Arc::clone(watched)));
    tasks.spawn(closed_keys::tell_all(Arc::clone(&link), untold));
    link
}
