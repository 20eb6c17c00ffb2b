//! A server of an upstream: a listener and its connections, all owned by one task. An upstream has one, and one more for each key that
//! has an address of its own.

mod certificate;
mod door;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};

use scenario::{Address, ConnectionEnd, KeepAlive};
use tokio_rustls::TlsAcceptor;

use certificate::self_signed;
use door::Door;

use crate::answer::answer;
use crate::connection::{Connection, ConnectionIo, Wire};
use crate::incumbent::Incumbent;
use crate::metronome::Metronome;
use crate::pause::{Pause, after};
use crate::upstream::Upstream;

/// A running server. Dropping it ends the listener and all connections.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    host: Host,
    /// Asks it to look now whether it listens at this time, and to say when its door is as it must be.
    looks: mpsc::UnboundedSender<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Who is at work behind a server, and by whose way one comes there.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) incumbent: Arc<Incumbent>,
    /// The key whose address it is; `None` where requests carry their keys.
    pub(crate) entrance: Option<usize>,
}

/// What a server puts up with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How long a caller may surely owe the rest of a request; it is given up within twice the time.
    pub(crate) patience: Duration,
    /// How long open requests may go on after the server was told to stop.
    pub(crate) farewell: Duration,
    /// So many connections are open at most; more wait to be accepted.
    pub(crate) connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { patience: Duration::from_secs(20), farewell: Duration::from_secs(5), connections: 16_384 }
    }
}

/// The longest head of a request, and the largest buffer of a connection.
const LONGEST_HEAD: usize = 64 * 1024;

/// How long accepting pauses after the machine refused it, for want of file descriptors for example.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

impl Server {
    /// Starts a server at an address; port 0 takes a free one.
    pub(crate) async fn start(
        host: Host,
        (address, listen): (Address, SocketAddr),
        bounds: Bounds,
    ) -> io::Result<Self> {
        let tls = (address == Address::BadCertificate).then(|| self_signed(listen.ip())).transpose()?;
        let taken = |error: io::Error| io::Error::new(error.kind(), format!("{listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(taken)?;
        let address = listener.local_addr()?;
        let (looks, asked) = mpsc::unbounded_channel();
        let task = tokio::spawn(serve((Door::Open(listener), asked), tls, host.clone(), bounds));
        Ok(Self { address, host, looks, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until its door is open or shut as it must be now.
    pub(crate) async fn turned(&self) {
        let (looked, over) = oneshot::channel();
        // One that is gone listens no more, and one that always listens has nothing to turn.
        if self.host.incumbent.now().rules.may_refuse() && self.looks.send(looked).is_ok() {
            let _: Result<(), oneshot::error::RecvError> = over.await;
        }
    }

    /// Tells the server to stop, without waiting for it.
    pub(crate) fn begin_to_stop(&self) {
        self.host.incumbent.now().stop();
    }

    /// Waits until everything that was open is over and written down.
    pub(crate) async fn stopped(mut self) {
        self.begin_to_stop();
        if let Err(error) = (&mut self.task).await
            && error.is_panic()
        {
            // A defect of ours must not pass for a quiet end.
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How often an upstream that does not listen at times looks whether it is such a time.
const LOOK: Duration = Duration::from_millis(1);

async fn serve(
    (mut door, mut asked): (Door, mpsc::UnboundedReceiver<oneshot::Sender<()>>),
    tls: Option<TlsAcceptor>,
    host: Host,
    bounds: Bounds,
) {
    let incumbent = Arc::clone(&host.incumbent);
    // Dropping the set, with this task, aborts every connection.
    let mut connections = JoinSet::new();
    // Tells those connections that are open at the time to end.
    let leave = watch::Sender::new(());
    let metronome = Metronome::new().ok().map(Arc::new);
    // Dropping it, with this task, ends the metronome.
    let mut beating = JoinSet::new();
    if let Some(metronome) = metronome.clone() {
        beating.spawn(async move { metronome.beat().await });
    }
    let mut stopped = pin!(incumbent.now().stopped());
    let mut number = 0_u32;
    let mut look = incumbent.now().rules.may_refuse().then(|| interval(LOOK));
    loop {
        tokio::select! {
            accepted = door.accept(), if connections.len() < bounds.connections => match accepted {
                Ok((stream, _)) => {
                    number = number.wrapping_add(1);
                    let times = (incumbent.now().accepts_after(number), bounds.patience);
                    let host = (host.clone(), metronome.clone());
                    connections.spawn(greet((stream, tls.clone()), host, times, leave.subscribe()));
                }
                Err(_) => sleep(AFTER_REFUSAL).await,
            },
            Some(ended) = connections.join_next(), if !connections.is_empty() => pass_on_panic(ended),
            () = next_look(look.as_mut()) => turn(&mut door, &incumbent.now(), &leave),
            Some(looked) = asked.recv() => {
                turn(&mut door, &incumbent.now(), &leave);
                // Who asked may have gone.
                let _: Result<(), ()> = looked.send(());
            }
            () = stopped.as_mut() => break,
        }
    }
    leave.send_replace(());
    drop(door);
    let farewell = async {
        while let Some(ended) = connections.join_next().await {
            pass_on_panic(ended);
        }
    };
    if timeout(bounds.farewell, farewell).await.is_err() {
        connections.shutdown().await;
    }
}

/// Opens or shuts the door as it must be now. Connections that are open when it is shut end.
fn turn(door: &mut Door, upstream: &Upstream, leave: &watch::Sender<()>) {
    let refuses = upstream.rules.refuses(upstream.journal.clock.now());
    if refuses && matches!(door, Door::Open(_)) {
        leave.send_replace(());
    }
    // A machine that does not let it turn now may do so at the next look.
    let _: io::Result<()> = door.turn(!refuses);
}

/// Lets a connection in. One whose handshake fails has made no request, so that nothing is written down of it.
async fn greet(
    (stream, tls): (TcpStream, Option<TlsAcceptor>),
    (host, metronome): (Host, Option<Arc<Metronome>>),
    (accept, patience): (Duration, Duration),
    mut leave: watch::Receiver<()>,
) {
    if !accept.is_zero() {
        tokio::select! {
            () = Pause::until(after(Instant::now(), accept)) => {}
            _ = leave.changed() => return,
        }
    }
    // A stream that is gone already shows it at the first read.
    let _: io::Result<()> = stream.set_nodelay(true);
    let wire = match tls {
        None => Wire::Plain(stream),
        Some(tls) => tokio::select! {
            shaken = timeout(patience, tls.accept(stream)) => match shaken {
                Ok(Ok(stream)) => Wire::Tls(Box::new(stream)),
                Ok(Err(_)) | Err(_) => return,
            },
            _ = leave.changed() => return,
        },
    };
    converse(wire, (&host, metronome), patience, leave).await;
}

/// Serves one connection to its end.
async fn converse(
    stream: Wire,
    (host, metronome): (&Host, Option<Arc<Metronome>>),
    patience: Duration,
    mut leave: watch::Receiver<()>,
) {
    let incumbent = &host.incumbent;
    let connection = Arc::new(Connection::new(&incumbent.now(), host.entrance, metronome));
    let io = ConnectionIo::new(stream, Arc::clone(&connection));
    let keep_alive = incumbent.now().keep_alive.clone();
    let service = {
        let (sight, connection) = (incumbent.sight(), Arc::clone(&connection));
        service_fn(move |request| answer(&sight.now(), &connection, request))
    };
    let serving =
        http1::Builder::new().max_buf_size(LONGEST_HEAD).serve_connection(TokioIo::new(io), service);
    let mut serving = pin!(serving);
    let mut watch = interval(patience);
    watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            // How the connection ended stands in the rows of its attempts.
            _ = serving.as_mut() => return,
            _ = leave.changed(), if !leaving => {
                leaving = true;
                serving.as_mut().graceful_shutdown();
            }
            end = enough(&connection, keep_alive.as_ref()) => return connection.lets_go(end),
            _ = watch.tick() => if connection.gives_up() { return },
        }
    }
}

/// Waits until the upstream closes the connection between two requests, if it ever does.
async fn enough(connection: &Connection, keep_alive: Option<&KeepAlive>) -> ConnectionEnd {
    match keep_alive {
        Some(keep_alive) => {
            connection.enough(keep_alive).await;
            keep_alive.ends
        }
        None => std::future::pending().await,
    }
}

/// Waits for the next look, for an upstream that has any.
async fn next_look(look: Option<&mut Interval>) {
    match look {
        Some(look) => drop(look.tick().await),
        None => std::future::pending().await,
    }
}

fn pass_on_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}
