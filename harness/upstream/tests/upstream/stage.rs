//! What the tests share: a world in a few lines, upstreams around it, callers on raw sockets, and what the upstreams saw.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use record::{
    AnswerSeen, AttemptRow, Carried, Clock, Correlation, Entry, ExchangeId, Fact, FactReceiver, NameId,
    NameTable, Sample, Unmatched, fact_channel,
};
use scenario::{Node, Read, Span, Value, World};
use stormproof_upstream::{Listening, Ports, Surroundings, TrafficSignal, Upstreams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Upstreams with all that a test does to them.
pub(crate) struct Stage {
    pub(crate) upstreams: Upstreams,
    pub(crate) clock: Clock,
    pub(crate) traffic: TrafficSignal,
    pub(crate) correlation: Correlation,
    facts: FactReceiver,
    /// What came and was not looked at yet.
    told: RefCell<VecDeque<Fact>>,
    pub(crate) started_with: (World, Surroundings),
}

/// What the upstreams saw.
pub(crate) struct Seen {
    pub(crate) rows: Vec<AttemptRow>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) answers: Vec<AnswerSeen>,
    pub(crate) carried: Vec<Carried>,
    pub(crate) unmatched: Vec<Unmatched>,
    names: HashMap<NameId, String>,
}

/// A caller on a connection of its own.
pub(crate) struct Caller {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// A response as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// How a connection ended, and what came before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Closed(String),
    Reset(String),
}

/// The world of one upstream called `main`, and of others beside it.
fn world(main: &serde_json::Value, others: &serde_json::Value) -> World {
    let mut upstreams = serde_json::json!({ "main": main });
    upstreams.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    let world = serde_json::json!({
        "upstreams": upstreams,
        "router": { "models": { "public": { "pool": "main", "model": "chat" } } },
    });
    let mut problems = Vec::new();
    let read = World::read(&node(&world), &mut problems);
    assert_eq!(problems, []);
    read.unwrap()
}

fn node(json: &serde_json::Value) -> Node {
    let value = match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Flag(*flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap()),
        },
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(node).collect()),
        serde_json::Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| scenario::Entry {
                key: key.clone(),
                key_span: Span::default(),
                node: node(value),
            });
            Value::Map(entries.collect())
        }
    };
    Node { span: Span::default(), value }
}

/// Nothing on loopback takes this long.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it should have happened by now")
}

impl Stage {
    pub(crate) async fn set(main: serde_json::Value) -> Self {
        Self::set_with_seed(main, 7).await
    }

    pub(crate) async fn set_with_seed(main: serde_json::Value, seed: u64) -> Self {
        Self::try_set(main, serde_json::json!({}), seed).await.unwrap()
    }

    /// Why a world cannot be had.
    pub(crate) async fn refusal(main: serde_json::Value) -> String {
        match Self::try_set(main, serde_json::json!({}), 7).await {
            Ok(_) => "nothing is wrong with it".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    pub(crate) async fn try_set(
        main: serde_json::Value,
        others: serde_json::Value,
        seed: u64,
    ) -> std::io::Result<Self> {
        Self::set_at((main, others), seed, Listening::on_loopback(Ports::Free)).await
    }

    /// A stage whose upstreams listen there.
    pub(crate) async fn set_at(
        (main, others): (serde_json::Value, serde_json::Value),
        seed: u64,
        listening: Listening,
    ) -> std::io::Result<Self> {
        let (sender, facts) = fact_channel();
        let (clock, correlation) = (Clock::start(), Correlation::new(0xabc));
        let traffic = TrafficSignal::new(["calm", "storm"]);
        let surroundings = Surroundings {
            clock,
            correlation,
            names: NameTable::new(sender.clone()),
            facts: sender,
            seed,
            traffic: traffic.clone(),
            samples: 20,
            canaries: vec![("tenant acme".to_owned(), CANARY.to_owned())],
            defect: None,
        };
        let world = world(&main, &others);
        let upstreams = Upstreams::start_at(&world, surroundings.clone(), listening).await?;
        let told = RefCell::default();
        Ok(Self { upstreams, clock, traffic, correlation, facts, told, started_with: (world, surroundings) })
    }

    /// Sets the upstreams back to what they were at the start.
    pub(crate) fn set_back(&self) {
        let (world, surroundings) = &self.started_with;
        self.upstreams.set_back(world, surroundings).unwrap();
    }

    pub(crate) async fn caller(&self) -> Caller {
        let (_, address) = self.upstreams.addresses().next().unwrap();
        Caller::at(address).await
    }

    /// The secret of a key by its place.
    pub(crate) fn secret(&self, index: usize) -> &str {
        self.upstreams.keys("main")[index].secret()
    }

    /// Sends a chat request with a key on a connection of its own.
    pub(crate) async fn ask(&self, key: usize, body: &str) -> Reply {
        let mut caller = self.caller().await;
        caller.send(&chat(self.secret(key), body)).await;
        caller.reply().await
    }

    /// Sends a chat request with a key, and waits for the end of the connection.
    pub(crate) async fn ending(&self, key: usize, body: &str) -> Ending {
        let mut caller = self.caller().await;
        caller.send(&chat(self.secret(key), body)).await;
        caller.ending().await
    }

    /// The statuses that requests with these keys are given, one after the other.
    pub(crate) async fn statuses(&self, keys: &[usize]) -> Vec<u16> {
        let mut statuses = Vec::new();
        for key in keys {
            statuses.push(self.ask(*key, PING).await.status);
        }
        statuses
    }

    /// Waits for the row of the next attempt while the upstreams go on.
    pub(crate) async fn next_row(&self) -> AttemptRow {
        soon(async {
            loop {
                let next = {
                    let mut told = self.told.borrow_mut();
                    told.extend(self.facts.try_iter());
                    told.pop_front()
                };
                match next {
                    Some(Fact::Attempt(row)) => return row,
                    Some(_) => {}
                    None => tokio::task::yield_now().await,
                }
            }
        })
        .await
    }

    /// Stops the upstreams and reads what they saw, in the order of arrival.
    pub(crate) async fn leave(self) -> Seen {
        soon(self.upstreams.stop()).await;
        let mut seen = Seen {
            rows: Vec::new(),
            samples: Vec::new(),
            answers: Vec::new(),
            carried: Vec::new(),
            unmatched: Vec::new(),
            names: HashMap::new(),
        };
        for fact in self.told.into_inner().into_iter().chain(self.facts.try_iter()) {
            match fact {
                Fact::Attempt(row) => seen.rows.push(row),
                Fact::Entry(entry) => match *entry {
                    Entry::Name { id, text } => {
                        seen.names.insert(id, text);
                    }
                    Entry::Sample(sample) => seen.samples.push(sample),
                    Entry::Answer(answer) => seen.answers.push(answer),
                    Entry::Carried(carried) => seen.carried.push(carried),
                    Entry::Unmatched(unmatched) => seen.unmatched.push(unmatched),
                    other => panic!("an upstream told {other:?}"),
                },
                Fact::Exchange(row) => panic!("an upstream told {row:?}"),
            }
        }
        seen.rows.sort_by_key(|row| row.arrived);
        seen
    }
}

impl Seen {
    pub(crate) fn name(&self, id: NameId) -> &str {
        self.names.get(&id).map_or("", String::as_str)
    }
}

/// A secret that no upstream may be given.
pub(crate) const CANARY: &str = "sk-sp-tenant-0123456789abcdef";

/// A minimal chat request's body.
pub(crate) const PING: &str = r#"{"model":"chat","messages":[{"role":"user","content":"ping"}]}"#;

/// The same for a stream.
pub(crate) const STREAMED_PING: &str =
    r#"{"model":"chat","stream":true,"messages":[{"role":"user","content":"ping"}]}"#;

/// A chat request.
pub(crate) fn chat(secret: &str, body: &str) -> String {
    request("POST /v1/chat/completions", secret, body)
}

/// Any request with a key.
pub(crate) fn request(line: &str, secret: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nhost: upstream\r\nauthorization: Bearer {secret}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A chat body that carries an exchange's mark.
pub(crate) fn marked(correlation: Correlation, exchange: u32) -> String {
    PING.replace("ping", &format!("ping {}", correlation.mark(ExchangeId(exchange))))
}

impl Caller {
    pub(crate) async fn at(address: SocketAddr) -> Self {
        Self { stream: soon(TcpStream::connect(address)).await.unwrap(), unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &str) {
        self.send_bytes(bytes.as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    /// Sends as much as the other side takes. Says whether that was all.
    pub(crate) async fn send_what_is_taken(&mut self, bytes: &[u8]) -> bool {
        // One that neither takes nor closes is not waited for long.
        let sent = tokio::time::timeout(Duration::from_millis(300), self.stream.write_all(bytes)).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Tells the other side that nothing more will be sent.
    pub(crate) async fn sends_no_more(&mut self) {
        // A connection that is gone has been told.
        let _: std::io::Result<()> = self.stream.shutdown().await;
    }

    /// Reads until so much has come, or the other side has closed. Says whether it came.
    async fn read_until(&mut self, mut enough: impl FnMut(&[u8]) -> bool) -> bool {
        while !enough(&self.unread) {
            let read = soon(self.stream.read_buf(&mut self.unread)).await.unwrap_or(0);
            if read == 0 {
                return false;
            }
        }
        true
    }

    /// Waits until this text has come.
    pub(crate) async fn wait_for(&mut self, text: &str) {
        let came = |unread: &[u8]| String::from_utf8_lossy(unread).contains(text);
        assert!(self.read_until(came).await, "{text} never came");
    }

    /// How the other side ends the connection.
    pub(crate) async fn ending(&mut self) -> Ending {
        loop {
            let read = soon(self.stream.read_buf(&mut self.unread)).await;
            if let Ok(1..) = read {
                continue;
            }
            let came = String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned();
            return if read.is_ok() { Ending::Closed(came) } else { Ending::Reset(came) };
        }
    }

    /// Whether the other side closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut rest = [0; 1];
        matches!(soon(self.stream.read(&mut rest)).await, Ok(0) | Err(_))
    }

    /// The same where it is no text.
    pub(crate) async fn rest_of_bytes(&mut self) -> Vec<u8> {
        self.read_until(|_| false).await;
        std::mem::take(&mut self.unread)
    }

    /// Everything that comes until the other side closes.
    pub(crate) async fn rest(&mut self) -> String {
        self.read_until(|_| false).await;
        String::from_utf8(std::mem::take(&mut self.unread)).unwrap()
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        let (reply, body) = self.reply_of_bytes().await;
        Reply { body: String::from_utf8(body).unwrap(), ..reply }
    }

    /// A reply whose body is no text.
    pub(crate) async fn reply_of_bytes(&mut self) -> (Reply, Vec<u8>) {
        let came = self.read_until(|unread| unread.windows(4).any(|end| end == b"\r\n\r\n")).await;
        assert!(came, "the head never came whole");
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(length) = head.parse(&self.unread).unwrap() else {
            panic!("half a head");
        };
        let status = head.code.unwrap();
        let headers: Vec<(String, String)> = head
            .headers
            .iter()
            .map(|field| (field.name.to_owned(), String::from_utf8(field.value.to_vec()).unwrap()))
            .collect();
        self.unread.drain(..length);
        let reply = Reply { status, headers, body: String::new() };
        let body = match reply.header("content-length") {
            Some(length) => {
                let length = length.parse().unwrap();
                assert!(self.read_until(|unread| unread.len() >= length).await, "the body never came whole");
                self.unread.drain(..length).collect()
            }
            None if [204, 304].contains(&status) => Vec::new(),
            None => self.chunks().await,
        };
        (reply, body)
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            assert!(self.read_until(|unread| unread.windows(2).any(|end| end == b"\r\n")).await);
            let line = self.unread.windows(2).position(|end| end == b"\r\n").unwrap();
            let size = std::str::from_utf8(&self.unread[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            assert!(self.read_until(|unread| unread.len() >= line + 2 + size + 2).await, "half a chunk");
            body.extend_from_slice(&self.unread[line + 2..line + 2 + size]);
            self.unread.drain(..line + 2 + size + 2);
            if size == 0 {
                return body;
            }
        }
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The `data` of each event.
    pub(crate) fn events(&self) -> Vec<&str> {
        let events = self.body.strip_suffix("\n\n").unwrap().split("\n\n");
        events.map(|event| event.strip_prefix("data: ").unwrap()).collect()
    }
}
