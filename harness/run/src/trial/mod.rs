//! One trial: its world is started, its traffic is sent, its evidence is written.

mod bodies;
mod captures;
mod conduct;
mod credentials;
mod exec;
mod header;
mod left_files;
mod manners;
mod operations;
mod phases;
mod queries;
mod readings;
mod requests;
mod sameness;
mod secrets;
mod steps;
mod target_life;
mod traffic;
mod watch;

pub(crate) use conduct::{Failure, Seen, Surroundings, conduct};
pub(crate) use exec::waits;
pub(crate) use readings::looks_at;
pub(crate) use requests::{MARK_HEADER, surface};
pub(crate) use secrets::Secrets;
pub(crate) use target_life::{listening, topology};
pub(crate) use traffic::PATIENCE;
