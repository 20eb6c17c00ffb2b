//! The client: requests on connections that stay open, and what a reply is made of.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::server::{Ready, Server};

const CONNECTIONS: u32 = 16;

/// Clients that keep their connections open: each round of requests is sent on all of them before a reply is read.
pub(crate) struct Load {
    streams: Vec<TcpStream>,
    request: String,
    buffer: Vec<u8>,
}

impl Load {
    pub(crate) fn open(server: &Server) -> Result<Self, Box<dyn Error>> {
        Self::open_so_many(server, CONNECTIONS)
    }

    pub(crate) fn open_so_many(server: &Server, connections: u32) -> Result<Self, Box<dyn Error>> {
        let streams = (0..connections).map(|_| connect(&server.ready)).collect::<Result<Vec<_>, _>>()?;
        // The client never sleeps, so that no server pays for waking it: how often it would be woken depends on the order in which
        // it reads and on how fast replies come, and not on what a server does for a request.
        streams.iter().try_for_each(|stream| stream.set_nonblocking(true))?;
        Ok(Self { streams, request: request(&server.ready, false), buffer: Vec::new() })
    }

    /// Sends so many requests and reads the replies.
    pub(crate) fn send(&mut self, requests: u32) -> Result<(), Box<dyn Error>> {
        for _ in 0..requests as usize / self.streams.len() {
            for stream in &mut self.streams {
                stream.write_all(self.request.as_bytes())?;
            }
            for stream in &mut self.streams {
                read_reply(stream, &mut self.buffer)?;
                if !self.buffer.starts_with(b"HTTP/1.1 200") {
                    return Err("a reply other than 200".into());
                }
            }
        }
        Ok(())
    }

    /// Microseconds of the server's time for each of so many requests.
    pub(crate) fn cost(&mut self, server: &Server, requests: u32) -> Result<f64, Box<dyn Error>> {
        let before = server.time()?;
        self.send(requests)?;
        let took = server.time()? - before;
        Ok(took.as_secs_f64() * 1e6 / f64::from(requests))
    }
}

/// Opens one connection.
pub(crate) fn connect(ready: &Ready) -> Result<TcpStream, Box<dyn Error>> {
    let stream = TcpStream::connect(ready.address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A request. All servers get requests of one length, though some ask for no key and no mark.
pub(crate) fn request(ready: &Ready, stream: bool) -> String {
    let or_filler =
        |text: &str, length: usize| if text.is_empty() { "x".repeat(length) } else { text.to_owned() };
    let (secret, mark) = (or_filler(&ready.secret, 38), or_filler(&ready.mark, record::MARK_LENGTH));
    let opening = if stream { r#""stream":true,"# } else { "" };
    let body = format!(
        r#"{{{opening}"model":"chat","messages":[{{"role":"user","content":"what is the answer to this? {mark}"}}]}}"#,
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\naccept: */*\r\nauthorization: Bearer {secret}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One reply of a server: its length on the wire, and what another server needs to write the same.
pub(crate) fn sample_reply(server: &Server) -> Result<(usize, (HeaderMap, Bytes)), Box<dyn Error>> {
    let mut stream = connect(&server.ready)?;
    stream.write_all(request(&server.ready, false).as_bytes())?;
    let mut reply = Vec::new();
    let length = read_reply(&mut stream, &mut reply)?;
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head_length) = head.parse(&reply)? else {
        return Err("half a head".into());
    };
    if head.code != Some(200) {
        return Err(format!("the simulator replied {:?}", head.code).into());
    }
    let mut headers = HeaderMap::new();
    for field in head.headers.iter() {
        // hyper writes these two by itself, in every server.
        if !matches!(field.name, "content-length" | "date") {
            headers.insert(http::HeaderName::try_from(field.name)?, HeaderValue::from_bytes(field.value)?);
        }
    }
    Ok((length, (headers, Bytes::copy_from_slice(&reply[head_length..length]))))
}

/// Reads one reply with a `content-length`, and tells how long it is with its head.
fn read_reply(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<usize, Box<dyn Error>> {
    buffer.clear();
    let mut piece = [0; 16 * 1024];
    loop {
        if let Some(length) = reply_length(buffer)
            && buffer.len() >= length
        {
            return Ok(length);
        }
        match stream.read(&mut piece) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(read) => buffer.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error.into()),
        }
    }
}

fn reply_length(reply: &[u8]) -> Option<usize> {
    let head = reply.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&reply[..head]).ok()?;
    let (_, rest) = text.split_once("content-length: ")?;
    Some(head + rest.split_once('\r')?.0.parse::<usize>().ok()?)
}
