//! One trial: its world is started, its traffic is sent, its evidence is written and judged.

mod conduct;
mod requests;
mod traffic;

pub(crate) use conduct::{Conducted, Surroundings, conduct};
