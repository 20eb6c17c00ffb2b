//! A bare ticker: a timer of the machine for each stream, and an event written each time that it fires. Nothing that is paced
//! by the machine's timers can be much more punctual.

use std::collections::HashMap;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::event::epoll;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// What is written to each stream: its head with the first events, and the one that comes again and again.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) opening: Vec<u8>,
    pub(crate) event: Vec<u8>,
}

/// One stream with its timer.
struct Stream {
    to: TcpStream,
    timer: OwnedFd,
    /// How many events are still to come; none before the request has come.
    left: u32,
}

/// Starts a ticker that writes so many events on each connection, one in each gap, to the end of the process.
pub(crate) fn start(written: Written, events: u32, gap: Duration) -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        if let Err(error) = serve(&listener, &written, (events, gap)) {
            eprintln!("the ticker ended: {error}");
        }
    });
    Ok(address)
}

const LISTENER: u64 = 0;

fn serve(
    listener: &TcpListener,
    written: &Written,
    (events, gap): (u32, Duration),
) -> Result<(), Box<dyn Error>> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let watch = |fd: &dyn std::os::fd::AsFd, number: u64| {
        epoll::add(&poll, fd.as_fd(), epoll::EventData::new_u64(number), epoll::EventFlags::IN)
    };
    watch(listener, LISTENER)?;
    let mut streams: HashMap<u64, Stream> = HashMap::new();
    let mut happened = Vec::with_capacity(512);
    // Even numbers are connections, odd ones their timers.
    let mut next = 2;
    loop {
        happened.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut happened), None)?;
        for event in &happened {
            let number = event.data.u64();
            if number == LISTENER {
                let (to, _) = listener.accept()?;
                to.set_nodelay(true)?;
                let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
                let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
                watch(&to, next)?;
                watch(&timer, next + 1)?;
                streams.insert(next, Stream { to, timer, left: 0 });
                next += 2;
            } else if let Some(stream) = streams.get_mut(&(number & !1)) {
                let goes_on = if number % 2 == 1 {
                    stream.tick(&written.event)
                } else {
                    stream.begin(&written.opening, (events, gap))
                };
                if !goes_on? {
                    streams.remove(&(number & !1));
                }
            }
        }
    }
}

impl Stream {
    /// The request comes, in one piece, or the caller leaves.
    fn begin(&mut self, opening: &[u8], (events, gap): (u32, Duration)) -> std::io::Result<bool> {
        let mut request = [0; 4096];
        if self.to.read(&mut request)? == 0 {
            return Ok(false);
        }
        self.to.write_all(opening)?;
        self.left = events;
        let gap = Timespec { tv_sec: 0, tv_nsec: i64::from(gap.subsec_nanos()) };
        let each = Itimerspec { it_interval: gap, it_value: gap };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &each)?;
        Ok(true)
    }

    fn tick(&mut self, event: &[u8]) -> std::io::Result<bool> {
        let mut count = [0; 8];
        rustix::io::read(&self.timer, &mut count)?;
        // A tick that was missed is told as one that is late, with the next.
        for _ in 0..u64::from_ne_bytes(count).min(self.left.into()) {
            self.to.write_all(event)?;
            self.left -= 1;
        }
        Ok(self.left > 0)
    }
}
