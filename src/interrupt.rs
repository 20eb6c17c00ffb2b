//! Ctrl-C and friends: the first ends the run in good order, the second at once.

use run::{Exit, Stopper};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::terminal::tell;

/// Lets signals stop engines.
///
/// # Errors
///
/// If the machine does not let signals be handled.
pub(crate) fn listen(handle: &Handle, stopper: Stopper) -> std::io::Result<()> {
    let _inside = handle.enter();
    let signals = Signals::listen()?;
    handle.spawn(obey(signals, stopper));
    Ok(())
}

/// The signals that ask for an end, from when they are listened to on.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Listens to them, on the runtime that this is called on.
    ///
    /// # Errors
    ///
    /// If the machine does not let signals be handled.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one, and gives its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}

async fn obey(mut signals: Signals, stopper: Stopper) {
    let name = signals.next().await;
    tell(&format!("\n{name}: ending in good order; again to end at once\n"));
    stopper.stop(&format!("interrupted by {name}"));
    signals.next().await;
    // The kernel ends the targets together with this process: each was started to die with it.
    std::process::exit(i32::from(Exit::Interrupted.code()));
}
