//! Other programs: their start, their processor time and their end.

use std::error::Error;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// A server. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

impl Server {
    /// Starts a program, and waits until it accepts connections at its address.
    pub(crate) fn start(command: &mut Command, address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("cannot start `{name}`: {error}"))?;
        let mut server = Self { child, address };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("`{name}` ended before it listened: {status}").into());
            }
            if begin.elapsed() > PATIENCE {
                return Err(format!("`{name}` does not listen after {PATIENCE:?}").into());
            }
            thread::sleep(PAUSE);
        }
        Ok(server)
    }

    /// A server that has told its address.
    pub(crate) fn started(child: Child, address: SocketAddr) -> Self {
        Self { child, address }
    }

    /// Stops it in its tracks for a while.
    pub(crate) fn freeze(&self, lasts: Duration) -> Result<(), Box<dyn Error>> {
        let id = pid(&self.child)?;
        kill_process(id, Signal::STOP)?;
        thread::sleep(lasts);
        Ok(kill_process(id, Signal::CONT)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to put in order.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What a program has written, and the processor time that it has used in all its threads.
pub(crate) struct Ran {
    pub(crate) output: String,
    pub(crate) cpu_us: f64,
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Result<Ran, Box<dyn Error>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = folder("output")?;
    let file = output.join("stdout");
    let started = command.stdin(Stdio::null()).stdout(fs::File::create(&file)?).stderr(Stdio::null()).spawn();
    let mut child = started.map_err(|error| format!("cannot start `{name}`: {error}"))?;
    let id = pid(&child)?;
    // Ended and not yet waited for: its account is closed, and still there.
    waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let cpu_us = time(child.id())?.as_secs_f64() * 1e6;
    let status = child.wait()?;
    let text = fs::read_to_string(&file)?;
    fs::remove_dir_all(output)?;
    if !status.success() {
        return Err(format!("`{name}` ended with {status}").into());
    }
    Ok(Ran { output: text, cpu_us })
}

fn pid(child: &Child) -> Result<Pid, Box<dyn Error>> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| "a process without a number".into())
}

/// User and system time of a process, which the system counts in hundredths of a second.
fn time(process: u32) -> Result<Duration, Box<dyn Error>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name stands in brackets and may hold anything; from the third field on there are only blanks between.
    let (_, fields) = stat.rsplit_once(") ").ok_or("a line without a name")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let [user, system] = [fields.get(11), fields.get(12)].map(|field| field.copied().unwrap_or_default());
    let ticks = user.parse::<u64>()? + system.parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
}

/// The most that a process had in its memory, in KiB.
pub(crate) fn peak(process: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// An address that was free a moment ago, for programs that do not choose one themselves.
pub(crate) fn free_address() -> Result<SocketAddr, Box<dyn Error>> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// A fresh folder for what a program reads and writes.
pub(crate) fn folder(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = format!("{name}-{}-{number}", std::process::id());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
