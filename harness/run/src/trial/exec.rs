//! Running a program in a fresh folder with an emptied environment: what it printed, how it ended, what it left behind.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Component, Path};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use record::{Entry, FileSeen, NameId, Ran};
use rustix::process::{Pid, Signal, kill_process_group};
use scenario::{Exec, Values};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::trial::conduct::Seen;
use crate::trial::left_files::left_files;
use crate::trial::requests::{CannotMake, fill};

/// Of what a program prints no more than this is kept, on each of its outputs.
const KEPT: usize = 64 * 1024;
/// How long the outputs of a program that has ended may stay open.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a program could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotRun {
    #[error("`{program}` cannot be started: {error}")]
    Start { program: String, error: io::Error },
    #[error("the folder of `{name}` cannot be used: {error}")]
    Folder { name: String, error: io::Error },
    #[error("`{0}` is not below the program's folder")]
    Outside(String),
    #[error(transparent)]
    Value(#[from] CannotMake),
}

/// Runs a program in `folder`, which is its own, and tells what came of it.
pub(crate) async fn exec(
    exec: &Exec,
    traffic: NameId,
    folder: &Path,
    values: &Values,
    seen: &Seen,
) -> Result<(), CannotRun> {
    let unusable = |error| CannotRun::Folder { name: exec.name.value.clone(), error };
    put_files(exec, folder, values)?;
    let began = Instant::now();
    let mut running = Running::start(exec, folder, values)?;
    let status = match tokio::time::timeout(exec.within, running.child.wait()).await {
        Ok(status) => Some(status.map_err(unusable)?),
        Err(_) => None,
    };
    let took = began.elapsed();
    let mut output = running.end().await;
    if status.is_none() {
        output.push_str(&format!("(it did not end within {})", scenario::show_duration(exec.within)));
    }
    seen.tell(Entry::Ran(Ran {
        traffic,
        at: seen.clock.now(),
        took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        code: status.and_then(|status| status.code()),
        // What was ended because it took too long was killed.
        signal: status.map_or(Some(Signal::KILL.as_raw()), |status| status.signal()),
        output,
    }));
    for (path, size, text) in left_files(folder).map_err(unusable)? {
        seen.tell(Entry::File(FileSeen { traffic, at: seen.clock.now(), path, size, text }));
    }
    Ok(())
}

/// A program that runs. Dropped, it ends with all that it started.
struct Running {
    child: Child,
    group: Option<Pid>,
    printed: [Printed; 2],
}

/// What a program has printed on one of its outputs, read by a task of its own.
struct Printed {
    kept: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(exec: &Exec, folder: &Path, values: &Values) -> Result<Self, CannotRun> {
        let mut words = exec.command.iter().map(|word| fill(word, values));
        let program = words.next().transpose()?.unwrap_or_default();
        let arguments = words.collect::<Result<Vec<_>, _>>()?;
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(folder).env_clear().process_group(0);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder);
        for (name, value) in &exec.env.0 {
            command.env(&name.value, fill(value, values)?);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| CannotRun::Start { program, error })?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let printed = [Printed::of(child.stdout.take()), Printed::of(child.stderr.take())];
        Ok(Self { child, group, printed })
    }

    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // Nothing is left to end where all of them are gone already.
            let _: Result<(), rustix::io::Errno> = kill_process_group(group, Signal::KILL);
        }
    }

    /// Ends what is left of it, and tells what it printed.
    async fn end(mut self) -> String {
        self.kill();
        // With the last of its processes, the outputs are closed; what left its group may hold them open.
        let mut output = String::new();
        for printed in &mut self.printed {
            drop(tokio::time::timeout(FAREWELL, &mut printed.task).await);
            output.push_str(&String::from_utf8_lossy(
                &printed.kept.lock().unwrap_or_else(PoisonError::into_inner),
            ));
        }
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        self.printed.iter().for_each(|printed| printed.task.abort());
    }
}

impl Printed {
    /// Reads to the end and keeps the beginning: a program that prints without end must not fill the memory.
    fn of(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let kept = Arc::clone(&kept);
            async move {
                let (Some(mut stream), mut part) = (stream, vec![0; 8 * 1024]) else { return };
                while let Ok(length @ 1..) = stream.read(&mut part).await {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = KEPT.saturating_sub(kept.len());
                    kept.extend_from_slice(&part[..length.min(room)]);
                }
            }
        });
        Self { kept, task }
    }
}

fn put_files(exec: &Exec, folder: &Path, values: &Values) -> Result<(), CannotRun> {
    let unusable = |error| CannotRun::Folder { name: exec.name.value.clone(), error };
    for (name, text) in &exec.files.0 {
        let below = Path::new(&name.value).components().all(|part| matches!(part, Component::Normal(_)));
        if !below || name.value.is_empty() {
            return Err(CannotRun::Outside(name.value.clone()));
        }
        let path = folder.join(&name.value);
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(unusable)?;
        std::fs::write(path, fill(text, values)?).map_err(unusable)?;
    }
    Ok(())
}

/// How long programs, waits and operations may take in all, for the plan of a trial's time.
pub(crate) fn waits(scenario: &scenario::Scenario) -> Duration {
    let within = scenario.traffic.iter().map(|entry| match entry {
        scenario::Traffic::Exec(exec) => exec.within,
        scenario::Traffic::WaitUntil(wait) => wait.within,
        scenario::Traffic::Operate(operate) => operate.within,
        _ => Duration::ZERO,
    });
    within.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::suite_of;
    use record::{Clock, Fact, NameTable, fact_channel};

    /// Runs a program of a scenario, and returns how it ended and what it left.
    async fn ran(lines: &str) -> (Ran, Vec<FileSeen>) {
        let suite = suite_of(&format!("  - {{ step: s, send: ask }}\n  - exec: it\n{lines}"));
        let scenario = &suite.scenarios[0].cases[0].scenario;
        let scenario::Traffic::Exec(program) = &scenario.traffic[1] else { panic!("a program") };
        let (facts, received) = fact_channel();
        let seen = Seen { clock: Clock::start(), names: NameTable::new(facts.clone()), facts };
        let scratch = crate::scratch::Scratch::new(crate::scratch::fresh_mark()).unwrap();
        let traffic = seen.names.id("it");
        exec(program, traffic, scratch.path(), &Values::default(), &seen).await.unwrap();
        drop(seen);
        let entries = received.iter().filter_map(|fact| match fact {
            Fact::Entry(entry) => Some(*entry),
            Fact::Exchange(_) | Fact::Attempt(_) => None,
        });
        let (mut ran, mut files) = (None, Vec::new());
        for entry in entries {
            match entry {
                Entry::Ran(it) => ran = Some(it),
                Entry::File(file) => files.push(file),
                _ => {}
            }
        }
        (ran.unwrap(), files)
    }

    #[tokio::test]
    async fn what_a_program_prints_and_leaves_and_how_it_ends_is_told() {
        let (ran, files) = ran(
            "    command: [sh, -c, 'cat in/a.txt; echo and >&2; echo more > out.txt; printf \"\\377\" > raw; env; exit 3']\n    \
             files: { in/a.txt: hello }\n    env: { WORD: set }",
        )
        .await;
        assert_eq!((ran.code, ran.signal), (Some(3), None));
        let lines: Vec<&str> = ran.output.lines().collect();
        assert!(lines[0].starts_with("hello"), "{lines:?}");
        assert!(lines.contains(&"and") && lines.contains(&"WORD=set"), "{lines:?}");
        assert!(!ran.output.contains("CARGO"), "{lines:?}");
        let seen: Vec<_> =
            files.iter().map(|file| (file.path.as_str(), file.size, file.text.as_deref())).collect();
        assert_eq!(seen, [("in/a.txt", 5, Some("hello")), ("out.txt", 5, Some("more\n")), ("raw", 1, None)]);
    }

    #[tokio::test]
    async fn a_program_that_takes_too_long_is_ended_with_all_that_it_started() {
        let began = Instant::now();
        let (ran, _) =
            ran("    command: [sh, -c, 'echo begun; sleep 600 & sleep 600']\n    within: 200ms").await;
        assert_eq!((ran.code, ran.signal), (None, Some(9)));
        assert_eq!(ran.output, "begun\n(it did not end within 200ms)");
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn what_a_program_leaves_running_is_ended_and_keeps_nobody_waiting() {
        let began = Instant::now();
        let (ran, _) = ran("    command: [sh, -c, 'sleep 600 & echo done']").await;
        assert_eq!((ran.code, ran.output.as_str()), (Some(0), "done\n"));
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }
}
