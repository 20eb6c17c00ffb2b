//! A process that was seen to be ready or need not be, watched until it has ended, and ended when somebody asks for it.

use std::sync::Arc;

use rustix::process::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::process::error::Ending;
use crate::process::group::Group;
use crate::process::log::Readers;
use crate::profile::{SignalWord, Stop, StopSignal};

/// A process that runs. Dropping it kills it with all that it started.
pub(super) struct Life {
    group: Arc<Group>,
    asks: mpsc::UnboundedSender<Ask>,
    ended: watch::Receiver<Option<End>>,
    /// Whether it is kept from running.
    pub(super) frozen: bool,
}

/// What is asked of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// To end, as its profile says; it is killed if it does not.
    Stop,
    /// Nothing: it is killed at once.
    Kill,
}

/// How a process ended, and whether anybody had asked for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) ending: Ending,
    pub(super) by_itself: bool,
}

/// Waits for the end of a life without holding it.
#[derive(Clone)]
pub(super) struct Mourner(watch::Receiver<Option<End>>);

impl Life {
    /// Watches over a process from now on. Its end by itself is told to `died`.
    pub(super) fn begin(
        group: Arc<Group>,
        readers: Readers,
        stop: Stop,
        died: impl FnOnce(Ending) + Send + 'static,
    ) -> Self {
        let (asks, asked) = mpsc::unbounded_channel();
        let (tell, ended) = watch::channel(None);
        let watched = Arc::clone(&group);
        tokio::spawn(async move {
            let end = supervise(&watched, readers, &stop, asked).await;
            if end.by_itself {
                died(end.ending);
            }
            tell.send_replace(Some(end));
        });
        Self { group, asks, ended, frozen: false }
    }

    /// The number of the process, which is also its group's.
    pub(super) fn pid(&self) -> u32 {
        self.group.id()
    }

    /// How it ended, if it has.
    pub(super) fn end(&self) -> Option<End> {
        *self.ended.borrow()
    }

    /// Asks something of it.
    pub(super) fn ask(&mut self, ask: Ask) -> Mourner {
        if self.frozen {
            self.thaw();
        }
        // Nobody listens if it has ended already.
        let _ = self.asks.send(ask);
        Mourner(self.ended.clone())
    }

    /// Sends it a signal that means what it makes of it.
    pub(super) fn signal(&self, signal: SignalWord) {
        self.group.ask(match signal {
            SignalWord::Hup => Signal::HUP,
            SignalWord::Usr1 => Signal::USR1,
            SignalWord::Usr2 => Signal::USR2,
        });
    }

    /// Keeps it from running, with all that it started.
    pub(super) fn freeze(&mut self) {
        self.group.signal_all(Signal::STOP);
        self.frozen = true;
    }

    /// Lets it run on.
    pub(super) fn thaw(&mut self) {
        self.group.signal_all(Signal::CONT);
        self.frozen = false;
    }
}

impl Mourner {
    /// Waits until it is gone.
    pub(super) async fn gone(mut self) -> Ending {
        let end = self.0.wait_for(Option::is_some).await.ok().and_then(|end| *end);
        // Without a word from its supervisor, which ended with the runtime, it was killed.
        end.map_or(Ending { status: None, killed: true }, |end| end.ending)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.group.kill();
    }
}

/// Watches a process until it has ended, and ends it when asked to.
async fn supervise(
    group: &Group,
    mut readers: Readers,
    stop: &Stop,
    mut asks: mpsc::UnboundedReceiver<Ask>,
) -> End {
    let (by_itself, killed) = tokio::select! {
        biased;
        _ = group.ended() => (true, false),
        ask = asks.recv() => match ask {
            Some(Ask::Stop) => (false, !ends_when_asked(group, stop, &mut asks).await),
            // Without a word, its owner was dropped.
            Some(Ask::Kill) | None => (false, true),
        },
    };
    if killed {
        group.kill();
    }
    let status = group.ended().await;
    readers.drain().await;
    End { ending: Ending { status, killed }, by_itself }
}

/// Whether it ends in its time; not if somebody loses patience first.
async fn ends_when_asked(group: &Group, stop: &Stop, asks: &mut mpsc::UnboundedReceiver<Ask>) -> bool {
    group.ask(match stop.signal {
        StopSignal::Term => Signal::TERM,
        StopSignal::Int => Signal::INT,
        StopSignal::Quit => Signal::QUIT,
        StopSignal::Kill => Signal::KILL,
    });
    let patience_ends = async { while asks.recv().await == Some(Ask::Stop) {} };
    tokio::select! {
        ended = timeout(stop.within, group.ended()) => ended.is_ok(),
        () = patience_ends => false,
    }
}
