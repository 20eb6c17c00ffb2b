//! How punctual streams are: 200 at once, each with an event every 10 ms, against a bare ticker with as many timers. Both are
//! read by the same client, and what counts is how far the gaps that it sees are from 10 ms.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use scenario::{Data, Distribution, Reply, StreamShape};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::load::request;
use crate::rounds::Rounds;
use crate::server::Ready;
use crate::simulator::{Drain, simulator};
use crate::ticker::{self, Written};

const ROUNDS: usize = 9;
const STREAMS: u32 = 200;
const EVENTS: u32 = 100;
const GAP: Duration = Duration::from_millis(10);
const LIMIT: f64 = 1.5;

/// What each event begins with.
const EVENT: &[u8] = b"data: ";

pub(crate) fn compare() -> Result<bool, Box<dyn Error>> {
    let ready = start_simulator()?;
    // The reader runs on a thread of its own, the simulator on a runtime like that of a run.
    let reader = Builder::new_current_thread().enable_all().build()?;
    let request = request(&ready, true);
    let ticker = ticker::start(reader.block_on(sample(&ready, &request))?, EVENTS - 1, GAP)?;
    println!("Microseconds by which a gap of {GAP:?} is missed on average, {STREAMS} streams at once.\n");
    let rounds = Rounds::run(ROUNDS, ["ticker", "simulator"], |index| {
        reader.block_on(missed([ticker, ready.address][index], &request))
    })?;
    Ok(rounds.tell("simulator / ticker", (1, 0), Some(LIMIT)))
}

/// Starts the simulator on a runtime like that of a run.
fn start_simulator() -> Result<Ready, Box<dyn Error>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let stream = Some(StreamShape { gap: Distribution::Fixed(GAP), ..StreamShape::immediate() });
        // Each word is an event.
        let text = Some(Data::literal(&"word ".repeat(EVENTS as usize)));
        let reply = Reply { text, stream, ..Reply::normal() };
        let runtime = Builder::new_multi_thread().enable_all().build();
        let served = runtime
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(simulator(Drain::Looking, reply, sender)));
        if let Err(error) = served {
            eprintln!("the simulator ended: {error}");
        }
    });
    Ok(receiver.recv()?.1)
}

/// What the simulator writes on a stream, for the ticker to write the same.
async fn sample(ready: &Ready, request: &str) -> Result<Written, Box<dyn Error>> {
    let mut stream = TcpStream::connect(ready.address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut came = Vec::new();
    while count(&came) < 4 {
        if stream.read_buf(&mut came).await? == 0 {
            return Err("the stream of the simulator is too short".into());
        }
    }
    let text = String::from_utf8(came)?;
    // Each event is a chunk: its length, and the event with the end of the chunk behind it.
    let starts: Vec<usize> = text.match_indices("data: ").map(|(at, _)| at).collect();
    let chunk_start = |event: usize| text[..starts[event]].trim_end().rfind('\n').map_or(0, |at| at + 1);
    let (second, third) = (chunk_start(2), chunk_start(3));
    Ok(Written { opening: text[..second].into(), event: text[second..third].into() })
}

/// The mean distance of all gaps from what they should be, in microseconds.
async fn missed(address: SocketAddr, request: &str) -> Result<f64, Box<dyn Error>> {
    let mut streams = JoinSet::new();
    let began = Instant::now();
    for number in 0..STREAMS {
        let request = request.to_owned();
        // The streams begin at different times within one gap, so that their events do not come at once.
        let begin =
            tokio::time::Instant::from_std(began + Duration::from_millis(50) + GAP / STREAMS * number);
        streams.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            tokio::time::sleep_until(begin).await;
            stream.write_all(request.as_bytes()).await?;
            arrivals(stream).await
        });
    }
    let mut sum = 0.0;
    for arrivals in streams.join_all().await {
        let arrivals = arrivals?;
        for pair in arrivals.windows(2) {
            sum += (pair[1] - pair[0]).abs_diff(GAP).as_secs_f64() * 1e6;
        }
    }
    Ok(sum / f64::from(STREAMS * (EVENTS - 1)))
}

/// When the events with content come.
async fn arrivals(mut stream: TcpStream) -> std::io::Result<Vec<Instant>> {
    let mut arrivals = Vec::with_capacity(EVENTS as usize + 4);
    let mut came = Vec::with_capacity(8 * 1024);
    // The first event is the opening, and comes with the first content.
    while arrivals.len() <= EVENTS as usize {
        if stream.read_buf(&mut came).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let now = Instant::now();
        arrivals.resize(arrivals.len() + count(&came), now);
        // What an event begins with may have come by half.
        came.drain(..came.len().saturating_sub(EVENT.len() - 1));
    }
    arrivals.truncate(EVENTS as usize + 1);
    arrivals.remove(0);
    Ok(arrivals)
}

fn count(bytes: &[u8]) -> usize {
    memchr::memmem::find_iter(bytes, EVENT).count()
}
