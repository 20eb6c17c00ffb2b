//! A process with everything that it starts: signalled only while it is surely itself, killed as a whole, always reaped.

use std::future::Future;
use std::io;
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tokio::sync::watch;

/// The leader of a process group, with the group. Dropping it kills all of it.
#[derive(Debug)]
pub(super) struct Group {
    leader: Arc<Leader>,
    output: Mutex<Output>,
    /// Holds something once the leader has ended and is reaped: its status, if the system told it.
    ended: watch::Receiver<Option<Option<ExitStatus>>>,
}

/// The two ends of what a process prints.
pub(super) type Output = (Option<ChildStdout>, Option<ChildStderr>);

#[derive(Debug)]
struct Leader {
    pid: Pid,
    /// The number belongs to the process, and names its group, only until it is reaped.
    reaped: Mutex<bool>,
}

impl Group {
    /// The group of a child that was started as the leader of one. A thread waits for its end.
    pub(super) fn of(mut child: Child) -> io::Result<Self> {
        let output = (child.stdout.take(), child.stderr.take());
        let leader = Arc::new(Leader { pid: Pid::from_child(&child), reaped: Mutex::new(false) });
        let (tell, ended) = watch::channel(None);
        let group = Self { leader: Arc::clone(&leader), output: Mutex::new(output), ended };
        // If there is no thread to be had, dropping the group kills it.
        thread::Builder::new().name("waiter".to_owned()).spawn(move || {
            let status = leader.wait(child);
            tell.send_replace(Some(status));
        })?;
        Ok(group)
    }

    /// The leader's number.
    pub(super) fn id(&self) -> u32 {
        self.leader.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// The leader's output, once.
    pub(super) fn output(&self) -> Output {
        std::mem::take(&mut self.output.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the leader has ended, its group was killed, and it is reaped.
    pub(super) fn ended(&self) -> impl Future<Output = Option<ExitStatus>> + Send + use<> {
        let mut ended = self.ended.clone();
        // The thread that tells it cannot go away before it has.
        async move { ended.wait_for(Option::is_some).await.ok().and_then(|status| (*status).flatten()) }
    }

    /// Sends the leader a signal, if it is still there.
    pub(super) fn ask(&self, signal: Signal) {
        let reaped = self.leader.reaped();
        if !*reaped {
            // It may have ended in the meantime, which is what was wanted.
            let _ = kill_process(self.leader.pid, signal);
        }
    }

    /// Sends all of it a signal, if the leader is still there.
    pub(super) fn signal_all(&self, signal: Signal) {
        let reaped = self.leader.reaped();
        if !*reaped {
            // Fails only if nobody is left.
            let _ = kill_process_group(self.leader.pid, signal);
        }
    }

    /// Kills all of it, if the leader is still there.
    pub(super) fn kill(&self) {
        let reaped = self.leader.reaped();
        if !*reaped {
            self.leader.kill_group();
        }
    }
}

impl Leader {
    /// Waits until the process has ended, kills what it has left behind, and only then gives its number back.
    fn wait(&self, mut child: Child) -> Option<ExitStatus> {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(self.pid), ended).is_err_and(|error| error == Errno::INTR) {}
        let mut reaped = self.reaped();
        self.kill_group();
        let status = child.wait().ok();
        *reaped = true;
        status
    }

    fn kill_group(&self) {
        // Fails only if nobody is left.
        let _ = kill_process_group(self.pid, Signal::KILL);
    }

    fn reaped(&self) -> MutexGuard<'_, bool> {
        self.reaped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
