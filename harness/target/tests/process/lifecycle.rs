//! From start to end, and everything that can go wrong between.

use std::time::{Duration, Instant};

use stormproof_target::{StartError, Started, version};

use crate::world::{World, is_gone, operation, read, this_program, topology_of};

const LISTENING: &str = "{ line: 'listening on ', within: 20s }";

fn error<T>(started: Result<T, StartError>) -> StartError {
    started.err().expect("the start must fail")
}

pub(crate) async fn a_target_is_ready_when_its_line_is_seen_and_ends_when_it_is_asked_to() {
    let world = World::new();
    let script = "echo starting; echo pid $$\necho listening on http://127.0.0.1:4321/v1\nexec sleep 1000\n";
    let target = world.start(&world.script(script, LISTENING, "")).await.unwrap();
    assert_eq!(target.base_url(), "http://127.0.0.1:4321");
    assert_eq!(target.pid(), Some(world.number("pid").unsigned_abs()));
    assert_eq!(target.log_tail()[0], "starting");
    let ending = target.stop().await;
    assert_eq!(ending.to_string(), "was ended by signal 15");
    assert!(!ending.killed);
    is_gone(world.number("pid")).await;
}

pub(crate) async fn a_target_that_is_never_ready_is_told_with_what_was_seen_and_leaves_nothing() {
    let world = World::new();
    let script = "echo pid $$; echo warming up\nexec sleep 1000\n";
    let profile = world.script(script, "{ line: 'listening on ', within: 1s }", "");
    let error = error(world.start(&profile).await);
    assert!(matches!(error, StartError::NotReady { .. }), "{error}");
    let told = error.to_string();
    assert!(told.starts_with("a line with `listening on ` was not seen within 1s"), "{told}");
    assert!(told.contains("warming up"), "{told}");
    is_gone(world.number("pid")).await;
}

pub(crate) async fn a_path_that_never_answers_is_told_with_what_was_seen_instead() {
    let world = World::new();
    let profile = world.script("exec sleep 1000", "{ get: /health, within: 300ms }", "");
    let told = error(world.start(&profile).await).to_string();
    assert!(told.starts_with("status 200 at `/health` was not seen within 300ms (seen last: "), "{told}");
    assert!(told.to_lowercase().contains("connection refused"), "{told}");
}

pub(crate) async fn a_target_that_ends_before_it_is_ready_is_told_at_once_with_its_last_lines() {
    let world = World::new();
    let script = "echo reading config\necho no such option: colour >&2\nexit 3\n";
    let before = Instant::now();
    let error = error(world.start(&world.script(script, "{ get: /health, within: 50s }", "")).await);
    assert!(before.elapsed() < Duration::from_secs(20));
    let told = error.to_string();
    assert!(
        told.starts_with("the process ended with status 3 before it was ready; its last lines:"),
        "{told}"
    );
    let mut log = error.log().to_vec();
    log.sort();
    assert_eq!(log, ["no such option: colour", "reading config"]);
}

pub(crate) async fn a_target_that_does_not_end_when_asked_is_killed() {
    let world = World::new();
    let script = "trap '' TERM\necho pid $$\necho listening on 127.0.0.1:1\nwhile :; do sleep 1000; done\n";
    let stop = "  stop: { within: 200ms }\n";
    let target = world.start(&world.script(script, LISTENING, stop)).await.unwrap();
    let ending = target.stop().await;
    assert!(ending.killed);
    assert_eq!(ending.to_string(), "had to be killed");
    is_gone(world.number("pid")).await;
}

const WITH_CHILD: &str = "sleep 1000 &\necho child $!\necho listening on 127.0.0.1:1\n";

pub(crate) async fn the_children_of_a_target_go_with_it_when_it_is_stopped() {
    let world = World::new();
    let target = world.start(&world.script(&format!("{WITH_CHILD}wait\n"), LISTENING, "")).await.unwrap();
    assert!(!target.stop().await.killed);
    is_gone(world.number("child")).await;
}

pub(crate) async fn the_children_of_a_target_go_with_it_when_it_is_dropped() {
    let world = World::new();
    let target = world.start(&world.script(&format!("{WITH_CHILD}wait\n"), LISTENING, "")).await.unwrap();
    let pid = i32::try_from(target.pid().unwrap()).unwrap();
    drop(target);
    is_gone(world.number("child")).await;
    is_gone(pid).await;
}

pub(crate) async fn the_children_of_a_target_go_with_it_when_it_ends_by_itself() {
    let world = World::new();
    // It ends when the test writes a file, so that it is surely ready before.
    let script = format!("{WITH_CHILD}until [ -e \"$HOME/go\" ]; do sleep 0.01; done\n");
    let target = world.start(&world.script(&script, LISTENING, "")).await.unwrap();
    std::fs::write(world.folder.join("target/go"), "").unwrap();
    assert_eq!(target.died().await, "its process ended with status 0");
    is_gone(world.number("child")).await;
}

pub(crate) async fn a_target_that_ends_by_itself_is_noticed_with_the_reason() {
    let world = World::new();
    let script = "echo pid $$\necho listening on 127.0.0.1:1\nexec sleep 1000\n";
    let target = world.start(&world.script(script, LISTENING, "")).await.unwrap();
    let died = target.died();
    let pid = rustix::process::Pid::from_raw(world.number("pid")).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    assert_eq!(died.await, "its process was ended by signal 6");
    assert_eq!(target.died().await, "its process was ended by signal 6");
    let ending = target.stop().await;
    assert!(!ending.killed);
    assert_eq!(ending.to_string(), "was ended by signal 6");
}

pub(crate) async fn a_target_that_is_stopped_did_not_die() {
    let world = World::new();
    let script = "echo listening on 127.0.0.1:1\nexec sleep 1000\n";
    let target = world.start(&world.script(script, LISTENING, "")).await.unwrap();
    let died = target.died();
    target.stop().await;
    // All that could be told is told by now, so one look is enough.
    tokio::select! {
        biased;
        reason = died => panic!("{reason}"),
        () = std::future::ready(()) => {}
    }
}

pub(crate) async fn a_missing_program_is_an_error_of_its_own() {
    let world = World::new();
    let profile = world.profile(&format!(
        "start:\n  process: {{ command: [no-such-router, --fast] }}\n  ready: {LISTENING}\n"
    ));
    match error(world.start(&profile).await) {
        StartError::ProgramMissing(name) => assert_eq!(name, "no-such-router"),
        other => panic!("{other}"),
    }
}

pub(crate) async fn a_target_that_others_could_reach_is_refused() {
    let world = World::new();
    let script = "echo pid $$\necho listening on http://192.0.2.1:80\nexec sleep 1000\n";
    let error = error(world.start(&world.script(script, LISTENING, "")).await);
    assert!(matches!(error, StartError::NotLoopback(_)), "{error}");
    is_gone(world.number("pid")).await;
}

const PRINTS_ARGUMENTS: &str = "echo arguments: \"$@\"\necho listening on 127.0.0.1:1\nexec sleep 1000\n";

pub(crate) async fn a_defect_goes_to_the_end_of_the_command() {
    let world = World::new();
    let profile = world.script(PRINTS_ARGUMENTS, LISTENING, "defects: { flag: --defect }\n");
    let target = world.start_with(&profile, Some("retries-the-same-key")).await.unwrap();
    assert_eq!(target.log_tail()[0], "arguments: --defect retries-the-same-key");
    target.stop().await;
}

pub(crate) async fn a_defect_is_refused_by_a_target_that_has_none() {
    let world = World::new();
    let profile = world.script(PRINTS_ARGUMENTS, LISTENING, "");
    let error = error(world.start_with(&profile, Some("retries-the-same-key")).await);
    assert!(matches!(error, StartError::NoDefects(_)), "{error}");
    assert_eq!(world.lines(), [""; 0]);
}

pub(crate) async fn a_version_is_the_first_line_that_its_command_prints() {
    let world = World::new();
    for (script, told) in [
        ("echo; echo 'script 1.2.3'; echo more", Ok(Some("script 1.2.3"))),
        ("echo 'script 1.2.3' >&2", Ok(Some("script 1.2.3"))),
        ("exit 0", Err("the process ended with status 0")),
        ("echo 'no such flag'; exit 2", Err("the process ended with status 2")),
    ] {
        let version_command =
            format!("version: {{ command: [sh, -c, \"{}\"] }}\n", script.replace('"', "\\\""));
        let profile = read(&world.script("", LISTENING, &version_command));
        let read = version(&profile, &this_program(), &world.folder.join("version")).await;
        match (read, told) {
            (Ok(read), Ok(told)) => assert_eq!(read.as_deref(), told, "{script}"),
            (Err(error), Err(told)) => assert!(error.to_string().contains(told), "{script}: {error}"),
            (read, _) => panic!("{script}: {read:?}"),
        }
    }
    let profile = read(&world.script("", LISTENING, ""));
    let none = version(&profile, &this_program(), &world.folder.join("version")).await;
    assert_eq!(none.unwrap(), None);
}

/// A world whose target need not start.
fn lenient() -> World {
    let mut world = World::new();
    world.topology = topology_of("upstreams: {}\nrouter: { must_start: false }", "");
    world
}

pub(crate) async fn a_target_that_need_not_start_may_end_and_be_started_again() {
    let world = lenient();
    let script =
        "if [ -e go ]; then echo listening on 127.0.0.1:4321; exec sleep 1000; fi\necho no key >&2; exit 3\n";
    let profile = world.script(script, LISTENING, "");
    let Started { target, unready } = world.try_to_start(&profile).await.unwrap();
    let unready = unready.expect("it ended");
    assert!(matches!(unready, StartError::Ended { .. }), "{unready}");
    assert!(
        unready.to_string().starts_with("the process ended with status 3 before it was ready"),
        "{unready}"
    );
    assert_eq!((target.pid(), target.log_tail()), (None, vec!["no key".to_owned()]));
    // Nobody listens there.
    assert!(tokio::net::TcpStream::connect(target.address()).await.is_err());
    std::fs::write(world.folder.join("target/go"), "").unwrap();
    target.operate(&operation("operate: start")).await.unwrap();
    assert_eq!(target.base_url(), "http://127.0.0.1:4321");
    target.stop().await;
}

pub(crate) async fn a_target_that_need_not_start_runs_on_when_it_is_not_ready_in_time() {
    let world = lenient();
    let script = "until [ -e go ]; do sleep 0.01; done\n";
    let profile = world.script(script, "{ line: 'listening on ', within: 300ms }", "");
    let Started { target, unready } = world.try_to_start(&profile).await.unwrap();
    let unready = unready.expect("it is not ready");
    assert!(matches!(unready, StartError::NotReady { .. }), "{unready}");
    let pid = i32::try_from(target.pid().expect("it runs on")).unwrap();
    // It was never ready, so it does not die when it ends.
    let died = target.died();
    std::fs::write(world.folder.join("target/go"), "").unwrap();
    is_gone(pid).await;
    let ending = target.stop().await;
    assert_eq!(ending.to_string(), "ended with status 0");
    tokio::select! {
        biased;
        reason = died => panic!("{reason}"),
        () = std::future::ready(()) => {}
    }
}

pub(crate) async fn a_target_that_need_not_start_is_ready_like_any_other_and_needs_its_program() {
    let world = lenient();
    let script = "echo listening on 127.0.0.1:4321\nexec sleep 1000\n";
    let Started { target, unready } = world.try_to_start(&world.script(script, LISTENING, "")).await.unwrap();
    assert!(unready.is_none() && target.pid().is_some());
    target.stop().await;
    let profile =
        world.profile(&format!("start:\n  process: {{ command: [no-such-router] }}\n  ready: {LISTENING}\n"));
    let error = world.try_to_start(&profile).await.err().expect("there is no program");
    assert!(matches!(error, StartError::ProgramMissing(_)), "{error}");
    // One that has to start is not let off.
    let strict = World::new();
    let error = strict.try_to_start(&strict.script("exit 3\n", LISTENING, "")).await.err().expect("it ended");
    assert!(matches!(error, StartError::Ended { .. }), "{error}");
}
