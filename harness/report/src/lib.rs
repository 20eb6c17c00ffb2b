//! Writers of reports. Each is a pure function of a saved run: nothing has to be running, and nothing is read or written here.

mod clean;
pub mod histogram;
pub mod json;
pub mod junit;
mod standing;
pub mod terminal;
