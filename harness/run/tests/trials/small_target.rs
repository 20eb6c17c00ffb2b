//! The target of these tests: it answers without asking any upstream, and tells in headers what it was asked.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// How it answers questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temper {
    Fine,
    Slow,
    Broken,
}

impl Temper {
    /// The one whose turn it is, by how often the target was started before.
    fn of_turn(turns: &str, folder: &Path) -> Self {
        let starts = folder.join("starts");
        let before = std::fs::read(&starts).unwrap_or_default();
        std::fs::write(&starts, [before.as_slice(), b"."].concat()).unwrap();
        match turns.split('-').nth(before.len()) {
            Some("slow") => Self::Slow,
            Some("broken") => Self::Broken,
            _ => Self::Fine,
        }
    }
}

/// Serves until it is ended. The arguments are a port, the file with its configuration, and a folder that outlives it.
pub(crate) fn serve(turns: &str, mut arguments: impl Iterator<Item = OsString>) {
    let port: u16 = arguments.next().unwrap().to_str().unwrap().parse().unwrap();
    let file = PathBuf::from(arguments.next().unwrap());
    let temper = Temper::of_turn(turns, &PathBuf::from(arguments.next().unwrap()));
    let config = Arc::new(Mutex::new(std::fs::read_to_string(&file).unwrap()));
    println!("listening on {port}");
    for stream in TcpListener::bind(("127.0.0.1", port)).unwrap().incoming() {
        let (file, config) = (file.clone(), Arc::clone(&config));
        std::thread::spawn(move || answer_all(stream.unwrap(), temper, &file, &config));
    }
}

struct Asked {
    method: String,
    path: String,
    head: Vec<(String, String)>,
    body: String,
}

/// Answers one request after the other, until one is none.
fn answer_all(stream: TcpStream, temper: Temper, file: &PathBuf, config: &Mutex<String>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let answer = match read(&mut reader) {
            Some(asked) if asked.path.starts_with("/hostile/") => {
                return hostile(&asked.path[9..], &mut writer);
            }
            Some(asked) if asked.method == "POST" && temper == Temper::Broken => {
                "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".to_owned()
            }
            Some(asked) => {
                if asked.method == "POST" && temper == Temper::Slow {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
                answer(&asked, file, config)
            }
            None => "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned(),
        };
        if writer.write_all(answer.as_bytes()).is_err() || answer.contains("connection: close") {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path, version) = (words.next()?, words.next()?, words.next()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        head.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = head.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
    let mut body = vec![0; length.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    (version == "HTTP/1.1").then_some(Asked { method, path, head, body: String::from_utf8(body).ok()? })
}

fn answer(asked: &Asked, file: &PathBuf, config: &Mutex<String>) -> String {
    let header = |name: &str| {
        let found = asked.head.iter().find(|(known, _)| known == name);
        found.map_or("none", |(_, value)| value.as_str()).to_owned()
    };
    let path = asked.path.split('?').next().unwrap_or_default();
    let (kind, body) = match (asked.method.as_str(), path) {
        ("POST", "/reload") => {
            *config.lock().unwrap() = std::fs::read_to_string(file).unwrap();
            ("text/plain", String::new())
        }
        ("GET", "/config") => ("text/plain", config.lock().unwrap().clone()),
        ("POST", "/v1/chat/completions") if asked.body.contains("never") => {
            std::thread::sleep(std::time::Duration::from_secs(20));
            ("text/plain", String::new())
        }
        ("POST", "/v1/chat/completions") if asked.body.contains("\"tools\"") => ("text/event-stream", calls()),
        ("POST", "/v1/responses") => (
            "application/json",
            r#"{"id":"r","object":"response","status":"completed","model":"m","output":[{"type":"message","id":"i","role":"assistant","status":"completed","content":[{"type":"output_text","text":"pong","annotations":[]}]}]}"#.to_owned(),
        ),
        ("POST", "/v1/chat/completions") => (
            "application/json",
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"pong"},"finish_reason":"stop"}]}"#.to_owned(),
        ),
        _ => ("text/plain", "fine".to_owned()),
    };
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nx-asked: {}\r\nx-who: {}\r\nx-told: {}\r\n\
         x-cost: 123\r\nx-retries: 1\r\nx-served: somebody\r\n\r\n{body}",
        body.len(),
        asked.path,
        header("authorization"),
        header("x-no-fallbacks"),
    )
}

/// A stream with two calls of tools, one of them in pieces.
fn calls() -> String {
    let event = |delta: &str, finish: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let begun = |index: u32, id: &str, arguments: &str| {
        format!(
            r#""tool_calls":[{{"index":{index},"id":"{id}","type":"function","function":{{"name":"look","arguments":"{arguments}"}}}}]"#
        )
    };
    let rest = r#""tool_calls":[{"index":0,"function":{"arguments":"}"}}]"#;
    [
        event(&begun(0, "a", "{"), "null"),
        event(&begun(1, "b", "{}"), "null"),
        event(rest, "null"),
        event("", "\"tool_calls\""),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat()
}

/// Answers as no sound target does, until the client has left.
fn hostile(how: &str, writer: &mut TcpStream) {
    let (begin, again): (&[u8], &[u8]) = match how {
        "forever" => (b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", b": ping\n\n"),
        "contents" => (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n",
            b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n",
        ),
        "gigabyte" => (b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n", b"x"),
        "headers" => (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        "no-text" => (b"HTTP/1.1 200 OK\r\nx-name: \xff\r\ncontent-length: 4\r\n\r\n\xff\xfe\xc3(", b""),
        "too-short" => (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", b""),
        "packed" => {
            (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00", b"")
        }
        "elsewhere" => {
            (b"HTTP/1.1 302 Found\r\nlocation: /hostile/elsewhere\r\ncontent-length: 0\r\n\r\n", b"")
        }
        // A connection that is closed with something unread is reset; here everything was read.
        "reset" => return drop(reset(writer)),
        "silent" => {
            std::thread::sleep(std::time::Duration::from_secs(20));
            return;
        }
        other => panic!("no target is hostile by `{other}`"),
    };
    let block = again.repeat(16 * 1024 / again.len().max(1) + 1);
    let mut written = writer.write_all(begin);
    while written.is_ok() && !again.is_empty() {
        written = writer.write_all(&block);
    }
}

/// Ends a connection by a reset.
fn reset(writer: &TcpStream) -> std::io::Result<()> {
    socket2::SockRef::from(writer).set_linger(Some(std::time::Duration::ZERO))
}
