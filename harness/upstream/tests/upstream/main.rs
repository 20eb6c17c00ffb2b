//! What callers of simulated providers see, and what the journal says of it, over real sockets.

mod answers;
mod endings;
mod hostile;
mod journal;
mod limits;
mod rules;
#[cfg(test)]
mod stage;
