//! Playing a script with the Python that has the official libraries.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// The variable that names the Python.
const PYTHON: &str = "STORMPROOF_SDK_PYTHON";

/// No script takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// What plays a script, from the root of the repository.
const PLAYER: &str = "harness/upstream/tests/sdk/run.py";

/// Plays a script, named from the root of the repository, which reads from its input where everything is that it asks. It must
/// come to its end with every check held, and with one at least.
pub(crate) async fn play(script: &str, doors: String) {
    let python = std::env::var_os(PYTHON).unwrap_or_else(|| {
        panic!("{PYTHON} does not name the Python that has the libraries: run .ci/sdk, which sets it")
    });
    let root = root();
    // Nothing of the machine's own environment: neither its keys nor its proxies are meant here.
    let mut running = Command::new(python)
        .args(["-I", "-B"])
        .arg(root.join(PLAYER))
        .arg(root.join(script))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the Python that STORMPROOF_SDK_PYTHON names does not start");
    let mut input = running.stdin.take().expect("the input is a pipe");
    input.write_all(doors.as_bytes()).await.expect("the script did not read where everything is");
    drop(input);
    let ended = timeout(PATIENCE, running.wait_with_output()).await;
    let ended = ended.unwrap_or_else(|_| panic!("{script} took longer than {PATIENCE:?}")).unwrap();
    let (told, errors) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{script}: {}\n{told}\n{errors}", ended.status);
    let held: usize = told.lines().filter(|line| line.starts_with("held: ")).count();
    println!("{told}");
    assert!(held > 0, "{script} checked nothing:\n{told}\n{errors}");
}

fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = package.ancestors().find(|folder| folder.join(PLAYER).is_file());
    found.unwrap_or_else(|| panic!("{PLAYER} is nowhere above {}", package.display())).to_owned()
}
