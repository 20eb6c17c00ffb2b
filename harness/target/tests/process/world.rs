//! A world for one test: a folder, a profile whose target is a shell script, and what the target prints.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use annotate_snippets::Renderer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use scenario::{Dialect, Document, Protocol, Read};
use stormproof_target::{
    Key, Profile, RunningTarget, StartError, StartOptions, Started, Topology, UpstreamAddress,
};

pub(crate) struct World {
    pub(crate) folder: PathBuf,
    pub(crate) topology: Topology,
    lines: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("stormproof-process-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder, topology: topology("http://127.0.0.1:9/v1"), lines: Arc::default() }
    }

    /// A profile whose target is a script. `more` are further lines of it.
    pub(crate) fn script(&self, script: &str, ready: &str, more: &str) -> PathBuf {
        fs::write(self.folder.join("script.sh"), script).unwrap();
        let command = "[sh, \"{{ profile_dir }}/script.sh\"]";
        let start = format!("start:\n  process: {{ command: {command} }}\n  ready: {ready}\n");
        self.profile(&format!("{start}{more}"))
    }

    /// A profile with this start.
    pub(crate) fn profile(&self, start: &str) -> PathBuf {
        let path = self.folder.join("profile.yaml");
        fs::write(&path, format!("target: script\ndescribes: A script\nspeaks: [openai]\n{start}")).unwrap();
        path
    }

    pub(crate) async fn start(&self, profile: &Path) -> Result<RunningTarget, StartError> {
        self.start_with(profile, None).await
    }

    pub(crate) async fn start_with(
        &self,
        profile: &Path,
        defect: Option<&str>,
    ) -> Result<RunningTarget, StartError> {
        RunningTarget::start(&read(profile), &self.topology, self.options(defect)).await
    }

    pub(crate) async fn try_to_start(&self, profile: &Path) -> Result<Started, StartError> {
        RunningTarget::try_to_start(&read(profile), &self.topology, self.options(None)).await
    }

    fn options(&self, defect: Option<&str>) -> StartOptions {
        let lines = Arc::clone(&self.lines);
        StartOptions {
            stormproof: this_program(),
            abroad: None,
            defect: defect.map(str::to_owned),
            log: Arc::new(move |line: &str| lines.lock().unwrap().push(line.to_owned())),
            folder: self.folder.join("target"),
        }
    }

    /// Every line that the target printed so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The number behind a word in what the target printed.
    pub(crate) fn number(&self, word: &str) -> i32 {
        let lines = self.lines();
        let found = lines.iter().find_map(|line| line.strip_prefix(word)?.trim().parse().ok());
        found.unwrap_or_else(|| panic!("no `{word}` in {lines:?}"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A child that is just being killed may still hold a file; the folder is below the temporary ones anyway.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn read(profile: &Path) -> Profile {
    Profile::read(profile).unwrap_or_else(|error| panic!("{}", error.draw(&Renderer::plain())))
}

pub(crate) fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

const SMALL_WORLD: &str = "\
upstreams: { openai: { dialect: openai, keys: [first, second] } }
router: { models: { chat: { pool: openai, model: gpt-4o-mini, timeout: 30s } } }
";

/// The secret of the operator.
pub(crate) const ADMIN: &str = "sk-storm-admin-0123456789";

/// A world with one upstream of two keys and one model.
pub(crate) fn topology(base_url: &str) -> Topology {
    topology_of(SMALL_WORLD, base_url)
}

/// What stands behind a target in a world, whose upstreams all listen at one address. The secret of each key and tenant
/// holds its label.
pub(crate) fn topology_of(world: &str, base_url: &str) -> Topology {
    let world = world_of(world);
    let key = |label: &str| Key {
        label: label.to_owned(),
        secret: format!("sk-storm-{label}-0123456789"),
        fingerprint: format!("fp-{label}"),
    };
    let upstreams = world.upstreams.0.iter().map(|(name, upstream)| UpstreamAddress {
        name: name.value.clone(),
        protocol: Protocol::Llm(Dialect::Openai),
        base_url: base_url.to_owned(),
        keys: upstream.keys.labels().map(key).collect(),
        key_urls: Vec::new(),
    });
    Topology::of(&world, upstreams.collect(), world.tenants.names().map(key).collect(), ADMIN)
}

/// A world as it stands in a scenario.
pub(crate) fn world_of(text: &str) -> scenario::World {
    read_from(text)
}

/// An operation as it stands in a scenario.
pub(crate) fn operation(text: &str) -> scenario::Operate {
    read_from(text)
}

fn read_from<T: Read>(text: &str) -> T {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("stormproof-read-{}-{number}.yaml", std::process::id()));
    fs::write(&path, text).unwrap();
    let document = Document::read(&path);
    fs::remove_file(&path).unwrap();
    let document = document.unwrap_or_else(|error| panic!("{}", error.draw(&Renderer::plain())));
    let mut problems = Vec::new();
    let read = T::read(&document.root, &mut problems);
    read.unwrap_or_else(|| panic!("{}", document.sources.draw(&problems, &Renderer::plain())))
}

/// Waits until a process has ended, whoever's child it is.
pub(crate) async fn is_gone(pid: i32) {
    let gone = tokio::task::spawn_blocking(move || {
        let Ok(process) = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) else { return true };
        let patience = Timespec { tv_sec: 20, tv_nsec: 0 };
        poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience)).unwrap() == 1
    });
    assert!(gone.await.unwrap(), "process {pid} is still there");
}
