//! Whose turn it is: a trial that is run again waits until every other one was run for the first time.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The trials of a run as they come and go, on so many threads.
#[derive(Debug)]
pub(crate) struct Turns {
    threads: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// How many were not begun yet.
    to_come: usize,
    /// How many are run for the first time.
    running: usize,
    /// How many wait to be run again, each on a thread.
    waiting: usize,
}

/// A trial from its beginning on. It is over when this is dropped, also where the trial broke.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    /// Whether it still is run for the first time.
    first: bool,
}

impl Turns {
    /// Of so many trials on so many threads.
    pub(crate) fn of(trials: usize, threads: usize) -> Self {
        let state = State { to_come: trials, running: 0, waiting: 0 };
        Self { threads, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Begins a trial.
    pub(crate) fn begin(&self) -> Turn<'_> {
        let mut state = self.state();
        state.to_come = state.to_come.saturating_sub(1);
        state.running += 1;
        Turn { turns: self, first: true }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Waits until no other trial is run for the first time, and none can be: all were, or every thread has one that waits.
    pub(crate) fn wait_for_the_others(&mut self) {
        if !self.first {
            return;
        }
        self.first = false;
        let Turns { threads, changed, .. } = self.turns;
        let mut state = self.turns.state();
        state.running -= 1;
        state.waiting += 1;
        changed.notify_all();
        let others = |state: &mut State| state.running > 0 || state.to_come > 0 && state.waiting < *threads;
        let mut state = changed.wait_while(state, others).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.first {
            self.turns.state().running -= 1;
            self.turns.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::thread;

    use super::*;

    /// Runs trials, each on a thread of its own, as long as threads last: whether it is run again, and the order in which they are
    /// over. A trial that is not run again ends when it is told to.
    struct Trial {
        name: &'static str,
        again: bool,
        go_on: Receiver<()>,
    }

    fn trial(name: &'static str, again: bool) -> (Trial, Sender<()>) {
        let (tell, go_on) = mpsc::channel();
        (Trial { name, again, go_on }, tell)
    }

    fn run(trials: Vec<Trial>, threads: usize) -> Receiver<&'static str> {
        let turns = Turns::of(trials.len(), threads);
        let (over, told) = mpsc::channel();
        thread::spawn(move || {
            let trials = Mutex::new(trials.into_iter());
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        while let Some(trial) = { trials.lock().unwrap().next() } {
                            let mut turn = turns.begin();
                            trial.go_on.recv().unwrap();
                            if trial.again {
                                over.send("waits").unwrap();
                                turn.wait_for_the_others();
                            }
                            over.send(trial.name).unwrap();
                        }
                    });
                }
            });
        });
        told
    }

    #[test]
    fn what_is_run_again_comes_when_all_others_were_run() {
        let ((again, end_again), (slow, end_slow), (late, end_late)) =
            (trial("again", true), trial("slow", false), trial("late", false));
        let told = run(vec![again, slow, late], 2);
        end_again.send(()).unwrap();
        assert_eq!(told.recv(), Ok("waits"));
        end_slow.send(()).unwrap();
        assert_eq!(
            told.recv(),
            Ok("slow"),
            "one that is over does not end the waiting while another is to come"
        );
        end_late.send(()).unwrap();
        assert_eq!([told.recv(), told.recv()], [Ok("late"), Ok("again")]);
    }

    #[test]
    fn where_all_threads_wait_one_of_them_goes_on_so_that_the_others_come_to_their_turn() {
        for threads in [1, 2] {
            let (trials, ends): (Vec<_>, Vec<_>) =
                (0..threads).map(|_| trial("again", true)).chain([trial("late", false)]).unzip();
            let told = run(trials, threads);
            ends.iter().for_each(|end| end.send(()).unwrap());
            let mut order: Vec<&str> = told.iter().collect();
            assert_eq!(order.iter().filter(|name| **name == "waits").count(), threads);
            order.retain(|name| *name != "waits");
            assert_eq!(order.len(), threads + 1, "{order:?}");
            assert_eq!(order[0], "again", "{order:?}");
        }
    }

    #[test]
    fn a_trial_that_breaks_keeps_nobody_waiting() {
        let turns = Turns::of(2, 2);
        let mut again = turns.begin();
        let broken = thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _turn = turns.begin();
                    panic!("it breaks");
                })
                .join()
        });
        assert!(broken.is_err());
        again.wait_for_the_others();
    }
}
