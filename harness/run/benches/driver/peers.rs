//! What the driver is compared with: wrk and oha, and nginx, to which all of them send.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::driver::unmarked;
use crate::process::{Ran, Server, folder, free_address, run};
use crate::task::per;

/// What nginx answers, always.
const ANSWER: &str = r#"{"id":"chatcmpl-9z8y7x6w5v","object":"chat.completion","created":1760000000,"model":"chat","choices":[{"index":0,"message":{"role":"assistant","content":"pong"},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":13}}"#;

/// nginx with one process that answers out of its memory, keeps connections open and writes no log.
pub(crate) fn nginx() -> Result<Server, Box<dyn Error>> {
    let (address, folder) = (free_address()?, folder("nginx")?);
    let within = |name: &str| folder.join(name).display().to_string();
    let temporary: Vec<String> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {};", within(kind)))
        .collect();
    let settings = format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log stderr error;\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n  access_log off;\n  {}\n  keepalive_requests 1000000000;\n\
         server {{\n    listen {address} backlog=4096;\n    location / {{\n\
         default_type application/json;\n      return 200 '{ANSWER}';\n    }}\n  }}\n}}\n",
        within("nginx.pid"),
        temporary.join("\n  ")
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, settings)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder).arg("-c").arg(&file).stdin(Stdio::null());
    Server::start(&mut command, address).map_err(|error| install(&error.to_string()))
}

/// What a peer came to.
pub(crate) struct Sent {
    pub(crate) requests: u64,
    pub(crate) cpu_us: f64,
    /// Quantiles of the response time in milliseconds, where they were asked for: p50, p95, p99.
    pub(crate) quantiles: [f64; 3],
}

impl Sent {
    /// Microseconds of processor time for each request.
    pub(crate) fn cost(&self) -> f64 {
        self.cpu_us / per(self.requests)
    }
}

/// wrk with one thread, for so many seconds.
pub(crate) fn wrk(to: SocketAddr, connections: usize, seconds: u64) -> Result<Sent, Box<dyn Error>> {
    let mut command = Command::new("wrk");
    command.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s")]);
    command.args(["-H", &format!("x-request: {}", unmarked()), &format!("http://{to}/")]);
    let Ran { output, cpu_us } = run(&mut command).map_err(|error| install(&error.to_string()))?;
    if output.contains("Non-2xx") || output.contains("Socket errors") {
        return Err(format!("wrk failed:\n{output}").into());
    }
    let line = output.lines().find_map(|line| line.trim().split_once(" requests in "));
    let (requests, _) = line.ok_or("wrk told no number of requests")?;
    Ok(Sent { requests: requests.parse()?, cpu_us, quantiles: [f64::NAN; 3] })
}

/// oha in a closed loop, for so many requests.
pub(crate) fn oha(to: SocketAddr, connections: usize, requests: u64) -> Result<Sent, Box<dyn Error>> {
    oha_with(to, connections, &["-n".to_owned(), requests.to_string()])
}

/// oha at a rate, with its correction of what it could not send in time.
pub(crate) fn oha_at(
    to: SocketAddr,
    connections: usize,
    (rate, seconds): (u32, u64),
) -> Result<Sent, Box<dyn Error>> {
    let requests = u64::from(rate) * seconds;
    let arguments = ["-q", &rate.to_string(), "-n", &requests.to_string(), "--latency-correction"];
    oha_with(to, connections, &arguments.map(str::to_owned))
}

fn oha_with(to: SocketAddr, connections: usize, arguments: &[String]) -> Result<Sent, Box<dyn Error>> {
    let mut command = Command::new(oha_program());
    command.args(["--no-tui", "--output-format", "json", "-c", &connections.to_string()]).args(arguments);
    command.args(["-H", &format!("x-request: {}", unmarked()), &format!("http://{to}/")]);
    let Ran { output, cpu_us } = run(&mut command).map_err(|error| install(&error.to_string()))?;
    let told: Value = serde_json::from_str(&output)?;
    let requests = told["statusCodeDistribution"]["200"].as_u64().ok_or("oha told no answers")?;
    let quantile = |name: &str| told["latencyPercentiles"][name].as_f64().map_or(f64::NAN, |s| s * 1e3);
    Ok(Sent { requests, cpu_us, quantiles: ["p50", "p95", "p99"].map(quantile) })
}

/// The variable `OHA`, or where it is installed beside the build.
fn oha_program() -> PathBuf {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../oha/bin/oha");
    std::env::var_os("OHA").map_or(installed, PathBuf::from)
}

fn install(problem: &str) -> Box<dyn Error> {
    format!("{problem}; `harness/run/benches/install-peers` installs what the driver is compared with").into()
}
