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

pub(crate) use conduct::{Failure, Surroundings, conduct};
pub(crate) use exec::waits;
pub(crate) use requests::{MARK_HEADER, surface};
pub(crate) use traffic::PATIENCE;
