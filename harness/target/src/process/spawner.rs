//! The one thread that starts processes: it lasts as long as the harness, so the kernel's death signal means the harness.

use std::io;
use std::process::Command;
use std::sync::{LazyLock, mpsc};
use std::thread;

use tokio::sync::oneshot;

use crate::process::group::Group;

struct Job {
    command: Command,
    reply: oneshot::Sender<io::Result<Group>>,
}

static SPAWNER: LazyLock<io::Result<mpsc::Sender<Job>>> = LazyLock::new(|| {
    let (jobs, queue) = mpsc::channel::<Job>();
    thread::Builder::new().name("spawner".to_owned()).spawn(move || {
        for mut job in queue {
            let group = job.command.spawn().and_then(Group::of);
            // A caller that has left drops the group, which kills it.
            drop(job.reply.send(group));
        }
    })?;
    Ok(jobs)
});

/// Starts a process from the thread that outlives it.
pub(super) async fn spawn(command: Command) -> io::Result<Group> {
    let jobs = SPAWNER.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let (reply, group) = oneshot::channel();
    let gone = || io::Error::other("the thread that starts processes has ended");
    jobs.send(Job { command, reply }).map_err(|_| gone())?;
    group.await.map_err(|_| gone())?
}
