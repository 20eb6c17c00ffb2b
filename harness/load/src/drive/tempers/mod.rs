//! Phases against servers of every temper: those that answer, those that stall, and those that mean harm.

mod answering;
mod ground;
mod hostile;
mod manners;
mod recording;
mod stalling;
mod writing;
