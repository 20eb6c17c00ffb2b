//! What a scenario does to a target: by its processes, and by the requests that its profile says.

use std::fs;

use stormproof_target::{RunningTarget, StartError, missing_store_program};
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::{World, is_gone, operation, read, topology_of};

const LISTENING: &str = "{ line: 'listening on ', within: 20s }";
const PRINTS_PID: &str = "echo pid $$\necho listening on 127.0.0.1:1\nexec sleep 1000\n";
const ADMIN: &str = "admin: { header: x-admin, value: \"{{ admin_key }}\" }\n";

async fn done(target: &RunningTarget, text: &str) -> Result<(), String> {
    target.operate(&operation(text)).await.map_err(|error| error.to_string())
}

/// A script that listens where a server of the test does.
fn listens_at(server: &MockServer) -> String {
    format!("echo listening on {}\nexec sleep 1000\n", server.address())
}

pub(crate) async fn a_target_is_killed_started_and_restarted_without_having_died() {
    let world = World::new();
    let target = world.start(&world.script(PRINTS_PID, LISTENING, "")).await.unwrap();
    let died = target.died();
    let first = target.pid().unwrap();
    done(&target, "operate: restart").await.unwrap();
    let second = target.pid().unwrap();
    assert_ne!(first, second);
    is_gone(i32::try_from(first).unwrap()).await;
    done(&target, "operate: kill").await.unwrap();
    assert_eq!(target.pid(), None);
    is_gone(i32::try_from(second).unwrap()).await;
    for text in ["operate: kill", "operate: restart", "operate: freeze", "operate: thaw"] {
        assert_eq!(done(&target, text).await, Err("it is not running".to_owned()), "{text}");
    }
    done(&target, "operate: start").await.unwrap();
    assert!(target.pid().is_some());
    assert_eq!(done(&target, "operate: start").await, Err("it is running already".to_owned()));
    tokio::select! {
        biased;
        reason = died => panic!("{reason}"),
        () = std::future::ready(()) => {}
    }
    target.stop().await;
}

pub(crate) async fn a_target_that_chooses_its_port_is_found_again_after_a_restart() {
    let world = World::new();
    let script = "echo run >> \"$HOME/runs\"\necho listening on 127.0.0.1:$((4000 + $(wc -l < \"$HOME/runs\")))\nexec sleep 1000\n";
    let target = world.start(&world.script(script, LISTENING, "")).await.unwrap();
    let address = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!((target.address(), target.address_of(1)), (address(4001), Some(address(4001))));
    done(&target, "operate: restart").await.unwrap();
    assert_eq!((target.address(), target.address_of(2)), (address(4002), None));
    assert_eq!(target.base_url(), "http://127.0.0.1:4002");
    target.stop().await;
}

pub(crate) async fn a_frozen_target_does_nothing_until_it_is_thawed() {
    let world = World::new();
    let script = "echo pid $$\necho listening on 127.0.0.1:1\nwhile :; do echo tick; sleep 0.005; done\n";
    let target = world.start(&world.script(script, LISTENING, "")).await.unwrap();
    done(&target, "operate: freeze").await.unwrap();
    let pid = target.pid().unwrap();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // It is stopped, or waits in the kernel for a child that is.
    assert!(stat.rsplit_once(") ").unwrap().1.starts_with(['T', 'D']), "{stat}");
    assert_eq!(done(&target, "operate: freeze").await, Err("it is frozen already".to_owned()));
    done(&target, "operate: thaw").await.unwrap();
    let before = world.lines().len();
    while world.lines().len() < before + 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(done(&target, "operate: thaw").await, Err("it is not frozen".to_owned()));
    done(&target, "operate: freeze").await.unwrap();
    // One that is frozen can be stopped all the same.
    target.stop().await;
    is_gone(i32::try_from(pid).unwrap()).await;
}

pub(crate) async fn an_operation_is_done_to_the_instance_that_it_names() {
    let mut world = World::new();
    world.topology = topology_of("upstreams: {}\nrouter: { instances: 2 }", "");
    let profile = world.script(PRINTS_PID, LISTENING, "instances: { max: 2 }\n");
    let target = world.start(&profile).await.unwrap();
    assert_eq!(target.instances(), 2);
    let first = target.pid().unwrap();
    done(&target, "{ operate: kill, instance: 2 }").await.unwrap();
    assert_eq!(target.pid(), Some(first));
    let told = done(&target, "operate: kill").await.unwrap_err();
    assert_eq!((told.as_str(), target.pid()), ("instance 2: it is not running", None));
    let told = done(&target, "{ operate: kill, instance: 3 }").await.unwrap_err();
    assert_eq!(told, "there is no instance 3: the world asks for 2");
    target.stop().await;
}

pub(crate) async fn more_instances_than_the_profile_allows_are_refused() {
    let mut world = World::new();
    world.topology = topology_of("upstreams: {}\nrouter: { instances: 2 }", "");
    let error = world.start(&world.script(PRINTS_PID, LISTENING, "")).await.err().unwrap();
    assert_eq!(error.to_string(), "2 instances of `script` were asked for: its profile allows 1");
    world.topology = topology_of("upstreams: {}\nrouter: { instances: 2, shared: true }", "");
    let profile = world.script(PRINTS_PID, LISTENING, "instances: { max: 2 }\n");
    let error = world.start(&profile).await.err().unwrap();
    assert!(matches!(error, StartError::NoStore(_)), "{error}");
}

pub(crate) async fn instances_share_the_folder_that_the_profile_gives_them() {
    let mut world = World::new();
    world.topology = topology_of("upstreams: {}\nrouter: { instances: 2, shared: true }", "");
    fs::write(world.folder.join("own.j2"), "{{ instance }} {{ store.kind }} {{ store.dir }} {{ port }}")
        .unwrap();
    let profile = world.script(
        PRINTS_PID,
        LISTENING,
        "  files: { own: own.j2 }\ninstances: { max: 2, store: folder }\n",
    );
    let target = world.start(&profile).await.unwrap();
    let own =
        |number| fs::read_to_string(world.folder.join(format!("target/instance-{number}/own"))).unwrap();
    let (first, second) = (own(1), own(2));
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (first, second) = (words(&first), words(&second));
    assert_eq!((first[0].as_str(), second[0].as_str()), ("1", "2"));
    assert_eq!((&first[1..3], first[1].as_str()), (&second[1..3], "folder"));
    assert_ne!(first[3], second[3]);
    target.stop().await;
}

pub(crate) async fn instances_share_a_redis_that_ends_with_them() {
    let mut world = World::new();
    world.topology = topology_of("upstreams: {}\nrouter: { instances: 2, shared: true }", "");
    fs::write(world.folder.join("own.j2"), "{{ store.host }}:{{ store.port }}").unwrap();
    let profile = world.script(
        PRINTS_PID,
        LISTENING,
        "  files: { own: own.j2 }\ninstances: { max: 2, store: redis }\n",
    );
    let target = world.start(&profile).await.unwrap();
    let address = fs::read_to_string(world.folder.join("target/instance-2/own")).unwrap();
    drop(tokio::net::TcpStream::connect(&address).await.unwrap());
    target.stop().await;
    // It is killed as soon as the target is gone, and the system takes a moment to do so.
    while tokio::net::TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Whether there is a Redis on this machine.
pub(crate) fn redis_is_there() -> bool {
    let world = World::new();
    let profile = world.script("", LISTENING, "instances: { max: 2, store: redis }\n");
    missing_store_program(&read(&profile)).is_none()
}

pub(crate) async fn a_key_is_switched_off_by_the_request_that_the_profile_says() {
    let server = MockServer::start().await;
    Mock::given(method("PATCH"))
        .and(path("/admin/openai/first/off"))
        .and(header("x-admin", "sk-storm-admin-0123456789"))
        .and(body_string(r#"{"key": "sk-storm-first-0123456789"}"#))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let mut world = World::new();
    let keys = "{ first: {}, second: { variable: KEY_2 } }";
    world.topology =
        topology_of(&format!("upstreams: {{ openai: {{ dialect: openai, keys: {keys} }} }}"), "");
    let operations = "operations:\n  disable_key:\n    method: PATCH\n    \
                      path: \"/admin/{{ key.upstream }}/{{ key.variable or key.label }}/off\"\n    \
                      body: '{\"key\": {{ key.secret | tojson }}}'\n";
    let profile = world.script(&listens_at(&server), LISTENING, &format!("{ADMIN}{operations}"));
    let target = world.start(&profile).await.unwrap();
    done(&target, "{ operate: disable_key, key: first }").await.unwrap();
    let told = done(&target, "{ operate: disable_key, key: second }").await.unwrap_err();
    assert_eq!(told, "`/admin/openai/KEY_2/off` answers with status 404");
    let told = done(&target, "{ operate: disable_key, key: third }").await.unwrap_err();
    assert_eq!(told, "no upstream has a key `third`");
    let told = done(&target, "{ operate: enable_key, key: first }").await.unwrap_err();
    assert_eq!(told, "the profile of `script` says under `operations:` nothing of `enable_key`");
    target.stop().await;
}

pub(crate) async fn a_refused_operation_is_told_without_any_secret() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(409).set_body_string("no such key: sk-storm-first-0123456789\nmore");
    Mock::given(path("/reload")).respond_with(refusal).mount(&server).await;
    let world = World::new();
    let profile = world.script(
        &listens_at(&server),
        LISTENING,
        &format!("{ADMIN}operations: {{ reload: {{ path: /reload, status: 200 }} }}\n"),
    );
    let target = world.start(&profile).await.unwrap();
    let told = done(&target, "operate: reload").await.unwrap_err();
    assert_eq!(told, "`/reload` answers with status 409: no such key: <key first>");
    target.stop().await;
}

const RELOADED: &str = "upstreams: { openai: { dialect: openai, keys: 1 } }\n\
                        router: { models: { chat: { pool: openai, retries: 1 } } }";
const RELOAD: &str =
    "operate: reload\nrouter: { models: { chat: { pool: openai, retries: 7 }, new: { pool: openai } } }";

/// A target that reads its models from a file.
fn configured(world: &World, script: &str, operations: &str) -> std::path::PathBuf {
    let template =
        "{% for model in models %}{{ model.name }}:{{ model.retries | tojson }} {% endfor %}{{ instance }}";
    fs::write(world.folder.join("own.j2"), template).unwrap();
    world.script(
        script,
        LISTENING,
        &format!("  files: {{ own: own.j2 }}\ninstances: {{ max: 2 }}\n{operations}"),
    )
}

pub(crate) async fn a_reload_renders_the_settings_that_come_with_it_before_it_is_asked_for() {
    let server = MockServer::start().await;
    let mut world = World::new();
    world.topology = topology_of(RELOADED, "");
    let own = world.folder.join("target/own");
    let at_request = own.clone();
    // What it would read when it is asked to.
    let answer = move |_: &wiremock::Request| {
        ResponseTemplate::new(if fs::read_to_string(&at_request).unwrap() == "chat:7 new:null 1" {
            200
        } else {
            500
        })
    };
    Mock::given(path("/reload")).respond_with(answer).mount(&server).await;
    let operations = format!("{ADMIN}operations: {{ reload: {{ path: /reload }} }}\n");
    let target = world.start(&configured(&world, &listens_at(&server), &operations)).await.unwrap();
    let read = || fs::read_to_string(&own).unwrap();
    assert_eq!(read(), "chat:1 1");
    done(&target, RELOAD).await.unwrap();
    done(&target, "operate: restart").await.unwrap();
    assert_eq!(read(), "chat:7 new:null 1");
    // Without settings, those of the world are in force again.
    assert_eq!(done(&target, "operate: reload").await, Err("`/reload` answers with status 500".to_owned()));
    assert_eq!(read(), "chat:1 1");
    target.stop().await;
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

pub(crate) async fn a_reload_by_a_signal_is_told_to_each_instance_that_runs() {
    let mut world = World::new();
    world.topology = topology_of(&RELOADED.replace("router: {", "router: { instances: 2,"), "");
    let script =
        "trap 'echo has $(cat own)' USR1\necho listening on 127.0.0.1:1\nwhile :; do sleep 0.01; done\n";
    let profile = configured(&world, script, "operations: { reload: { signal: USR1 } }\n");
    let target = world.start(&profile).await.unwrap();
    done(&target, RELOAD).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        tokio::task::yield_now().await;
        told = world.lines().into_iter().filter(|line| line.starts_with("has")).collect();
    }
    told.sort();
    assert_eq!(told, ["has chat:7 new:null 1", "has chat:7 new:null 2"]);
    done(&target, "{ operate: kill, instance: 2 }").await.unwrap();
    assert_eq!(done(&target, RELOAD).await, Err("instance 2: it is not running".to_owned()));
    target.stop().await;
}

pub(crate) async fn a_reload_changes_nothing_that_only_a_start_can() {
    let mut world = World::new();
    world.topology = topology_of(RELOADED, "");
    let profile = configured(&world, PRINTS_PID, "operations: { reload: { signal: HUP } }\n");
    let target = world.start(&profile).await.unwrap();
    for (settings, name) in [
        ("instances: 2", "instances"),
        ("shared: true", "shared"),
        ("must_start: false", "must_start"),
        ("environment: { A: b }", "environment"),
    ] {
        let told = done(&target, &format!("operate: reload\nrouter: {{ {settings} }}")).await.unwrap_err();
        assert_eq!(told, format!("`router.{name}` cannot be another while the target runs: leave it out"));
    }
    assert_eq!(fs::read_to_string(world.folder.join("target/own")).unwrap(), "chat:1 1");
    target.stop().await;
    let target = world.start(&configured(&world, PRINTS_PID, "")).await.unwrap();
    let told = done(&target, RELOAD).await.unwrap_err();
    assert_eq!(told, "the profile of `script` says under `operations:` nothing of `reload`");
    target.stop().await;
}

pub(crate) async fn an_operation_that_takes_too_long_is_told() {
    let world = World::new();
    let script = "trap '' TERM\necho pid $$\necho listening on 127.0.0.1:1\nwhile :; do sleep 1000; done\n";
    let profile = world.script(script, LISTENING, "  stop: { within: 30s }\n");
    let target = world.start(&profile).await.unwrap();
    let told = done(&target, "{ operate: restart, within: 100ms }").await.unwrap_err();
    assert_eq!(told, "it took longer than 100ms");
    done(&target, "operate: kill").await.unwrap();
    target.stop().await;
}

pub(crate) async fn a_header_that_cannot_be_made_keeps_the_target_from_starting() {
    let mut world = World::new();
    world.topology = topology_of("upstreams: {}\ntenants: { acme: {} }", "");
    let more = "authorization: { header: authorization, value: \"{{ tenant_key | int }}\" }\n";
    let error = world.start(&world.script(PRINTS_PID, LISTENING, more)).await.err().unwrap();
    assert!(matches!(error, StartError::Template(_)), "{error}");
    assert!(!error.to_string().contains("sk-"), "{error}");
    assert_eq!(world.lines(), [""; 0]);
}
