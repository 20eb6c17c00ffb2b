//! Starting and stopping: the router as a command and as a value inside another program.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tracing_subscriber::EnvFilter;

use crate::defects::{UnknownDefect, policies};
use crate::front::{ListenError, Listener};
use crate::settings::{Environment, ProcessEnvironment, SettingsError};
use crate::upkeep::InForce;

/// What the command line asks for.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The configuration file.
    pub config: PathBuf,
    /// Outranks the address in the file.
    pub listen: Option<SocketAddr>,
    /// The name of a defect to switch on.
    pub defect: Option<String>,
}

/// Why the router did not start or did not go on.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The configuration is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no such defect.
    #[error(transparent)]
    Defect(#[from] UnknownDefect),
    /// `ROUTER_LOG` holds something else than levels.
    #[error("the variable `ROUTER_LOG` cannot be read: write a level such as `warn`, `info` or `debug`")]
    LogLevel(#[source] tracing_subscriber::filter::ParseError),
    /// The address is taken or not ours.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system did not give threads, signals or an output.
    #[error("cannot start")]
    System(#[from] std::io::Error),
    /// The server ended by a fault of its own.
    #[error("the server ended unexpectedly")]
    Ended(#[from] JoinError),
}

/// A router that accepts connections. Dropping it without [`Router::stop`] breaks everything off.
pub struct Router {
    address: SocketAddr,
    in_force: Arc<InForce>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// Runs the router until the process is asked to end, then lets open exchanges finish for a few seconds. At each hang-up
/// signal it reads its configuration again; one that is wrong is told to the log, and the one in force stays.
///
/// It builds its own runtime, so it must not be called from inside of one. When it accepts connections it prints
/// `listening on http://ADDRESS` as its only line on the standard output; its log goes to the standard error, at the
/// level named by `ROUTER_LOG` (default `warn`).
pub fn serve(options: &ServeOptions) -> Result<(), ServeError> {
    start_logging()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Listened to before the line below is printed, so that a stop right after it is in order, too.
        let mut signals = Signals::new()?;
        let router = start(options, ProcessEnvironment).await?;
        {
            let mut output = std::io::stdout().lock();
            writeln!(output, "listening on http://{}", router.address())?;
            output.flush()?;
        }
        while signals.next().await == Asked::ToReload {
            if let Err(error) = router.reload().await {
                tracing::error!(%error, "the settings stay as they were, since the file is wrong");
            }
        }
        router.stop().await
    })
}

/// Starts the router inside of the running runtime and returns when it accepts connections.
pub async fn start(
    options: &ServeOptions,
    environment: impl Environment + 'static,
) -> Result<Router, ServeError> {
    let policies = policies(options.defect.as_deref())?;
    let (in_force, listen) = InForce::load(options.config.clone(), Arc::new(environment), policies)?;
    in_force.meet_others().await;
    let in_force = Arc::new(in_force);
    let listener = Listener::bind(options.listen.unwrap_or(listen)).await?;
    let address = listener.address();
    let (stop, stopped) = watch::channel(false);
    let server = tokio::spawn(listener.serve(Arc::clone(&in_force), stopped));
    Ok(Router { address, in_force, stop, server })
}

impl Router {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads the configuration again and puts it in force, but for the address to listen on. Open exchanges go on as they
    /// began, and what is known of keys is kept. When the file is wrong everything stays as it is.
    pub async fn reload(&self) -> Result<(), SettingsError> {
        self.in_force.reload().await
    }

    /// Accepts nothing more, lets open exchanges finish for a few seconds, and returns.
    pub async fn stop(mut self) -> Result<(), ServeError> {
        self.stop.send_replace(true);
        (&mut self.server).await?;
        self.in_force.end().await;
        Ok(())
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The signals that a process of the router's listens to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    ToEnd,
    ToReload,
}

impl Signals {
    fn new() -> Result<Self, std::io::Error> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::ToEnd,
            _ = self.interrupt.recv() => Asked::ToEnd,
            _ = self.hang_up.recv() => Asked::ToReload,
        }
    }
}

fn start_logging() -> Result<(), ServeError> {
    let level = std::env::var("ROUTER_LOG").unwrap_or_else(|_| "warn".to_owned());
    let filter = EnvFilter::try_new(level).map_err(ServeError::LogLevel)?;
    // A program that embeds the router may have set up a log already; then that one is used.
    let _already_set = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
    Ok(())
}
