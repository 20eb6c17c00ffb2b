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
use crate::front::{ListenError, Listener, Service};
use crate::settings::{Environment, ProcessEnvironment, Settings, SettingsError};

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
#[derive(Debug)]
pub struct Router {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// Runs the router until the process is asked to end, then lets open exchanges finish for a few seconds.
///
/// It builds its own runtime, so it must not be called from inside of one. When it accepts connections it prints
/// `listening on http://ADDRESS` as its only line on the standard output; its log goes to the standard error, at the
/// level named by `ROUTER_LOG` (default `warn`).
pub fn serve(options: &ServeOptions) -> Result<(), ServeError> {
    start_logging()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Listened to before the line below is printed, so that a stop right after it is in order, too.
        let mut signals = StopSignals::new()?;
        let router = start(options, &ProcessEnvironment).await?;
        {
            let mut output = std::io::stdout().lock();
            writeln!(output, "listening on http://{}", router.address())?;
            output.flush()?;
        }
        signals.next().await;
        router.stop().await
    })
}

/// Starts the router inside of the running runtime and returns when it accepts connections.
pub async fn start(options: &ServeOptions, environment: &dyn Environment) -> Result<Router, ServeError> {
    let policies = policies(options.defect.as_deref())?;
    let settings = Settings::load(&options.config, environment)?;
    let listener = Listener::bind(options.listen.unwrap_or(settings.listen)).await?;
    let address = listener.address();
    let (stop, stopped) = watch::channel(false);
    let service = Arc::new(Service::new(settings, policies));
    let server = tokio::spawn(listener.serve(service, stopped));
    Ok(Router { address, stop, server })
}

impl Router {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more, lets open exchanges finish for a few seconds, and returns.
    pub async fn stop(mut self) -> Result<(), ServeError> {
        self.stop.send_replace(true);
        (&mut self.server).await?;
        Ok(())
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The two signals that ask a process to end.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn new() -> Result<Self, std::io::Error> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
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
