//! A Redis for one test, on loopback and without a file, killed when the test is over, however that ends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{SOON, tied};

pub(crate) struct Redis {
    server: Child,
    pub(crate) port: u16,
}

/// Set where a machine without `redis-server` is no excuse.
const REQUIRED: &str = "STORMPROOF_REQUIRE_REDIS";

impl Redis {
    /// Nothing where the program is not installed: then what needs it is not tested, and says so.
    pub(crate) fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(std::env::var_os(REQUIRED).is_none(), "`redis-server` is not installed");
            eprintln!("not tested: `redis-server` is not installed (apt-get install redis-server)");
            return None;
        }
        Some(Self::at(free_port(), &[]))
    }

    pub(crate) fn at(port: u16, more: &[&str]) -> Self {
        let server = tied("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .args(more)
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut redis = Self { server, port };
        let begin = Instant::now();
        while redis.says("PING").is_none() {
            assert!(redis.server.try_wait().unwrap().is_none(), "it ended by itself");
            assert!(begin.elapsed() < SOON, "it does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        redis
    }

    /// Its first word to a command, if it answers.
    fn says(&self, command: &str) -> Option<u8> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        connection.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut word = [0];
        connection.read_exact(&mut word).ok()?;
        Some(word[0])
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, and everything that it knows.
    pub(crate) fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Stops it in the middle of whatever it does, or lets it go on.
    pub(crate) fn pause(&self, is_paused: bool) {
        let signal = if is_paused { rustix::process::Signal::STOP } else { rustix::process::Signal::CONT };
        let pid = i32::try_from(self.server.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Already gone when the test killed it.
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

#[test]
fn a_redis_ends_with_the_thread_that_started_it() {
    let started = std::thread::spawn(Redis::start).join().unwrap();
    let Some(mut redis) = started else { return };
    let begin = Instant::now();
    while redis.server.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < SOON, "it was left behind");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that nobody listens on, as it is given for nothing else soon.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
