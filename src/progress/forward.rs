//! Standard output while bars are drawn: what `libtest` prints there would be torn apart by them, so it goes through a pipe and is
//! written line by line, each time with the bars put aside.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use indicatif::MultiProgress;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};

/// How long the reader waits before it looks whether it is over. A child may hold the pipe open for longer than we live.
const LOOKS: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Forwards standard output until it is dropped.
pub(crate) struct Forwarded {
    /// What standard output was before.
    before: Arc<OwnedFd>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarded {
    /// Begins to; none where standard output is no terminal and nothing can be torn apart.
    pub(crate) fn start(multi: MultiProgress) -> io::Result<Option<Self>> {
        if !io::stdout().is_terminal() {
            return Ok(None);
        }
        let before = Arc::new(rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)?);
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        io::stdout().flush()?;
        rustix::stdio::dup2_stdout(&writer)?;
        let over = Arc::new(AtomicBool::new(false));
        let (to, ended) = (Arc::clone(&before), Arc::clone(&over));
        let thread = thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || forward(&File::from(reader), &to, &ended, &multi));
        match thread {
            Ok(thread) => Ok(Some(Self { before, over, thread: Some(thread) })),
            Err(error) => {
                rustix::stdio::dup2_stdout(&before)?;
                Err(error)
            }
        }
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        drop(io::stdout().flush());
        // Where the old one cannot be had back, what is written from now on still goes through the pipe as long as it is read.
        if rustix::stdio::dup2_stdout(&self.before).is_err() {
            return;
        }
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn forward(reader: &File, to: &OwnedFd, over: &AtomicBool, multi: &MultiProgress) {
    let mut waiting = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let ending = over.load(Ordering::Acquire);
        let mut polled = [PollFd::new(reader, PollFlags::IN)];
        let ready = poll(&mut polled, Some(&LOOKS)).unwrap_or(0) > 0;
        let count = if ready { (&mut &*reader).read(&mut buffer).unwrap_or(0) } else { 0 };
        if count > 0 {
            waiting.extend_from_slice(&buffer[..count]);
            let whole = waiting.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            put(to, waiting.drain(..whole).as_slice(), multi);
        } else if ending || ready {
            put(to, &waiting, multi);
            return;
        }
    }
}

/// Writes with the bars put aside. A reader that has gone away wants no more, which is no error.
fn put(to: &OwnedFd, mut bytes: &[u8], multi: &MultiProgress) {
    if bytes.is_empty() {
        return;
    }
    multi.suspend(|| {
        while let Ok(count @ 1..) = rustix::io::write(to, bytes) {
            bytes = &bytes[count..];
        }
    });
}
