//! What people see while a run goes on: bars on a terminal, a plain line now and then elsewhere, and nothing where a program reads.

mod bars;
mod course;
mod forward;
mod lines;

use std::sync::Arc;

use record::TrialRecord;
use run::{Ended, Estimate, ScenarioPlan, WatcherMaker, is_ok};
use scenario::Suite;

use crate::args::{Format, RunArgs};
use crate::terminal::screen;

use bars::Bars;
use course::Course;
use lines::Lines;

/// Shows how far a run is, until it is dropped.
pub(crate) struct Progress {
    course: Arc<Course>,
    /// Held so that it ends with this.
    _display: Display,
}

enum Display {
    Nothing,
    Bars { _bars: Bars },
    Lines { _lines: Lines },
}

impl Progress {
    /// Begins to show how far a run of these trials is, in the way that suits whoever looks on.
    pub(crate) fn start(args: &RunArgs, suite: &Suite, trials: &[ScenarioPlan]) -> std::io::Result<Self> {
        let planned = trials.iter().filter(|trial| trial.ignored.is_none());
        let planned = planned.map(|trial| {
            let estimate = Estimate::of(&trial.case(suite).scenario);
            (trial.name.clone(), estimate.lasts)
        });
        let course = Arc::new(Course::new(planned.collect()));
        // Lines that tell each fact would only be torn apart.
        let told = args.verbose || args.follow || args.libtest.quiet;
        let display = match screen() {
            _ if told || args.libtest.format == Some(Format::Json) => Display::Nothing,
            Some((_, rows)) => Display::Bars { _bars: Bars::start(Arc::clone(&course), rows)? },
            None => Display::Lines { _lines: Lines::start(Arc::clone(&course))? },
        };
        Ok(Self { course, _display: display })
    }

    /// What watches the facts of trials for it; none where nothing is shown.
    pub(crate) fn watch(&self) -> Option<WatcherMaker> {
        if matches!(self._display, Display::Nothing) {
            return None;
        }
        let course = Arc::clone(&self.course);
        Some(Box::new(move |trial| {
            let mut watched = course.begin(trial);
            Box::new(move |fact| watched.note(fact))
        }))
    }

    /// What it wants to be told when a trial is over.
    pub(crate) fn ended(&self) -> Ended {
        let course = Arc::clone(&self.course);
        Box::new(move |trial: &TrialRecord| course.ended(is_ok(trial.verdict)))
    }
}
