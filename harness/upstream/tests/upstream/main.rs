//! What callers of simulated providers see, and what the journal says of it, over real sockets.

mod addresses;
mod answers;
mod blobs;
mod breaks;
mod connections;
#[cfg(test)]
mod dialect_caller;
mod dialects;
mod disorder;
mod endings;
mod handwork;
mod hostile;
#[cfg(test)]
mod hostile_amounts;
#[cfg(test)]
mod hostile_bytes;
mod journal;
mod keep_alive;
mod keys;
mod lengths;
mod limits;
mod near_misses;
mod over_time;
mod paths;
mod plans;
mod rest;
mod rules;
mod scripts;
mod seeds;
mod services;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tls_caller;
#[cfg(test)]
mod words;
#[cfg(test)]
mod worlds;
