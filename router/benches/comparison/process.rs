//! Another program that is measured: its address, its processor time and its memory, and its end.

use std::error::Error;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A program that listens. Dropping it ends it, with whatever it started.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

impl Process {
    /// Starts a program, and waits until it accepts connections at its address.
    pub(crate) fn start(command: &mut Command, address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("cannot start `{name}`: {error}"))?;
        let mut process = Self { child, address };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("`{name}` ended before it listened: {status}").into());
            }
            if begin.elapsed() > PATIENCE {
                return Err(format!("`{name}` does not listen after {PATIENCE:?}").into());
            }
            thread::sleep(PAUSE);
        }
        Ok(process)
    }

    /// The processor time that it and its children have used, which the system counts in hundredths of a second.
    pub(crate) fn time(&self) -> Result<Duration, Box<dyn Error>> {
        let processes = [vec![self.child.id()], self.children()?].concat();
        let ticks = processes.into_iter().map(ticks).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
    }

    /// What it has in its memory, in KiB.
    pub(crate) fn memory(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    fn children(&self) -> Result<Vec<u32>, Box<dyn Error>> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        Ok(children.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            // It may have ended by itself.
            kill_process(id, Signal::TERM).ok();
        }
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(10) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(PAUSE);
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// User and system time of a process, in ticks.
fn ticks(process: u32) -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name stands in brackets and may hold anything; from the third field on there are only blanks between.
    let (_, fields) = stat.rsplit_once(") ").ok_or("a line without a name")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let [user, system] = [fields.get(11), fields.get(12)].map(|field| field.copied().unwrap_or_default());
    Ok(user.parse::<u64>()? + system.parse::<u64>()?)
}

/// An address that was free a moment ago, for programs that do not choose one themselves.
pub(crate) fn free_address() -> Result<SocketAddr, Box<dyn Error>> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// A fresh folder for what a program reads and writes.
pub(crate) fn folder(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
