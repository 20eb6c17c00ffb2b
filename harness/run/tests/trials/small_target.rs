//! The target of these tests: it answers without asking any upstream, and tells in headers what it was asked.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Serves until it is ended. The arguments are a port and the file with its configuration.
pub(crate) fn serve(mut arguments: impl Iterator<Item = OsString>) {
    let port: u16 = arguments.next().unwrap().to_str().unwrap().parse().unwrap();
    let file = PathBuf::from(arguments.next().unwrap());
    let config = Arc::new(Mutex::new(std::fs::read_to_string(&file).unwrap()));
    println!("listening on {port}");
    for stream in TcpListener::bind(("127.0.0.1", port)).unwrap().incoming() {
        let (file, config) = (file.clone(), Arc::clone(&config));
        std::thread::spawn(move || answer_all(stream.unwrap(), &file, &config));
    }
}

struct Asked {
    method: String,
    path: String,
    head: Vec<(String, String)>,
    body: String,
}

/// Answers one request after the other, until one is none.
fn answer_all(stream: TcpStream, file: &PathBuf, config: &Mutex<String>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let answer = match read(&mut reader) {
            Some(asked) => answer(&asked, file, config),
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
