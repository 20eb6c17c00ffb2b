//! The way of a fact from where it is seen to the evidence: one for each trial, many senders, one receiver.
//!
//! Senders put facts behind each other under a lock that is held for no longer than that takes, and the receiver takes all of them
//! at once. Nobody is woken for a fact unless the receiver waits for one, and nothing is allocated for it. Whoever has many hands
//! them over together: a lock that is let go waits until what was written under it has come to this processor from the other one.

use std::iter;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

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
#[derive(Debug)]
pub struct FactSender {
    way: Arc<Way>,
}

/// Takes what all senders of a trial hand over, in one order.
#[derive(Debug)]
pub struct FactReceiver {
    way: Arc<Way>,
}

/// A new way for the facts of a trial.
#[must_use]
pub fn fact_channel() -> (FactSender, FactReceiver) {
    let way = Arc::new(Way::default());
    way.lock().senders = 1;
    (FactSender { way: Arc::clone(&way) }, FactReceiver { way })
}

#[derive(Debug, Default)]
struct Way {
    queue: Mutex<Queue>,
    /// Something has come, or nothing can come any more.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    facts: Vec<Fact>,
    senders: usize,
    /// Whether the receiver waits to be told of a change.
    waits: bool,
    /// Whether the receiver has gone.
    gone: bool,
}

impl Way {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, mut queue: MutexGuard<'_, Queue>) {
        if mem::take(&mut queue.waits) {
            drop(queue);
            self.changed.notify_one();
        }
    }
}

impl FactSender {
    /// Hands over a fact. After the receiver has gone the trial is over, and a fact that comes later belongs to no evidence.
    pub fn send(&self, fact: Fact) {
        let mut queue = self.way.lock();
        if !queue.gone {
            queue.facts.push(fact);
            self.way.tell(queue);
        }
    }

    /// Hands over facts in their order, and leaves their list empty.
    pub fn send_all(&self, facts: &mut Vec<Fact>) {
        let mut queue = self.way.lock();
        if queue.gone {
            // Whoever drops what nobody will look at holds up no other sender.
            drop(queue);
            facts.clear();
        } else if !facts.is_empty() {
            queue.facts.append(facts);
            self.way.tell(queue);
        }
    }
}

impl Clone for FactSender {
    fn clone(&self) -> Self {
        self.way.lock().senders += 1;
        Self { way: Arc::clone(&self.way) }
    }
}

impl Drop for FactSender {
    fn drop(&mut self) {
        let mut queue = self.way.lock();
        queue.senders -= 1;
        if queue.senders == 0 {
            self.way.tell(queue);
        }
    }
}

impl FactReceiver {
    /// Takes all that has come into a list that is empty, whose room is used for what comes next, and tells whether more may come.
    pub fn take_into(&self, taken: &mut Vec<Fact>) -> bool {
        debug_assert!(taken.is_empty(), "what was taken before is dealt with");
        let mut queue = self.way.lock();
        mem::swap(&mut queue.facts, taken);
        queue.senders > 0
    }

    /// What has come and was not taken yet.
    pub fn try_iter(&self) -> impl Iterator<Item = Fact> + use<> {
        mem::take(&mut self.way.lock().facts).into_iter()
    }

    /// What has come and what comes, until every sender has gone. It waits for what comes.
    pub fn iter(&self) -> impl Iterator<Item = Fact> + '_ {
        iter::from_fn(|| Some(self.wait()).filter(|facts| !facts.is_empty())).flatten()
    }

    /// Takes what has come, and waits for it if there is nothing; nothing comes once every sender has gone.
    fn wait(&self) -> Vec<Fact> {
        let mut queue = self.way.lock();
        while queue.facts.is_empty() && queue.senders > 0 {
            queue.waits = true;
            queue = self.way.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        mem::take(&mut queue.facts)
    }
}

impl Drop for FactReceiver {
    fn drop(&mut self) {
        let mut queue = self.way.lock();
        queue.gone = true;
        let facts = mem::take(&mut queue.facts);
        // Whoever drops what nobody will look at holds up no sender.
        drop(queue);
        drop(facts);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::clock::Moment;
    use crate::correlation::ExchangeId;
    use crate::names::NameId;

    fn fact(number: u32) -> Fact {
        Fact::Exchange(ExchangeRow::opened(ExchangeId(number), NameId::NONE, NameId::NONE, Moment(0)))
    }

    fn number(fact: &Fact) -> u32 {
        let Fact::Exchange(row) = fact else { panic!("only exchanges are sent") };
        row.id.0
    }

    #[test]
    fn who_waits_is_given_all_that_several_send_each_in_its_order() {
        const EACH: u32 = 10_000;
        let (sender, facts) = fact_channel();
        let sending: Vec<_> = [0, EACH]
            .map(|first| (first, sender.clone()))
            .map(|(first, sender)| {
                thread::spawn(move || (first..first + EACH).for_each(|number| sender.send(fact(number))))
            })
            .into();
        drop(sender);
        let numbers: Vec<u32> = facts.iter().map(|fact| number(&fact)).collect();
        sending.into_iter().for_each(|sending| sending.join().unwrap());
        let (first, second): (Vec<u32>, Vec<u32>) = numbers.into_iter().partition(|number| *number < EACH);
        assert!(first.into_iter().eq(0..EACH) && second.into_iter().eq(EACH..2 * EACH));
    }

    #[test]
    fn what_was_sent_is_there_after_its_sender_has_gone_and_then_nothing_more_comes() {
        let (sender, facts) = fact_channel();
        let mut taken = Vec::new();
        assert!(facts.take_into(&mut taken) && taken.is_empty(), "more may come");
        let other = sender.clone();
        other.send(fact(1));
        drop(sender);
        assert!(facts.take_into(&mut taken), "another sender is there");
        assert_eq!(taken.drain(..).map(|fact| number(&fact)).collect::<Vec<_>>(), [1]);
        other.send(fact(2));
        drop(other);
        assert!(!facts.take_into(&mut taken));
        assert_eq!(taken.iter().map(number).collect::<Vec<_>>(), [2]);
        assert_eq!(facts.iter().count(), 0);
    }

    #[test]
    fn facts_that_are_handed_over_together_stand_in_their_order_behind_those_before() {
        let (sender, facts) = fact_channel();
        sender.send(fact(1));
        let mut more = vec![fact(2), fact(3)];
        sender.send_all(&mut more);
        assert!(more.is_empty() && more.capacity() >= 2, "its room is used again");
        sender.send_all(&mut more);
        sender.send(fact(4));
        drop(sender);
        assert!(facts.iter().map(|fact| number(&fact)).eq(1..=4));
    }

    #[test]
    fn who_waits_is_woken_by_facts_that_are_handed_over_together() {
        let (sender, facts) = fact_channel();
        let waiting = thread::spawn(move || facts.iter().next().map(|fact| number(&fact)));
        while !sender.way.lock().waits {
            thread::yield_now();
        }
        sender.send_all(&mut vec![fact(7), fact(8)]);
        assert_eq!(waiting.join().unwrap(), Some(7));
    }

    #[test]
    fn what_is_sent_after_the_receiver_has_gone_is_held_by_nobody() {
        let (sender, facts) = fact_channel();
        sender.send(fact(1));
        drop(facts);
        sender.send(fact(2));
        let mut more = vec![fact(3)];
        sender.send_all(&mut more);
        assert!(sender.way.lock().facts.is_empty() && more.is_empty());
    }
}
