//! The way of a fact from where it is seen to the evidence: one channel for each trial, many senders, one writer.

use std::sync::mpsc::{self, Receiver, Sender};

use crate::attempt::AttemptRow;
use crate::entry::Entry;
use crate::exchange::ExchangeRow;

/// One thing that was seen.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A client request is over.
    Exchange(ExchangeRow),
    /// A request that an upstream saw is over.
    Attempt(AttemptRow),
    /// Anything that is not counted by the million. Boxed, so that a row's way stays short.
    Entry(Box<Entry>),
}

/// Hands facts to the trial's evidence writer without waiting for it.
#[derive(Clone, Debug)]
pub struct FactSender {
    sender: Sender<Fact>,
}

impl FactSender {
    /// Hands over a fact. After the writer has gone the trial is over, and a fact that comes later belongs to no evidence.
    pub fn send(&self, fact: Fact) {
        drop(self.sender.send(fact));
    }
}

/// A new channel for the facts of a trial.
#[must_use]
pub fn fact_channel() -> (FactSender, Receiver<Fact>) {
    let (sender, receiver) = mpsc::channel();
    (FactSender { sender }, receiver)
}
