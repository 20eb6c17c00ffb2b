//! What several routers with the same keys share: which key is closed and until when, through a folder; through a Redis
//! also what tenants have sent, have open and have spent, and how much keys were used.

mod closed;
mod folder;
mod store;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) use closed::{ClosedKey, Teller};
use closed::{MOST_UNTOLD, Watched, WatchedKeys};
pub(crate) use store::{ALIVE, Contact, Link, PREFIX, RedisAddress, Told};

use crate::provider::Provider;

/// Where routers share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SharedPlace {
    Folder(PathBuf),
    Redis(RedisAddress),
}

/// A place, and the tasks that tell and listen there for as long as this lives.
#[derive(Debug)]
pub(crate) struct Shared {
    place: SharedPlace,
    teller: Teller,
    watched: Arc<WatchedKeys>,
    /// Absent for a folder.
    link: Option<Arc<Link>>,
    _tasks: JoinSet<()>,
}

impl Shared {
    /// Begins to tell and to listen, as yet of nothing.
    pub(crate) fn start(place: SharedPlace) -> Self {
        let (sender, untold) = mpsc::channel(MOST_UNTOLD);
        let watched = Arc::new(WatchedKeys::default());
        let mut tasks = JoinSet::new();
        let link = match &place {
            SharedPlace::Folder(folder) => {
                folder::start(folder, untold, &watched, &mut tasks);
                None
            }
            SharedPlace::Redis(address) => Some(store::start(address, untold, &watched, &mut tasks)),
        };
        Self { place, teller: Teller::new(sender), watched, link, _tasks: tasks }
    }

    pub(crate) fn place(&self) -> &SharedPlace {
        &self.place
    }

    /// The way to the store, if it is one that counts.
    pub(crate) fn link(&self) -> Option<&Arc<Link>> {
        self.link.as_ref()
    }

    /// Tells and hears from now on of the keys of these providers.
    pub(crate) fn follow<'a>(&self, providers: impl Iterator<Item = &'a Arc<Provider>>) {
        let mut keys = Vec::new();
        for provider in providers {
            provider.tell_by(Some(self.teller.clone()));
            keys.extend(Watched::all_of(provider));
        }
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}
