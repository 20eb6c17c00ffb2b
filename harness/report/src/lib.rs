//! Writers of reports. Each is a pure function of a saved run: nothing has to be running, and nothing is read or written here.

mod clean;
pub mod histogram;
pub mod interval_log;
pub mod json;
pub mod junit;
pub mod phases;
pub mod proof;
mod standing;
pub mod terminal;
mod tries;
mod unjoined;
