//! Simulated providers: servers that answer, refuse and are late as a scenario's world says, and keep a journal of what they
//! saw.
//!
//! `Upstreams` owns a `Server` for each upstream. A server's connection (`connection`) lies between hyper and the socket;
//! above hyper, `answer` turns a request into a reply: the key is looked up (`keyring`), script, timeline and plans decide
//! (`decision`, `gauge`), the reply is written (`reply_head`, `reply_body`), and the row leaves when the last byte has (`journal`).

mod answer;
mod connection;
mod decision;
mod draw;
mod gauge;
mod journal;
mod key;
mod keyring;
mod pause;
mod redaction;
mod reply_body;
mod reply_head;
mod request_body;
mod server;
mod surroundings;
mod traffic_signal;
mod upstream;
mod upstreams;

pub use key::Key;
pub use surroundings::{DEFAULT_SAMPLES, Surroundings};
pub use traffic_signal::TrafficSignal;
pub use upstreams::Upstreams;
