//! How long the router takes from a 429 to its next attempt, by the clock of the simulated provider: from the last byte of
//! the refusal handed to the connection to the whole head of the request that follows it in the same exchange.
//!
//! Beside it stands a client that asks the provider directly and asks again as soon as it was answered: the way through the
//! system is in both. The exit code is 1 when the limit is broken.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use record::{AttemptRow, Clock, Correlation, ExchangeId, Fact, FactReceiver, NameTable, fact_channel};
use scenario::{World, read_worlds};
use tokio::runtime::{Builder, Runtime};
use upstream::{Surroundings, TrafficSignal, Upstreams};

const ROUNDS: u32 = 9;
const REQUESTS_A_ROUND: u32 = 1_000;
const CLIENTS: [u32; 2] = [1, 20];
/// Microseconds, at the median.
const MOST: f64 = 1_000.0;
/// Whatever takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // `cargo test --benches` and test runners call this too, to list or to run tests; there are none here.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let provider = Provider::start()?;
    let router = Router::start(&provider)?;
    let mut asked = 0;
    let mut kept = true;
    for clients in CLIENTS {
        println!("Microseconds with {clients} clients, medians of {REQUESTS_A_ROUND} requests each round.\n");
        println!(
            "| round | a client that asks again | rotations | the router from a 429 to the next attempt |"
        );
        println!("|---|---|---|---|");
        let (mut again, mut rotating) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let direct = provider.ask(provider.address, (clients, asked + 1), |_| true)?;
            asked += REQUESTS_A_ROUND;
            let through = provider.ask(router.address, (clients, asked + 1), |row| row.status == 200)?;
            asked += REQUESTS_A_ROUND;
            let (gap, gaps) = (median(turnarounds(direct, clients)), rotations(through));
            let (count, rotation) = (gaps.len(), median(gaps));
            // In the first round everything is cold.
            if round > 0 {
                println!("| {round} | {gap:.0} | {count} | {rotation:.0} |");
                again.push(gap);
                rotating.push(rotation);
            }
        }
        let (again, rotating) = (median(again), median(rotating));
        let told = if rotating <= MOST { "kept" } else { "BROKEN" };
        println!("\na client that asks again: {again:.0}; a rotation: {rotating:.0}, limit {MOST}: {told}\n");
        kept &= rotating <= MOST;
    }
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The simulated provider, with what it has seen.
struct Provider {
    address: SocketAddr,
    secrets: Vec<String>,
    correlation: Correlation,
    facts: FactReceiver,
    // Dropped last: it serves.
    _runtime: Runtime,
}

impl Provider {
    fn start() -> Result<Self, Box<dyn Error>> {
        let (sender, facts) = fact_channel();
        let correlation = Correlation::new(1);
        let surroundings = Surroundings {
            clock: Clock::start(),
            correlation,
            names: NameTable::new(sender.clone()),
            facts: sender,
            seed: 1,
            traffic: TrafficSignal::new([]),
            samples: 0,
            canaries: Vec::new(),
            defect: None,
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let upstreams = runtime.block_on(Upstreams::start(&world()?, surroundings))?;
        let (_, address) = upstreams.addresses().next().ok_or("no upstream")?;
        let secrets = upstreams.keys("openai").iter().map(|key| key.secret().to_owned()).collect();
        // It serves for as long as it is held.
        runtime.spawn(async move {
            std::future::pending::<()>().await;
            upstreams.stop().await;
        });
        Ok(Self { address, secrets, correlation, facts, _runtime: runtime })
    }

    /// Lets some clients ask at an address, and gives what the provider saw of it: all of it is there when there are as many
    /// last attempts as requests.
    fn ask(
        &self,
        address: SocketAddr,
        (clients, first): (u32, u32),
        is_last: fn(&AttemptRow) -> bool,
    ) -> Result<Vec<AttemptRow>, Box<dyn Error>> {
        let each = REQUESTS_A_ROUND / clients;
        let (correlation, secret) = (self.correlation, self.secrets[0].as_str());
        thread::scope(|scope| {
            let asking: Vec<_> = (0..clients)
                .map(|client| {
                    let exchanges = (0..each).map(move |number| ExchangeId(first + client * each + number));
                    let marks = exchanges.map(move |exchange| correlation.mark(exchange));
                    scope.spawn(move || ask_one_by_one(address, secret, marks))
                })
                .collect();
            let mut ended = asking.into_iter().map(ScopedJoinHandle::join);
            ended
                .try_for_each(|ended| ended.unwrap_or_else(|_| Err(std::io::Error::other("a client failed"))))
        })?;
        let (mut rows, mut left) = (Vec::new(), each * clients);
        let asked = Instant::now();
        while left > 0 {
            for fact in self.facts.try_iter() {
                if let Fact::Attempt(row) = fact {
                    left -= u32::from(is_last(&row));
                    rows.push(row);
                }
            }
            if left > 0 && asked.elapsed() > PATIENCE {
                return Err("the provider tells no more".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(rows)
    }
}

fn ask_one_by_one(
    address: SocketAddr,
    secret: &str,
    mut marks: impl Iterator<Item = String>,
) -> std::io::Result<()> {
    let mut connection = Connection::open(address)?;
    marks.try_for_each(|mark| connection.ask(secret, &mark))
}

fn world() -> Result<World, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rotation/world.yaml");
    let mut cases =
        read_worlds(&path, &[]).map_err(|error| error.draw(&annotate_snippets::Renderer::plain()))?;
    Ok(cases.pop().ok_or("no world")?.scenario.world)
}

/// The router in front of the provider, with all of its keys.
struct Router {
    process: Child,
    address: SocketAddr,
}

impl Router {
    fn start(provider: &Provider) -> Result<Self, Box<dyn Error>> {
        let mut settings = format!(
            "providers:\n  openai:\n    dialect: openai\n    base_url: http://{}/v1\n    keys:\n",
            provider.address
        );
        for (number, secret) in provider.secrets.iter().enumerate() {
            writeln!(settings, "      - {{ name: key-{number}, secret: {secret} }}")?;
        }
        settings.push_str("models:\n  chat: { provider: openai }\n");
        let file =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("rotation-{}.yaml", std::process::id()));
        fs::write(&file, settings)?;
        let mut process = Command::new(env!("CARGO_BIN_EXE_stormproof"))
            .arg("router")
            .arg("--config")
            .arg(&file)
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").ok_or("the router does not listen")?;
        Ok(Self { address: address.parse()?, process })
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // It has nothing to put in order.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A client that waits for each answer.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Reads an answer whole, whatever it is.
    fn ask(&mut self, secret: &str, mark: &str) -> std::io::Result<()> {
        let body = format!(
            r#"{{"model":"chat","messages":[{{"role":"user","content":"what is the answer? {mark}"}}]}}"#
        );
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: router.test\r\ncontent-type: application/json\r\n\
             authorization: Bearer {secret}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes())?;
        self.buffer.clear();
        let mut piece = [0; 8 * 1024];
        while answer_length(&self.buffer).is_none_or(|length| self.buffer.len() < length) {
            match self.stream.read(&mut piece)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                read => self.buffer.extend_from_slice(&piece[..read]),
            }
        }
        Ok(())
    }
}

/// How long an answer with a `content-length` is with its head, as soon as the head is there.
fn answer_length(answer: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(answer);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let (_, rest) = head.split_once("content-length: ")?;
    Some(head.len() + 4 + rest.lines().next()?.parse::<usize>().ok()?)
}

/// The microseconds between a 429 and the next attempt of the same exchange.
fn rotations(rows: Vec<AttemptRow>) -> Vec<f64> {
    let mut exchanges: BTreeMap<u32, Vec<AttemptRow>> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.exchange != ExchangeId::NONE) {
        exchanges.entry(row.exchange.0).or_default().push(row);
    }
    let mut gaps = Vec::new();
    for attempts in exchanges.values_mut() {
        attempts.sort_by_key(|row| row.arrived);
        let pairs = attempts.windows(2).filter(|pair| pair[0].status == 429);
        gaps.extend(pairs.map(|pair| micros_between(&pair[0], &pair[1])));
    }
    gaps
}

/// The microseconds between the answer to a client and its next request.
fn turnarounds(mut rows: Vec<AttemptRow>, clients: u32) -> Vec<f64> {
    rows.sort_by_key(|row| row.exchange);
    // Each client has a run of numbers of its own.
    let each = usize::try_from(REQUESTS_A_ROUND / clients).unwrap_or(usize::MAX);
    rows.chunks(each)
        .flat_map(|of_one| of_one.windows(2))
        .map(|pair| micros_between(&pair[0], &pair[1]))
        .collect()
}

fn micros_between(earlier: &AttemptRow, later: &AttemptRow) -> f64 {
    f64::from(later.arrived.micros_after(earlier.end()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
