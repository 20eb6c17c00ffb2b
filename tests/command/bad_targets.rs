//! Targets that behave badly from their start on: each ends with a verdict that says what was waited for and what was seen, with its last
//! words, and leaves no process.

use std::fs;

use crate::{OwnFolder, ROTATION, err, out, processes_with, stormproof};

/// A server that is asked for at one port and may listen at another one, and whose paths answer as they are told to.
const SERVER: &str = "import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/health' else 503)
        self.end_headers()
    def log_message(self, *_):
        pass
server = HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler)
print('still loading the model', flush=True)
server.serve_forever()
";

/// Runs a scenario against a target, and gives how that ended, with what was said, and what is left of the target.
fn ends(name: &str, start: &str) -> (Option<i32>, String, Vec<String>) {
    let folder = OwnFolder::new(name);
    fs::write(folder.0.join("server.py"), SERVER).expect("a program");
    let from =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/targets/router/config.yaml.j2");
    fs::copy(from, folder.0.join("config.yaml.j2")).expect("a template");
    let profile = folder.0.join("profile.yaml");
    let text = format!(
        "target: {name}\ndescribes: a bad one\nstart:\n{start}speaks: [openai]\nclaims: [key-pool, cooldown]\n"
    );
    fs::write(&profile, text).expect("a profile");
    let reports = folder.0.join("reports").display().to_string();
    let ran =
        stormproof(&["run", ROTATION, "--target", &profile.display().to_string(), "--reports", &reports]);
    (ran.status.code(), out(&ran) + &err(&ran), processes_with(&folder.path()))
}

fn python_is_there() -> bool {
    let there = std::process::Command::new("python3").arg("--version").output().is_ok();
    if !there {
        println!("passed over: `python3` is not on this machine");
    }
    there
}

/// A server in Python at this port, of which a path is waited for.
fn server(port: &str, path: &str) -> String {
    format!(
        "  process: {{ command: [python3, -B, \"{{{{ profile_dir }}}}/server.py\", \"{port}\"] }}\n  \
         ready: {{ get: {path}, within: 2s }}\n"
    )
}

#[test]
fn a_target_that_is_alive_and_not_ready_is_blocked_with_what_it_answers() {
    if !python_is_there() {
        return;
    }
    let (exit, told, left) = ends("alive-only", &server("{{ port }}", "/ready"));
    assert_eq!((exit, left), (Some(4), Vec::new()), "{told}");
    for words in ["status 200 at `/ready` was not seen", "503", "still loading the model"] {
        assert!(told.contains(words), "`{words}` is not told in\n{told}");
    }
}

#[test]
fn a_target_that_listens_on_another_port_is_blocked_with_what_was_seen_at_its_own() {
    if !python_is_there() {
        return;
    }
    let (exit, told, left) = ends("elsewhere", &server("0", "/health"));
    assert_eq!((exit, left), (Some(4), Vec::new()), "{told}");
    for words in ["status 200 at `/health` was not seen", "refused", "still loading the model"] {
        assert!(told.contains(words), "`{words}` is not told in\n{told}");
    }
}

#[test]
fn a_target_that_takes_its_time_to_start_is_waited_for() {
    let start = "  process: { command: [sh, -c, 'sleep 2; exec \"$0\" router --config \"$1\" --listen 127.0.0.1:0', \
        \"{{ stormproof }}\", \"{{ dir }}/config.yaml\"] }\n  \
        files: { config.yaml: config.yaml.j2 }\n  ready: { line: \"listening on \", within: 60s }\n";
    let (exit, told, left) = ends("slow", start);
    assert_eq!((exit, left), (Some(0), Vec::new()), "{told}");
}
