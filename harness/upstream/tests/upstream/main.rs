//! What callers of simulated providers see, and what the journal says of it, over real sockets.

mod addresses;
mod answers;
mod breaks;
mod connections;
#[cfg(test)]
mod dialect_caller;
mod dialects;
mod endings;
mod hostile;
#[cfg(test)]
mod hostile_amounts;
#[cfg(test)]
mod hostile_bytes;
mod journal;
mod keys;
mod limits;
mod paths;
mod plans;
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
mod worlds;
