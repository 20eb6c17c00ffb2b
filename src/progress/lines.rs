//! A plain line on standard error now and then, for logs of machines that show no bars.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::progress::course::{Course, Shown};
use crate::terminal::tell;

/// Whoever waits shorter than this does not wonder.
const EVERY: Duration = Duration::from_secs(10);
/// More trials than this are not told one by one.
const MOST: usize = 3;

/// Tells lines until it is dropped.
pub(crate) struct Lines {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    pub(crate) fn start(course: Arc<Course>) -> std::io::Result<Self> {
        let (over, ended) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                tell(&line(&course));
            }
        })?;
        Ok(Self { over: Some(over), thread: Some(thread) })
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            // It only writes, and has nobody to tell if that breaks.
            drop(thread.join());
        }
    }
}

/// `12 of 40 trials, 3 running, 42s: a  storm  412/s; b; c; and 2 more`.
fn line(course: &Course) -> String {
    let shown = course.shown(Instant::now());
    let mut told: Vec<String> = shown.iter().take(MOST).map(Shown::line).collect();
    if shown.len() > MOST {
        told.push(format!("and {} more", shown.len() - MOST));
    }
    let running = if told.is_empty() { String::new() } else { format!(": {}", told.join("; ")) };
    format!("{}{running}\n", course.headline())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_whole_and_the_first_few() {
        let names = ["a", "b", "c", "d", "e"].map(|name| (name.to_owned(), Duration::ZERO));
        let course = Arc::new(Course::new(names.into()));
        assert_eq!(line(&course), "0 of 5 trials, 0 running, 0s\n");
        let _running: Vec<_> = ["a", "b", "c", "d"].iter().map(|name| course.begin(name)).collect();
        assert_eq!(line(&course), "0 of 5 trials, 4 running, 0s: a; b; c; and 1 more\n");
    }
}
