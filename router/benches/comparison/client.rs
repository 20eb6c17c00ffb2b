//! The client: requests one after the other, on connections that stay open.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::provider::STREAM;

/// A client on the thread that calls it.
pub(crate) struct Client(Runtime);

impl Client {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self(Builder::new_current_thread().enable_all().build()?))
    }

    /// Opens connections that have each been used once.
    pub(crate) fn connect(
        &self,
        address: SocketAddr,
        connections: usize,
    ) -> Result<Crowd<'_>, Box<dyn Error>> {
        let mut asking = Vec::with_capacity(connections);
        self.0.block_on(async {
            for _ in 0..connections {
                let mut connection = Connection::open(address).await?;
                connection.ask(&request(None)).await?;
                asking.push(connection);
            }
            Ok::<_, Box<dyn Error>>(())
        })?;
        Ok(Crowd { runtime: &self.0, connections: asking })
    }

    /// Opens so many streams, and holds them open behind their first events.
    pub(crate) fn open_streams(
        &self,
        address: SocketAddr,
        streams: usize,
        millis: u32,
    ) -> Result<Vec<Connection>, Box<dyn Error>> {
        let mut open = Vec::with_capacity(streams);
        self.0.block_on(async {
            for _ in 0..streams {
                let mut connection = Connection::open(address).await?;
                connection.begin_stream(&request(Some(millis))).await?;
                open.push(connection);
            }
            Ok(open)
        })
    }

    /// How long the first event of a stream takes on a connection that is open already.
    pub(crate) fn first_chunk(
        &self,
        connection: &mut Connection,
        request: &str,
    ) -> Result<Duration, Box<dyn Error>> {
        self.0.block_on(async {
            let begin = Instant::now();
            connection.begin_stream(request).await?;
            let took = begin.elapsed();
            connection.end_stream().await?;
            Ok(took)
        })
    }

    pub(crate) fn open(&self, address: SocketAddr) -> Result<Connection, Box<dyn Error>> {
        Ok(self.0.block_on(Connection::open(address))?)
    }
}

/// Clients that each ask again as soon as they were answered.
pub(crate) struct Crowd<'a> {
    runtime: &'a Runtime,
    connections: Vec<Connection>,
}

impl Crowd<'_> {
    /// Asks so many times in all, and tells how long each answer took.
    pub(crate) fn ask(&mut self, requests: usize) -> Result<Vec<Duration>, Box<dyn Error>> {
        let each = requests / self.connections.len();
        let request = request(None);
        self.runtime.block_on(async {
            let mut asking = JoinSet::new();
            for mut connection in self.connections.drain(..) {
                let request = request.clone();
                asking.spawn(async move {
                    let mut took = Vec::with_capacity(each);
                    for _ in 0..each {
                        let begin = Instant::now();
                        connection.ask(&request).await?;
                        took.push(begin.elapsed());
                    }
                    Ok::<_, std::io::Error>((connection, took))
                });
            }
            let mut all = Vec::with_capacity(requests);
            while let Some(asked) = asking.join_next().await {
                let (connection, took) = asked??;
                self.connections.push(connection);
                all.extend(took);
            }
            Ok(all)
        })
    }
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    async fn ask(&mut self, request: &str) -> std::io::Result<()> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            self.read().await?;
            if answer_length(&self.buffer).is_some_and(|length| self.buffer.len() >= length) {
                return self.check();
            }
        }
    }

    /// Asks, and reads until the first word has come.
    async fn begin_stream(&mut self, request: &str) -> std::io::Result<()> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        while memchr::memmem::find(&self.buffer, b"word").is_none() {
            self.read().await?;
        }
        self.check()
    }

    async fn end_stream(&mut self) -> std::io::Result<()> {
        while !self.buffer.ends_with(b"0\r\n\r\n") {
            self.read().await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> std::io::Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        if read == 0 {
            return Err(std::io::Error::other(format!(
                "the connection was closed behind {:?}",
                String::from_utf8_lossy(&self.buffer)
            )));
        }
        Ok(())
    }

    fn check(&self) -> std::io::Result<()> {
        if self.buffer.starts_with(b"HTTP/1.1 200") {
            return Ok(());
        }
        Err(std::io::Error::other(format!(
            "an answer other than 200: {}",
            String::from_utf8_lossy(&self.buffer)
        )))
    }
}

/// A request of about a kilobyte: a whole answer, or a stream that goes on for a time.
pub(crate) fn request(stream_millis: Option<u32>) -> String {
    let (header, field) = match stream_millis {
        None => (String::new(), ""),
        Some(millis) => (format!("{STREAM}: {millis}\r\n"), r#""stream":true,"#),
    };
    let prompt =
        "How much may a router add to what a provider takes by itself, and how is that to be measured? ";
    let body = format!(
        r#"{{{field}"model":"chat","temperature":0.7,"max_tokens":500,"messages":[{{"role":"system","content":"You answer briefly."}},{{"role":"user","content":"{}"}}]}}"#,
        prompt.repeat(10)
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: router.test\r\naccept: application/json\r\n\
         content-type: application/json\r\nuser-agent: OpenAI/Python 1.99.0\r\nx-stainless-lang: python\r\n\
         x-stainless-retry-count: 0\r\nauthorization: Bearer sk-caller\r\n{header}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// How long an answer with a `content-length` is with its head, as soon as the head is there.
fn answer_length(answer: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(answer, b"\r\n\r\n")? + 4;
    let head_text = std::str::from_utf8(answer.get(..head)?).ok()?;
    let length = head_text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    })?;
    Some(head + length)
}
