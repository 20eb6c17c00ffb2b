//! `stormproof upstreams`: a world served for hand work, from its exports to its end.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{OwnFolder, command, err, out, stormproof};

/// Nothing on loopback takes this long.
const SOON: Duration = Duration::from_secs(20);

const WORLD: &str = r#"
upstreams:
  openai:
    dialect: openai
    keys: [first, second]
    script:
      - { name: early, first: 1, reply: { error: rate_limit } }
    timeline:
      - { during: storm, reply: { error: overloaded } }
      - { name: outage, at: 1h, reply: { error: server_error } }
  an other:
    dialect: anthropic
    keys: { own: { variable: MY_KEY } }
router: { models: { chat: { pool: openai, model: gpt-example } } }
"#;

/// The command at work.
pub(crate) struct Served {
    child: Child,
    /// Everything that it has printed.
    exports: String,
    /// What it has told so far.
    told: Arc<Mutex<String>>,
}

impl Served {
    pub(crate) fn of(world: &str, more: &[&str]) -> Self {
        let arguments = [&["upstreams", "--world", world, "--seed", "7"], more].concat();
        let mut child = command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let told = Arc::new(Mutex::new(String::new()));
        let (stderr, heard) = (child.stderr.take().expect("a pipe"), Arc::clone(&told));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.lock().expect("a lock").push_str(&(line + "\n"));
            }
        });
        let mut exports = String::new();
        let mut stdout = child.stdout.take().expect("a pipe");
        // It lets standard output go when it is ready.
        stdout.read_to_string(&mut exports).expect("a text");
        Self { child, exports, told }
    }

    /// The value of a variable, as a shell reads it.
    pub(crate) fn variable(&self, name: &str) -> String {
        let script = format!("{}\nprintf %s \"${name}\"", self.exports);
        let output = Command::new("sh").args(["-euc", &script]).env_clear().output().expect("a shell");
        assert!(output.status.success(), "{name}: {}", err(&output));
        out(&output)
    }

    /// Asks the first upstream with a key, and gives the status.
    fn ask(&self, key: &str) -> u16 {
        let body = r#"{"model":"gpt-example","messages":[{"role":"user","content":"ping"}]}"#;
        let url = format!("{}/chat/completions", self.variable("OPENAI_BASE_URL"));
        let head = format!("authorization: Bearer {}\r\n", self.variable(key));
        http("POST", &url, &head, body).0
    }

    pub(crate) fn control(&self, method: &str, path: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.variable("STORMPROOF_CONTROL"));
        let (status, body) = http(method, &url, "", "");
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }

    /// Waits until it has told this.
    fn wait_for(&self, text: &str) {
        let told = || self.told.lock().expect("a lock").clone();
        within(|| told().contains(text).then_some(()), || format!("`{text}` is not told in\n{}", told()));
    }

    /// Sends it a signal, and gives how it ended and what it has told.
    fn end(mut self, signal: &str) -> (ExitStatus, String) {
        let (status, began) = (self.signal(signal), Instant::now());
        let ended = within(|| self.child.try_wait().expect("a child"), || "it goes on".to_owned());
        assert!(status.success());
        assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
        self.wait_for("ended after");
        let told = self.told.lock().expect("a lock").clone();
        (ended, told)
    }

    fn signal(&self, signal: &str) -> ExitStatus {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn within<T>(mut look: impl FnMut() -> Option<T>, why: impl Fn() -> String) -> T {
    let until = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{}", why());
        thread::sleep(Duration::from_millis(10));
    }
}

/// A request on a connection of its own: status and body.
fn http(method: &str, url: &str, head: &str, body: &str) -> (u16, String) {
    let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("a timeout");
    let length = body.len();
    let own = if head.starts_with("host:") { String::new() } else { format!("host: {host}\r\n") };
    let text = format!(
        "{method} /{path} HTTP/1.1\r\n{own}{head}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).expect("a status").parse().expect("a number"), body.to_owned())
}

fn world(folder: &OwnFolder, text: &str) -> String {
    let path = folder.0.join("world.yaml");
    fs::write(&path, text).expect("a file");
    path.display().to_string()
}

fn serve(folder: &OwnFolder, more: &[&str]) -> Served {
    Served::of(&world(folder, WORLD), more)
}

fn refused(arguments: &[&str], code: i32) -> String {
    let output: Output = stormproof(&[&["upstreams"], arguments].concat());
    assert_eq!(output.status.code(), Some(code), "{}{}", out(&output), err(&output));
    assert_eq!(out(&output), "");
    err(&output)
}

#[test]
fn what_is_exported_opens_the_upstreams_and_is_told_nowhere_else() {
    let folder = OwnFolder::new("upstreams-exports");
    let served = serve(&folder, &[]);
    assert!(served.exports.lines().all(|line| line.starts_with("export ")), "{}", served.exports);
    assert!(served.variable("OPENAI_BASE_URL").ends_with("/v1"));
    assert!(
        !served.variable("AN_OTHER_BASE_URL").ends_with("/v1"),
        "Anthropic's library has it in its paths"
    );
    assert_eq!(served.variable("STORMPROOF_PID"), served.child.id().to_string());
    assert_eq!([served.ask("OPENAI_API_KEY"), served.ask("OPENAI_API_KEY_2")], [429, 200]);
    let url = format!("{}/v1/messages", served.variable("AN_OTHER_BASE_URL"));
    let head = format!("x-api-key: {}\r\nanthropic-version: 2023-06-01\r\n", served.variable("MY_KEY"));
    let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"ping"}]}"#;
    assert_eq!(http("POST", &url, &head, body).0, 200);
    served.wait_for(
        "openai: 2 requests, 0 open (peak 1), 1 x 429, 0 other errors; first 1 (1x429), second 1\n",
    );
    let (_, journal) = served.control("GET", "/journal");
    let (_, index) = served.control("GET", "/");
    let (status, told) = served.end("-TERM");
    assert_eq!(status.code(), Some(0), "{told}");
    assert!(told.contains("serving 2 upstreams of ") && told.contains("seed 7\n"), "{told}");
    assert!(told.contains("SIGTERM: ended after ") && told.ends_with("own 1\n"), "{told}");
    for text in [told, journal.to_string(), index.to_string()] {
        assert!(!text.contains("sk-sp-"), "a key was told: {text}");
    }
}

#[test]
fn the_journal_tells_each_attempt_with_its_key_s_label() {
    let folder = OwnFolder::new("upstreams-journal");
    let served = serve(&folder, &[]);
    served.ask("OPENAI_API_KEY_2");
    served.ask("OPENAI_API_KEY");
    let told = within(
        || Some(served.control("GET", "/journal").1).filter(|told| told["attempts"][1]["path"].is_string()),
        || "two attempts are not told".to_owned(),
    );
    let attempt = &told["attempts"][0];
    for (field, expected) in [
        ("number", Value::from(1)),
        ("upstream", "openai".into()),
        ("key", "second".into()),
        ("method", "POST".into()),
        ("path", "/v1/chat/completions".into()),
        ("model", "gpt-example".into()),
        ("status", 429.into()),
        ("error", "rate_limit".into()),
        ("script", "early".into()),
        ("outcome", "complete".into()),
    ] {
        assert_eq!(attempt[field], expected, "{field} of {attempt}");
    }
    let (_, later) = served.control("GET", "/journal?upstream=openai&after=1&limit=5");
    assert_eq!((later["attempts"].as_array().map(Vec::len), &later["last"]), (Some(1), &Value::from(2)));
    let (status, told) = served.control("GET", "/journal?upstream=opnai");
    assert_eq!((status, told["help"].as_str()), (404, Some("did you mean `openai`?")));
    assert_eq!(served.control("DELETE", "/journal").0, 200);
    assert_eq!(served.control("GET", "/journal").1["attempts"], Value::Array(Vec::new()));
}

#[test]
fn a_reset_begins_scripts_and_counts_again_and_keeps_addresses_and_keys() {
    let folder = OwnFolder::new("upstreams-reset");
    let served = serve(&folder, &[]);
    let twice = || [served.ask("OPENAI_API_KEY"), served.ask("OPENAI_API_KEY")];
    assert_eq!(twice(), [429, 200]);
    assert_eq!(served.control("GET", "/upstreams").1["upstreams"][0]["requests"], 2);
    assert_eq!(served.control("POST", "/reset").0, 200);
    assert_eq!(served.control("GET", "/upstreams").1["upstreams"][0]["requests"], 0);
    assert_eq!(twice(), [429, 200]);
    let (status, told) = served.control("GET", "/reset");
    assert_eq!((status, told["error"].as_str()), (405, Some("this path takes POST")));
}

#[test]
fn a_phase_and_an_entry_of_the_timeline_hold_from_when_they_are_fired_until_they_are_over() {
    let folder = OwnFolder::new("upstreams-fired");
    let served = serve(&folder, &[]);
    assert_eq!(served.ask("OPENAI_API_KEY"), 429);
    for (path, status) in [("/phases/storm", 503), ("/timeline/outage", 500), ("/timeline/storm", 503)] {
        assert_eq!(served.ask("OPENAI_API_KEY"), 200);
        assert_eq!(served.control("POST", path).0, 200);
        assert_eq!(served.ask("OPENAI_API_KEY"), status, "{path}");
        assert_eq!(served.control("DELETE", path).0, 200);
    }
    assert_eq!(served.control("POST", "/phases/storm").1["running"], true);
    assert_eq!(served.control("GET", "/").1["running"][0], "storm");
    assert_eq!(served.control("POST", "/reset").0, 200);
    assert_eq!([served.ask("OPENAI_API_KEY"), served.ask("OPENAI_API_KEY")], [429, 200], "the phase is over");
    assert_eq!(served.control("POST", "/start").0, 200);
    for (path, help) in [
        ("/phases/strom", "did you mean `storm`?"),
        ("/timeline/outrage", "did you mean `outage`?"),
        ("/phase/storm", "GET / tells what there is"),
    ] {
        let (status, told) = served.control("POST", path);
        assert_eq!((status, told["help"].as_str()), (404, Some(help)), "{path}");
    }
}

#[test]
fn the_control_api_answers_nobody_from_elsewhere() {
    let folder = OwnFolder::new("upstreams-strangers");
    let served = serve(&folder, &[]);
    let url = format!("{}/reset", served.variable("STORMPROOF_CONTROL"));
    for head in ["host: evil.example\r\n", "origin: https://evil.example\r\n"] {
        assert_eq!(http("POST", &url, head, "").0, 403, "{head}");
    }
    assert_eq!(http("POST", &url, "", &"x".repeat(20_000)).0, 413);
    assert_eq!(http("POST", &url, "origin: http://localhost:3000\r\n", "{}").0, 200);
}

#[test]
fn a_file_of_exports_is_the_user_s_alone_and_goes_with_the_command() {
    let folder = OwnFolder::new("upstreams-file");
    let path = folder.0.join("exports.sh");
    let shown = path.display().to_string();
    let served = serve(&folder, &["--exports", &shown]);
    assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
    assert!(folder.read("exports.sh").ends_with(&served.exports));
    let (status, told) = served.end("-INT");
    assert_eq!(status.code(), Some(0), "{told}");
    let left: Vec<_> =
        fs::read_dir(&folder.0).expect("a folder").flatten().map(|file| file.file_name()).collect();
    assert_eq!(left, ["world.yaml"]);
    fs::write(&path, "mine").expect("a file");
    let told = refused(&["--world", &world(&folder, WORLD), "--exports", &shown], 2);
    assert!(told.contains("is there already"), "{told}");
    assert_eq!(folder.read("exports.sh"), "mine");
    fs::write(&path, "# Written by `stormproof upstreams`, which removes it when it ends.\n")
        .expect("a file");
    let again = serve(&folder, &["--exports", &shown]);
    assert!(folder.read("exports.sh").ends_with(&again.exports), "what was left behind is replaced");
}

#[test]
fn a_request_that_is_open_keeps_nobody_waiting_at_the_end() {
    let folder = OwnFolder::new("upstreams-open");
    let text = "upstreams: { mute: { dialect: http, script: [{ name: mute, connection: silence }] } }\n";
    let served = Served::of(&world(&folder, text), &[]);
    let url = served.variable("MUTE_BASE_URL");
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: it\r\n\r\n").expect("it reads");
    served.wait_for("mute: 1 request, 1 open (peak 1)");
    let (status, told) = served.end("-INT");
    assert_eq!(status.code(), Some(0), "{told}");
}

#[test]
fn upstreams_take_the_ports_behind_that_of_the_control_api() {
    let folder = OwnFolder::new("upstreams-ports");
    // Three ports in a row that were free a moment ago; who else takes them meanwhile makes another go necessary.
    let served = within(
        || {
            let first = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
            let served = serve(&folder, &["--listen", &format!("127.0.0.1:{first}")]);
            (!served.exports.is_empty()).then_some((first, served))
        },
        || "there are never three free ports in a row".to_owned(),
    );
    let (first, served) = served;
    let at = |port: u16| format!("http://127.0.0.1:{port}");
    assert_eq!(served.variable("STORMPROOF_CONTROL"), at(first));
    assert_eq!(served.variable("OPENAI_BASE_URL"), at(first + 1) + "/v1");
    assert_eq!(served.variable("AN_OTHER_BASE_URL"), at(first + 2));
    let taken = format!("127.0.0.1:{first}");
    let told = refused(&["--world", &world(&folder, WORLD), "--listen", &taken], 4);
    assert!(told.contains(&taken) && told.contains("in use"), "{told}");
}

#[test]
fn a_port_of_an_upstream_that_is_taken_is_named() {
    let folder = OwnFolder::new("upstreams-taken");
    let (listener, first) = within(
        || {
            let listener = TcpListener::bind("127.0.0.1:0").ok()?;
            let before = listener.local_addr().ok()?.port().checked_sub(1)?;
            TcpListener::bind(("127.0.0.1", before)).ok()?;
            Some((listener, before))
        },
        || "there are never two free ports in a row".to_owned(),
    );
    let told = refused(&["--world", &world(&folder, WORLD), "--listen", &format!("127.0.0.1:{first}")], 4);
    assert!(told.contains(&listener.local_addr().expect("an address").to_string()), "{told}");
}

#[test]
fn what_is_wrong_is_told_at_its_place_and_nothing_is_served() {
    let folder = OwnFolder::new("upstreams-wrong");
    let told = refused(&["--world", &world(&folder, "upstreams:\n  openai: { dialect: opnai }\n")], 2);
    assert!(told.contains("world.yaml:2:22") && told.contains("^^^^^"), "{told}");
    let told = refused(&["--world", &world(&folder, "upstreams: {}\n")], 2);
    assert!(told.contains("no upstream"), "{told}");
    let told = refused(&["--world", "scenarios/spike/storm-amplification.yaml"], 2);
    assert!(told.contains("choose one with `--case`: `no retries`"), "{told}");
    let told = refused(&["--world", "scenarios/spike/storm-amplification.yaml", "--case", "no retreis"], 2);
    assert!(told.contains("did you mean `no retries`?"), "{told}");
    let told = refused(&["--world", &world(&folder, WORLD), "--listen", "0.0.0.0:9000"], 2);
    assert!(told.contains("--allow-remote"), "{told}");
}

#[test]
fn a_case_of_a_scenario_is_served() {
    let served = Served::of("scenarios/spike/storm-amplification.yaml", &["--case", "no retries"]);
    let (status, index) = served.control("GET", "/");
    assert_eq!((status, index["case"].as_str()), (200, Some("no retries")), "{index}");
}

#[test]
fn nobody_who_reads_the_exports_ends_it_quietly() {
    let folder = OwnFolder::new("upstreams-pipe");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = command(&["upstreams", "--world", &world(&folder, WORLD)]);
    let output = command.stdout(writer).output().expect("it ends");
    assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()));
}
