//! A server on a thread of its own, whose processor time can be asked for.
//!
//! Only that thread's time counts, so neither the client's cost nor a busy machine is in the numbers.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Handle};

/// A server that is being measured.
pub(crate) struct Server {
    pub(crate) ready: Ready,
    clock: Box<dyn Fn() -> Result<Duration, Box<dyn Error>>>,
}

/// Where a server is, and what its requests carry.
#[derive(Clone)]
pub(crate) struct Ready {
    pub(crate) address: SocketAddr,
    pub(crate) secret: String,
    pub(crate) mark: String,
}

/// Who is told that a server is ready.
pub(crate) type WhenReady = mpsc::Sender<(Handle, Ready)>;

impl Server {
    /// A server whose processor time is told by somebody else.
    pub(crate) fn new(ready: Ready, clock: impl Fn() -> Result<Duration, Box<dyn Error>> + 'static) -> Self {
        Self { ready, clock: Box::new(clock) }
    }

    /// Starts a server that says when it is ready, and serves to the end of the process.
    pub(crate) fn start<F, S>(serve: F) -> Result<Self, Box<dyn Error>>
    where
        F: FnOnce(WhenReady) -> S + Send + 'static,
        S: Future<Output = Result<(), Box<dyn Error>>>,
    {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let served = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(serve(sender)));
            if let Err(error) = served {
                eprintln!("a server ended: {error}");
            }
        });
        let (handle, ready) = receiver.recv()?;
        Ok(Self::new(ready, move || {
            let (sender, receiver) = mpsc::channel();
            handle.spawn(async move {
                // The other side waits for it, unless the benchmark is being ended.
                let _: Result<(), _> = sender.send(thread_time());
            });
            Ok(receiver.recv()?)
        }))
    }

    /// The processor time of the server's thread so far.
    pub(crate) fn time(&self) -> Result<Duration, Box<dyn Error>> {
        (self.clock)()
    }
}

/// The processor time of the thread that asks.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
