//! Targets that run already: configured beforehand by what `stormproof render` wrote, or by somebody else altogether.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{OwnFolder, command, err, out, stormproof};

const NEXT_KEY: &str = "scenarios/rotation/next-key-on-429.yaml";
const PROFILE: &str = "fixtures/targets/plain.yaml";

/// A process that is ended when the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// So many ports in a row on which nobody listens, below those that the machine gives away by itself.
fn free_ports(count: u16) -> u16 {
    let anywhere = 26_000 + u16::try_from(std::process::id() % 50).unwrap_or_default() * 60;
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut firsts = (anywhere..32_000).step_by(usize::from(count));
    firsts.find(|first| (*first..first + count).all(is_free)).expect("free ports")
}

fn python(arguments: &[&str], port: u16) -> Running {
    let mut python = Command::new("python3");
    python.arg("-B").args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running(python.spawn().expect("python3"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nobody listens on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

#[test]
fn a_target_that_was_configured_by_what_was_rendered_is_put_to_the_whole_test() {
    let folder = OwnFolder::new("render");
    let first = free_ports(30);
    let (port, ports) = (first + 29, format!("{first}-{}", first + 20));
    let configured = folder.path();
    let output = stormproof(&[
        "render",
        PROFILE,
        NEXT_KEY,
        "--ports",
        &ports,
        "--out",
        &configured,
        "--port",
        &port.to_string(),
    ]);
    let told = out(&output);
    assert_eq!(output.status.code(), Some(0), "{told}{}", err(&output));
    let line =
        told.lines().find_map(|line| line.trim().strip_prefix("stormproof run ")).expect("the next command");
    assert!(
        line.contains(&format!("--seed 1 --target {PROFILE} --url http://127.0.0.1:{port} --ports {ports}"))
    );
    let router = format!("{}/fixtures/targets/plain/router.py", env!("CARGO_MANIFEST_DIR"));
    let config = format!("{configured}/config.json");
    let _router = python(&[&router, &config, "--port", &port.to_string()], port);

    let reports = folder.0.join("run").display().to_string();
    let mut arguments: Vec<&str> = vec!["run"];
    arguments.extend(line.split(' '));
    arguments.extend(["--reports", &reports]);
    let output = stormproof(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}{}", out(&output), err(&output));
    assert!(folder.read("run/run.json").contains("configured for simulated providers at the ports"));

    // A target that was configured for others knows nothing of these models, which is no pass.
    let others = format!("{first}-{}", first + 19);
    let reports = folder.0.join("others").display().to_string();
    let url = format!("http://127.0.0.1:{port}");
    let output = stormproof(&[
        "run",
        NEXT_KEY,
        "--seed",
        "2",
        "--target",
        PROFILE,
        "--url",
        &url,
        "--ports",
        &others,
        "--reports",
        &reports,
    ]);
    assert_ne!(output.status.code(), Some(0), "{}", out(&output));
}

#[test]
fn what_needs_an_instance_of_its_own_is_not_observable_of_one_that_runs() {
    let output = stormproof(&[
        "run",
        "scenarios/observability/counters-are-exact.yaml",
        NEXT_KEY,
        "--target",
        PROFILE,
        "--url",
        "http://127.0.0.1:9",
        "--ports",
        "9100-9200",
        "--dry-run",
    ]);
    let told = out(&output);
    assert!(
        told.contains("counters-are-exact.yaml\n    it needs an instance of its own"),
        "{told}{}",
        err(&output)
    );
    assert!(told.contains("1 trial shares 1 instance"), "{told}");
}

#[test]
fn mistakes_about_ports_and_addresses_are_told() {
    for (arguments, told) in [
        (&["--ports", "9100-9200"][..], "`--ports` is for a target that runs already"),
        (&["--url", "http://127.0.0.1:9", "--ports", "9100-9100"], "are 1 ports, and"),
        (&["--url", "https://127.0.0.1:9"], "--url: `https://127.0.0.1:9` is no address of a target"),
        (&["--url", "http://192.0.2.7:9"], "http://192.0.2.7:9 is not on this machine"),
        (
            &["--url", "http://127.0.0.1:9", "--ports", "9100-9200", "--advertise", "192.0.2.7"],
            "others than this machine could reach the simulated providers",
        ),
        (&["--url", "http://127.0.0.1:9", "--ports", "200-100"], "write the first and the last port"),
    ] {
        let output = stormproof(&[&["run", "scenarios/rotation", "--target", PROFILE], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}{}", out(&output), err(&output));
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
}

/// A router of somebody else: other paths, another header for its key, one model of its own, and nothing for an operator.
const STRANGER: &str = r#"
import http.server, json, sys
class Router(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *arguments): pass
    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def stream(self, asked):
        def event(choices, **more):
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "house-model", "choices": choices, **more}
            return "data: " + json.dumps(chunk) + "\n\n"
        delta = lambda delta, end=None: [{"index": 0, "delta": delta, "finish_reason": end}]
        text = event(delta({"role": "assistant", "content": "so it is"})) + event(delta({}, "stop"))
        if (asked.get("stream_options") or {}).get("include_usage"):
            text += event([], usage={"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4})
        text = (text + "data: [DONE]\n\n").encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def do_GET(self):
        self.answer(200 if self.path == "/up" else 404, {})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers.get("x-token") != "sk-of-the-stranger":
            return self.answer(401, {"error": {"message": "who?", "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}})
        if self.path != "/llm/chat" or asked["model"] != "house-model":
            return self.answer(404, {"error": {"message": "what?", "type": "invalid_request_error", "param": None, "code": "model_not_found"}})
        if asked.get("stream"):
            return self.stream(asked)
        message = {"role": "assistant", "content": "so it is", "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        usage = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
        self.answer(200, {"id": "c", "object": "chat.completion", "created": 1, "model": "house-model", "choices": [choice], "usage": usage})
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Router).serve_forever()
"#;

const STRANGERS_PROFILE: &str = r#"
target: stranger
describes: A router of somebody else
start:
  url: { variable: ROUTER_URL, default: "http://localhost:4000", key: ROUTER_KEY, model: ROUTER_MODEL }
  ready: { get: /up, within: 20s }
speaks: [openai]
authorization: { header: x-token, value: "{{ tenant_key }}" }
paths: { liveness: /up, chat: /llm/chat }
"#;

#[test]
fn of_a_stranger_what_clients_see_is_judged_and_the_rest_is_not_observable() {
    let folder = OwnFolder::new("stranger");
    fs::write(folder.0.join("stranger.py"), STRANGER).expect("a program");
    fs::write(folder.0.join("stranger.yaml"), STRANGERS_PROFILE).expect("a profile");
    let port = free_ports(2);
    let program = folder.0.join("stranger.py").display().to_string();
    let _stranger = python(&[&program, &port.to_string()], port);
    let (profile, reports) = (folder.0.join("stranger.yaml").display().to_string(), folder.0.join("run"));
    let run = |key: &str| {
        drop(fs::remove_dir_all(&reports));
        let mut command = command(&[
            "run",
            "scenarios/",
            "--target",
            &profile,
            "--reports",
            &reports.display().to_string(),
        ]);
        command.env("ROUTER_URL", format!("http://localhost:{port}")).env("ROUTER_KEY", key);
        command.env("ROUTER_MODEL", "house-model").output().expect("the command starts")
    };
    let output = run("sk-of-the-stranger");
    let told = out(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(0), "{told}{}", err(&output));
    assert!(
        told.contains("not observable") && told.contains("in front of upstreams that are its own"),
        "{told}"
    );
    assert!(!told.contains(" 0 passed"), "something was judged: {told}");
    assert!(folder.read("run/run.json").contains("\"verdict\": \"pass\""));
    assert!(!tree(&reports).contains("sk-of-the-stranger"), "its key stands in nothing that is left");

    let refused = run("sk-of-nobody");
    assert_ne!(refused.status.code(), Some(0), "{}", out(&refused));
}

#[test]
fn a_target_that_is_not_there_is_told_with_its_address() {
    let port = free_ports(2);
    let mut command = command(&[
        "run",
        "scenarios/protocol/metadata-is-welcome.yaml",
        "--target",
        "fixtures/targets/openai-url.yaml",
    ]);
    let output =
        command.env("ROUTER_URL", format!("http://127.0.0.1:{port}")).env("HEALTH_TIMEOUT", "1").output();
    let output = output.expect("the command starts");
    assert_eq!(output.status.code(), Some(4), "{}", out(&output));
    let told = out(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = format!(
        "status 200 at `/v1/models` was not seen within 1s at 127.0.0.1:{port}, where it is said to run"
    );
    assert!(told.contains(&wanted), "{}", out(&output));
}

/// Everything that stands in the files of a folder.
fn tree(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => text.push_str(&tree(&path)),
            path => text.push_str(&String::from_utf8_lossy(&fs::read(path).expect("a file"))),
        }
    }
    text
}
