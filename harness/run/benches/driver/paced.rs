//! A server of streams whose times are known: the first event so long behind the request, and the others evenly behind it. One timer of
//! the machine wakes it, so that it is about as exact as the machine is.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::error::Error;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::process::Server;

/// The path of a stream.
pub(crate) fn path(first_ms: u64, gap_ms: u64, events: u32) -> String {
    format!("/{first_ms}/{gap_ms}/{events}")
}

/// Starts the server in a process of its own.
pub(crate) fn start() -> Result<Server, Box<dyn Error>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--as=server", ""])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let address = line.trim().parse()?;
    Ok(Server::started(child, address))
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
const EVENT: &str = concat!(
    r#"data: {"id":"chatcmpl-9z8y7x6w5v","object":"chat.completion.chunk","created":1760000000,"model":"chat","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}"#,
    "\n\n"
);
const END: &str = "data: [DONE]\n\n";

const LISTENER: u64 = 0;
const TIMER: u64 = 1;

/// Serves to the end of the process.
pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let mut pacing = Pacing {
        poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        timer: timerfd_create(TimerfdClockId::Monotonic, flags)?,
        streams: HashMap::new(),
        due: BinaryHeap::new(),
        next: TIMER + 1,
    };
    pacing.watch(&listener, LISTENER)?;
    pacing.watch(&pacing.timer, TIMER)?;
    let mut happened = Vec::with_capacity(512);
    loop {
        pacing.wake()?;
        happened.clear();
        epoll::wait(&pacing.poll, rustix::buffer::spare_capacity(&mut happened), None)?;
        for event in &happened {
            match event.data.u64() {
                LISTENER => pacing.accept(&listener)?,
                TIMER => drop(rustix::io::read(&pacing.timer, &mut [0; 8])),
                stream => pacing.read(stream),
            }
        }
        pacing.write_due();
    }
}

struct Pacing {
    poll: OwnedFd,
    timer: OwnedFd,
    streams: HashMap<u64, Stream>,
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    next: u64,
}

struct Stream {
    to: TcpStream,
    gap: Duration,
    events: u32,
    written: u32,
}

impl Pacing {
    fn watch(&self, fd: &impl std::os::fd::AsFd, number: u64) -> rustix::io::Result<()> {
        epoll::add(&self.poll, fd, epoll::EventData::new_u64(number), epoll::EventFlags::IN)
    }

    /// Sees to it that the loop wakes when the next event is due.
    fn wake(&self) -> rustix::io::Result<()> {
        let Some(Reverse((at, _))) = self.due.peek() else { return Ok(()) };
        // A time of zero would switch it off, and one that has passed fires at once.
        let wait = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let wait = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: i64::from(wait.subsec_nanos()) };
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let once = Itimerspec { it_interval: never, it_value: wait };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once).map(drop)
    }

    fn accept(&mut self, listener: &TcpListener) -> Result<(), Box<dyn Error>> {
        loop {
            let (to, _) = match listener.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                accepted => accepted?,
            };
            to.set_nodelay(true)?;
            to.set_nonblocking(true)?;
            self.watch(&to, self.next)?;
            self.streams.insert(self.next, Stream { to, gap: Duration::ZERO, events: 0, written: 0 });
            self.next += 1;
        }
    }

    /// A request comes, in one piece, or the client leaves.
    fn read(&mut self, number: u64) {
        let mut request = [0; 4_096];
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let read = match stream.to.read(&mut request) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            read => read.unwrap_or_default(),
        };
        let now = Instant::now();
        match asked(&request[..read]) {
            Some((first, gap, events)) => {
                (stream.gap, stream.events, stream.written) = (gap, events, 0);
                self.due.push(Reverse((now + first, number)));
            }
            None => drop(self.streams.remove(&number)),
        }
    }

    fn write_due(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, number))) = self.due.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.due.pop();
            let Some(stream) = self.streams.get_mut(&number) else { continue };
            match stream.write() {
                Ok(true) => self.due.push(Reverse((at + stream.gap, number))),
                Ok(false) => {}
                Err(_) => drop(self.streams.remove(&number)),
            }
        }
    }
}

impl Stream {
    /// Writes the next event, with the head before the first and the end behind the last, and tells whether another one follows.
    fn write(&mut self) -> std::io::Result<bool> {
        let mut text = String::with_capacity(512);
        if self.written == 0 {
            text.push_str(HEAD);
        }
        self.written += 1;
        let chunk = |of: &str| format!("{:x}\r\n{of}\r\n", of.len());
        text.push_str(&chunk(EVENT));
        let more = self.written < self.events;
        if !more {
            text.push_str(&chunk(END));
            text.push_str("0\r\n\r\n");
        }
        self.to.write_all(text.as_bytes())?;
        Ok(more)
    }
}

/// What a request asks for by its path: the time to the first event, that between events, and how many there are.
fn asked(request: &[u8]) -> Option<(Duration, Duration, u32)> {
    let text = std::str::from_utf8(request).ok()?;
    let mut numbers = text.strip_prefix("GET /")?.split(' ').next()?.split('/').map(str::parse::<u32>);
    let mut number = || numbers.next()?.ok();
    let mut millis = || number().map(u64::from).map(Duration::from_millis);
    Some((millis()?, millis()?, number()?))
}
