//! What callers of simulated providers see, and what the journal says of it, over real sockets.

mod answers;
mod breaks;
mod connections;
mod endings;
mod hostile;
mod journal;
mod keys;
mod limits;
mod plans;
mod rules;
mod scripts;
mod services;
#[cfg(test)]
mod stage;
mod worlds;
