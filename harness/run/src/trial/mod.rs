//! One trial: its world is started, its traffic is sent, its evidence is written and judged.

mod bodies;
mod captures;
mod conduct;
mod exec;
mod header;
mod left_files;
mod manners;
mod phases;
mod readings;
mod requests;
mod secrets;
mod steps;
mod target_life;
mod traffic;
mod watch;

pub(crate) use conduct::{Conducted, Surroundings, conduct};
pub(crate) use exec::waits;
pub(crate) use requests::MARK_HEADER;
