//! Every writer, over whole runs, compared with whole files under `tests/golden/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot build its world has failed")]

mod compare;
mod distributions;
mod junit;
mod proof;
mod runs;
mod saved;
mod terminal;
