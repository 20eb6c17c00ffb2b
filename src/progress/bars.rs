//! Bars on a terminal: one for the whole, and a line for each trial that runs.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::progress::course::Course;
use crate::progress::forward::Forwarded;

/// Slow enough to be read, fast enough to be seen to move.
const EVERY: Duration = Duration::from_millis(200);

/// Draws bars until it is dropped, and then leaves no trace of them.
pub(crate) struct Bars {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Ends behind the bars, so that what is written last stands on a line of its own.
    forwarded: Option<Forwarded>,
    multi: MultiProgress,
}

impl Bars {
    /// Bars on a screen of so many rows.
    pub(crate) fn start(course: Arc<Course>, rows: usize) -> std::io::Result<Self> {
        let multi = MultiProgress::new();
        let forwarded = Forwarded::start(multi.clone())?;
        let (over, ended) = mpsc::channel::<()>();
        let drawn = multi.clone();
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(move || {
            let mut picture = Picture::new(drawn, &course, rows);
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                picture.draw(&course);
            }
        })?;
        Ok(Self { over: Some(over), thread: Some(thread), forwarded, multi })
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            // It only draws, and has nobody to tell if that breaks.
            drop(thread.join());
        }
        // A terminal that has gone away needs no clearing.
        drop(self.multi.clear());
        drop(self.forwarded.take());
    }
}

struct Picture {
    multi: MultiProgress,
    whole: ProgressBar,
    trials: Vec<ProgressBar>,
    most: usize,
}

impl Picture {
    fn new(multi: MultiProgress, course: &Course, rows: usize) -> Self {
        let (_, all) = course.done();
        let whole = multi.add(ProgressBar::new(all as u64));
        whole.set_style(style("{bar:24} {wide_msg}"));
        // What was printed should stay in sight.
        Self { multi, whole, trials: Vec::new(), most: (rows / 3).clamp(1, 8) }
    }

    fn draw(&mut self, course: &Course) {
        let shown = course.shown(Instant::now());
        let more = shown.len().saturating_sub(self.most);
        let more = if more == 0 { String::new() } else { format!(", {more} of them not shown") };
        self.whole.set_position(course.done().0 as u64);
        self.whole.set_message(format!("{}{more}", course.headline()));
        let lines = shown.iter().take(self.most);
        for (nth, shown) in lines.clone().enumerate() {
            if self.trials.len() == nth {
                let line = self.multi.add(ProgressBar::new_spinner());
                line.set_style(style("  {wide_msg}"));
                self.trials.push(line);
            }
            self.trials[nth].set_message(shown.line());
            self.trials[nth].tick();
        }
        for gone in self.trials.drain(lines.len()..) {
            self.multi.remove(&gone);
        }
        self.whole.tick();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is one of ours").progress_chars("━╸ ")
}
