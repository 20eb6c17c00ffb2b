//! What is outside of a run: real services where variables say that they are, a key for a real model, and how long to wait.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::upstreams::Served;
use crate::{OwnFolder, command, err, out};

const REAL: &str = "scenarios/state/real-services-do-a-task.yaml";
const WORLD: &str = "fixtures/worlds/project-services.yaml";
const VARIABLES: [&str; 3] = ["TASK_REGISTRY_URL", "REPO_POOL_URL", "ARTIFACT_STORE_URL"];

/// A run in an environment with these variables.
fn run(folder: &OwnFolder, what: &[&str], variables: &[(&str, &str)]) -> Output {
    let reports = folder.0.join("reports").display().to_string();
    let arguments = [&["run", "--seed", "7", "--reports", &reports], what].concat();
    command(&arguments).envs(variables.iter().copied()).output().expect("the command starts")
}

#[track_caller]
fn ends(output: &Output, code: i32, told: &[&str]) {
    let text = format!("{}{}", out(output), err(output));
    assert_eq!(output.status.code(), Some(code), "{text}");
    let bare = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in told {
        assert!(bare.contains(words), "no `{words}` in\n{text}");
    }
}

fn attempts(served: &Served) -> u64 {
    served.control("GET", "/journal").1["last"].as_u64().expect("a number")
}

/// An address at which nobody listens.
fn nobody() -> String {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    format!("http://{}", address.expect("a port"))
}

#[test]
fn real_services_are_met_where_their_variables_say_and_by_no_hermetic_scenario() {
    let folder = OwnFolder::new("real-services");
    let (meant, other) = (Served::of(WORLD, &[]), Served::of(WORLD, &[]));
    let urls = VARIABLES.map(|name| meant.variable(name));
    let mut variables = vec![("SKIP_INTEGRATION_TESTS", "false")];
    variables.extend(VARIABLES.into_iter().zip(urls.iter().map(String::as_str)));

    let hermetic = run(&folder, &["scenarios/state/steps-of-a-task.yaml"], &variables);
    ends(&hermetic, 0, &["1 pass"]);
    assert_eq!((attempts(&meant), attempts(&other)), (0, 0), "a hermetic scenario meets simulated services");

    let note = format!("the service `registry` is the one at {} (TASK_REGISTRY_URL)", urls[0]);
    ends(&run(&folder, &[REAL], &variables), 0, &["1 pass", &note]);
    for report in ["run.json", "junit.xml"] {
        assert!(folder.read(&format!("reports/{report}")).contains(&note), "{report}");
    }
    let journal = meant.control("GET", "/journal").1;
    let met: Vec<&str> = journal["attempts"]
        .as_array()
        .expect("attempts")
        .iter()
        .filter_map(|row| row["upstream"].as_str())
        .collect();
    assert!(["registry", "pool", "store"].iter().all(|name| met.contains(name)), "{met:?}");
    assert_eq!(attempts(&other), 0, "nobody goes where no variable leads");
}

#[test]
fn a_real_service_that_breaks_a_rule_is_told() {
    let folder = OwnFolder::new("real-defect");
    let world = folder.0.join("world.yaml");
    let worlds = format!("{}/fixtures/worlds", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(format!("{worlds}/project-services.yaml")).expect("a world");
    let text = text.replace("use: ", &format!("use: {worlds}/"));
    let text = text.replace("upstreams.store }", "upstreams.store, defects: [corrupts-text] }");
    let registry = "upstreams.registry }";
    let text = text.replace(registry, "upstreams.registry, defects: [accepts-illegal-steps] }");
    fs::write(&world, text).expect("a world");
    let served = Served::of(&world.display().to_string(), &[]);
    let urls = VARIABLES.map(|name| served.variable(name));
    let mut variables = vec![("SKIP_INTEGRATION_TESTS", "false")];
    variables.extend(VARIABLES.into_iter().zip(urls.iter().map(String::as_str)));
    ends(&run(&folder, &[REAL], &variables), 1, &["STA-001 (MUST)"]);
}

#[test]
fn a_service_that_is_down_fails_the_run_unless_that_is_excused() {
    let folder = OwnFolder::new("service-down");
    let url = nobody();
    let mut variables = vec![("SKIP_INTEGRATION_TESTS", "false"), ("HEALTH_TIMEOUT", "1")];
    variables.extend(VARIABLES.map(|name| (name, url.as_str())));
    let reason = format!("the service `registry` was not ready within 1s at {url}");
    let began = Instant::now();
    let down = run(&folder, &[REAL], &variables);
    assert!(began.elapsed() >= Duration::from_millis(800), "it is waited for");
    let told =
        ["1 blocked", &reason, "onnection refused", "TASK_REGISTRY_URL says where it is", "HEALTH_TIMEOUT"];
    ends(&down, 4, &told);
    assert!(folder.read("reports/junit.xml").contains("<error"));

    let excused = run(&folder, &[REAL, "--skip-unavailable"], &variables);
    ends(&excused, 0, &["1 gated", &reason, "1 ignored"]);
    let junit = folder.read("reports/junit.xml");
    assert!(junit.contains("<skipped") && junit.contains(&reason), "{junit}");
    assert!(folder.read("reports/run.json").contains(&reason));
    ends(&run(&folder, &[REAL, "--skip-unavailable", "--require", "integration"], &variables), 3, &[&reason]);
}

/// A service that is in trouble when it is first asked how it is, and well after so many questions; with what it was asked.
fn late_service(troubles: usize) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().take(100) {
            let Ok(mut stream) = stream else { return };
            let mut bytes = [0; 4_096];
            let count = stream.read(&mut bytes).unwrap_or(0);
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut asked = told.lock().expect("a lock");
            asked.push(path);
            let status = if asked.len() > troubles { "200 OK" } else { "503 Service Unavailable" };
            drop(asked);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    (url, asked)
}

/// Scenarios of stage integration that fetch something from a shop, each with a step for it.
fn shop_scenarios(folder: &OwnFolder, names: &[&str]) {
    let rules = "chapter: shop\nrules: { SHP-001: { level: MUST, since: '1.0', says: it answers } }\n";
    fs::write(folder.0.join("rules.yaml"), rules).expect("rules");
    for name in names {
        let text = format!(
            "title: {name}\nstage: integration\nworld:\n  upstreams: {{ shop: {{ dialect: http, url_from: SHOP_URL }} }}\n\
             requests:\n  fetch: {{ method: GET, path: /orders }}\ntraffic:\n  - {{ step: fetch, send: fetch, at: shop }}\n\
             witness: [{{ exchanges: {{ count: 1 }} }}]\n\
             expect: [{{ rule: SHP-001, say: it answers, exchanges: {{ every: {{ status: 200 }} }} }}]\n"
        );
        fs::write(folder.0.join(format!("{name}.yaml")), text).expect("a scenario");
    }
}

#[test]
fn a_service_is_waited_for_once_and_before_the_first_request() {
    let folder = OwnFolder::new("late-service");
    shop_scenarios(&folder, &["one", "another"]);
    let (url, asked) = late_service(3);
    let variables = [("SKIP_INTEGRATION_TESTS", "false"), ("SHOP_URL", url.as_str())];
    ends(&run(&folder, &[&folder.path()], &variables), 0, &["2 pass"]);
    let asked = asked.lock().expect("a lock").clone();
    assert_eq!(asked, ["/health", "/health", "/health", "/health", "/orders", "/orders"]);
}

#[test]
fn what_the_variables_say_is_refused_where_it_cannot_be_meant_and_unheeded_where_nobody_asks() {
    let folder = OwnFolder::new("variables");
    shop_scenarios(&folder, &["one"]);
    let (path, on) = (folder.path(), ("SKIP_INTEGRATION_TESTS", "false"));
    let dry = |more: &[&str], variables: &[(&str, &str)]| {
        run(&folder, &[&[&path, "--dry-run"], more].concat(), variables)
    };
    for (variables, code, told) in [
        (&[on, ("SHOP_URL", "localhost:80")][..], 2, "`SHOP_URL` is `localhost:80`: write `http://HOST`"),
        (&[on, ("SHOP_URL", "http://shop.example/v1")], 2, "`SHOP_URL` is `http://shop.example/v1`"),
        (&[on, ("SHOP_URL", "http://shop.example")], 2, "not on this machine = help: add `--allow-remote`"),
        (&[on, ("HEALTH_TIMEOUT", "soon")], 2, "`HEALTH_TIMEOUT` is `soon`: write how many seconds"),
        (&[on, ("HEALTH_TIMEOUT", "0")], 2, "`HEALTH_TIMEOUT` is `0`"),
        (&[on], 0, "SHOP_URL does not say where the service `shop` is"),
        (&[on, ("SHOP_URL", "")], 0, "SHOP_URL does not say where the service `shop` is"),
        (&[], 0, "set SKIP_INTEGRATION_TESTS=false to run it"),
        (&[on, ("SHOP_URL", "http://localhost"), ("HEALTH_TIMEOUT", "")], 0, "1 trial in all"),
    ] {
        ends(&dry(&[], variables), code, &[told]);
    }
    ends(&dry(&["--allow-remote"], &[on, ("SHOP_URL", "http://shop.example")]), 0, &["1 trial in all"]);
    // The services of the project have addresses of their own where nothing is said, and hermetic scenarios heed none.
    ends(&run(&folder, &[REAL, "--dry-run"], &[on]), 0, &["1 trial in all"]);
    let hermetic = "scenarios/state/steps-of-a-task.yaml";
    ends(
        &run(&folder, &[hermetic, "--dry-run"], &[("TASK_REGISTRY_URL", "nonsense")]),
        0,
        &["1 trial in all"],
    );
}

#[test]
fn a_target_may_take_as_long_as_the_health_timeout_says() {
    let folder = OwnFolder::new("health-timeout");
    let profile = folder.0.join("silent.yaml");
    let text = "target: silent\ndescribes: a target that is never ready\nstart:\n  \
                process: { command: [sleep, '600'] }\n  files: { c: c.j2 }\n  ready: { get: /health, within: 300s }\n\
                speaks: [openai]\nclaims: [key-pool, cooldown]\n";
    fs::write(&profile, text).expect("a profile");
    let template = "{{ port }}{% for u in upstreams %}{{ u.base_url }}{% for k in u.keys %}{{ k.secret }}{% endfor %}{% endfor %}\
                    {% for m in models %}{{ m.pool }}{% endfor %}";
    fs::write(folder.0.join("c.j2"), template).expect("a template");
    let target = profile.display().to_string();
    let what = [crate::ROTATION, "--target", &target];
    let ran = run(&folder, &what, &[("HEALTH_TIMEOUT", "1")]);
    let note = "a target or a service may take 1s to be ready (HEALTH_TIMEOUT)";
    ends(&ran, 4, &["status 200 at `/health` was not seen within 1s", note]);
    assert!(folder.read("reports/junit.xml").contains(note));
}

#[test]
fn a_router_url_that_nothing_makes_use_of_is_told() {
    let folder = OwnFolder::new("router-url");
    let ran = run(&folder, &[crate::ROTATION], &[("ROUTER_URL", "http://localhost:4000")]);
    ends(&ran, 0, &["ROUTER_URL is set, and the profile makes no use of it", "target router"]);
}
