//! The page on a target of one's own is followed to the letter, in a folder that has nothing but a router: files are written as they stand on
//! the page, commands run in their order, and what the page shows of their output is what they print. Only ports are other ones.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::{path, text};

const PAGE: &str = "docs/targets.md";
/// The ports of the page: of the router, and the first and the last of the simulated providers.
const ROUTER: &str = "4000";
const PROVIDERS: (u16, u16) = (9100, 9119);

/// A block of the page: its kind, and what is in it.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, from)) = rest.split_once("```") {
        let (inside, after) = from.split_once("```").expect("the end of a block");
        blocks.push(inside.split_once('\n').expect("a block says its kind"));
        rest = after;
    }
    blocks
}

/// A file of the page, by its first line.
fn file_of(block: &str) -> &str {
    let first = block.lines().next().unwrap_or_default();
    let name = first.trim_start_matches(['#', '{', ' ']).trim_end_matches(['-', '#', '}', ' ']);
    name.strip_prefix("file ")
        .unwrap_or_else(|| panic!("{PAGE}: a block does not say which file it is: {first}"))
}

/// The page with ports that were free a moment ago.
fn with_free_ports(page: &str) -> String {
    let router = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    let many = PROVIDERS.1 - PROVIDERS.0;
    let first = (0..100).find_map(|_| {
        let first = TcpListener::bind("127.0.0.1:0").ok()?;
        let last = port(&first).checked_add(many)?;
        let others: Option<Vec<TcpListener>> =
            (port(&first) + 1..=last).map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).collect();
        others.map(|_| port(&first))
    });
    let first = first.expect("ports in a row");
    page.replace(ROUTER, &port(&router).to_string())
        .replace(&format!("{}-{}", PROVIDERS.0, PROVIDERS.1), &format!("{first}-{}", first + many))
}

/// A folder of its own with a router in it.
struct Ground(PathBuf);

impl Ground {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("targets-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(folder.join("router")).expect("a folder");
        for file in fs::read_dir(path("fixtures/targets/plain")).expect("the router").flatten() {
            if file.file_name().to_string_lossy().ends_with(".py") {
                fs::copy(file.path(), folder.join("router").join(file.file_name())).expect("a copy");
            }
        }
        Self(folder)
    }

    /// Runs commands as a shell does that ends with the first one that fails, and gives what they print.
    fn run(&self, commands: &str) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_stormproof"));
        let folders = std::env::var("PATH").unwrap_or_default();
        let folders = format!("{}:{folders}", program.parent().expect("its folder").display());
        let log = self.0.join("printed.txt");
        let file = File::create(&log).expect("a file");
        let mut shell = Command::new("sh");
        shell.args(["-euc", commands]).current_dir(&self.0).env("PATH", folders).stdin(Stdio::null());
        shell.stdout(file.try_clone().expect("the file")).stderr(file).process_group(0);
        let status = ended_with_its_group(shell.spawn().expect("a shell"));
        let printed = fs::read_to_string(log).expect("what it printed");
        assert!(status.success(), "{PAGE}: {commands}\n{printed}");
        printed
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Waits for the end of a shell, and ends what it left running in the background. Until it is waited for to the last, its number is nobody
/// else's.
fn ended_with_its_group(mut shell: Child) -> ExitStatus {
    let number = i32::try_from(shell.id()).expect("the number of a process");
    let group = Pid::from_raw(number).expect("the number of a process");
    let ended = waitid(WaitId::Pid(group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    ended.expect("the end of the shell");
    kill_process_group(group, Signal::KILL).expect("its group");
    shell.wait().expect("the end of the shell")
}

#[test]
fn whoever_follows_the_page_on_targets_comes_to_its_end() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("passed over: `python3` is not on this machine");
        return;
    }
    let (page, ground) = (with_free_ports(&text(PAGE)), Ground::new());
    let (mut commands, mut printed) = (0, String::new());
    for (kind, block) in blocks(&page) {
        match kind {
            "console" => {
                printed = ground.run(block);
                commands += 1;
            }
            "yaml" | "jinja" => {
                fs::write(ground.0.join(file_of(block)), block).expect("a file of the page");
            }
            "text" => {
                for line in block.lines() {
                    assert!(printed.contains(line), "{PAGE} shows `{line}`, and this is printed:\n{printed}");
                }
            }
            other => panic!("{PAGE}: nobody knows what to do with a block of `{other}`"),
        }
    }
    assert!(commands >= 8, "only {commands} blocks of commands were found");
}
