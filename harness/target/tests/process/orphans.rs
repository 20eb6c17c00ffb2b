//! What a harness that is killed leaves behind: nothing.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::world::{World, is_gone, this_program};

/// The harness: it starts the target of a profile, tells the number of its process, and waits for its own end.
pub(crate) async fn hold(mut arguments: impl Iterator<Item = OsString>) {
    let world = World::new();
    let profile = PathBuf::from(arguments.next().expect("a profile"));
    let target = world.start(&profile).await.unwrap();
    println!("target {}", target.pid().unwrap());
    std::future::pending::<()>().await;
}

pub(crate) async fn a_target_ends_with_a_harness_that_is_killed() {
    let world = World::new();
    let script = "trap '' TERM\necho listening on 127.0.0.1:1\nwhile :; do sleep 0.05; done\n";
    let profile = world.script(script, "{ line: listening }", "");
    let mut harness = Command::new(this_program())
        .arg("hold")
        .arg(profile)
        // What it leaves behind goes with the folder of this test.
        .env("TMPDIR", &world.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(harness.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let target: i32 = line.trim().strip_prefix("target ").expect("a target").parse().unwrap();
    harness.kill().unwrap();
    harness.wait().unwrap();
    is_gone(target).await;
}

fn guard(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(this_program()).arg("guard").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

pub(crate) async fn the_guard_starts_nothing_for_a_harness_that_is_gone() {
    let somebody_else = std::os::unix::process::parent_id().to_string();
    let (status, printed, error) = guard(&[&somebody_else, "--", "sh", "-c", "echo started"]);
    assert_eq!((status, printed.as_str(), error.as_str()), (Some(127), "", "error: the harness has ended\n"));
    let this = std::process::id().to_string();
    for arguments in
        [&[this.as_str(), "--", "sh", "-c", "echo started"][..], &[&this, "sh", "-c", "echo started"]]
    {
        assert_eq!(guard(arguments), (Some(0), "started\n".to_owned(), String::new()));
    }
}

pub(crate) async fn the_guard_tells_what_it_cannot_execute() {
    let this = std::process::id().to_string();
    for (arguments, told) in [
        (&[][..], "`guard` is for the harness itself"),
        (&["sh"], "`guard` is for the harness itself"),
        (&[this.as_str(), "--"], "`guard` is for the harness itself"),
        (&[this.as_str(), "--", "/no/such/program"], "`/no/such/program` cannot be executed"),
    ] {
        let (status, printed, error) = guard(arguments);
        assert_eq!((status, printed.as_str()), (Some(127), ""), "{arguments:?}");
        assert!(error.contains(told), "{arguments:?}: {error}");
    }
}
