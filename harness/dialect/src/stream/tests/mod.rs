//! Tests of streams: written by a dialect and read back by its reader.

mod errors;
mod hearing;
mod usage;
mod whole;
