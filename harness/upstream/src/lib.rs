//! Simulated providers and services: servers that answer, refuse, are late and break off as a scenario's world says, and keep
//! a journal of what they saw.
//!
//! `Upstreams` owns a `Server` for each upstream. A server's connection (`connection`) lies between hyper and the caller;
//! above hyper, `answer` turns a request into a reply: the key is looked up (`keyring`), its state, script, timeline and plans
//! decide (`decision`, `script_rule`, `questions`, `deed`, `plans`), the reply is made (`speech`) from what was made ready at
//! the start (`reply_rule`, `answer_maker`, `material`), or a service that keeps state does what it is asked (`service`), and written (`reply_head`, `reply_body`, `tear`), and the row leaves
//! when the last byte has (`journal`). A reply that cannot be made is told to the run (`mistakes`).
//!
//! While upstreams run they are counted (`tally`), and they can be set back (`incumbent`) and made to misbehave (`by_hand`).

mod answer;
mod answer_maker;
mod asked;
mod ban;
mod by_hand;
mod charge;
mod connection;
mod contents;
mod decision;
mod deed;
mod draw;
mod exchange_counts;
mod frames;
mod gauge;
mod incumbent;
mod journal;
mod key;
mod key_states;
mod keyring;
mod listening;
mod material;
mod metronome;
mod mistakes;
mod near_miss;
mod paced_events;
mod pause;
mod plans;
mod preparation;
mod questions;
mod redaction;
mod reply_body;
mod reply_head;
mod reply_rule;
mod request_body;
mod script_rule;
mod server;
mod service;
mod speech;
mod surroundings;
mod tally;
mod tear;
mod traffic_signal;
mod upstream;
mod upstreams;
mod watchlist;
mod when;
mod work;

pub use contents::contents_of;
pub use key::Key;
pub use listening::{HeldPorts, Listening, Ports};
pub use surroundings::{DEFAULT_SAMPLES, Surroundings};
pub use traffic_signal::TrafficSignal;
pub use upstreams::{Upstreams, Whereabouts};
