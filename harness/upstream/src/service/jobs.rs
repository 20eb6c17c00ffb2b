//! Work that takes its time: what a job is at a moment follows from when it was asked for.

use std::collections::BTreeMap;

use http::Method;
use http::header::{LOCATION, RETRY_AFTER};
use record::Moment;
use scenario::ServiceDefect;
use serde_json::{Value, json};

use crate::draw::{DrawSource, Purpose, place_number};
use crate::service::Defects;
use crate::service::answer::{Answer, Outcome, Refusal};
use crate::service::call::Call;
use crate::service::room::Room;
use crate::service::time::Time;

/// The jobs of one resource.
#[derive(Debug)]
pub(crate) struct Jobs {
    name: String,
    path: String,
    rules: scenario::Jobs,
    defects: Defects,
    draws: DrawSource,
    jobs: BTreeMap<u32, Job>,
    room: Room,
}

#[derive(Debug)]
struct Job {
    asked: Value,
    made: Moment,
    runs: Moment,
    ends: Moment,
    fails: bool,
    cancelled: Option<Moment>,
}

/// What a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

/// There are no more jobs.
const MOST: u32 = 100_000;

impl Jobs {
    pub(crate) fn new(
        (name, path): (&str, &str),
        rules: &scenario::Jobs,
        (defects, draws): (Defects, DrawSource),
    ) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            rules: rules.clone(),
            defects,
            draws,
            jobs: BTreeMap::new(),
            room: Room::new(),
        }
    }

    /// Does what is asked.
    pub(crate) fn act(&mut self, call: &Call<'_>, time: Time) -> Outcome {
        match (call.path().as_slice(), &call.method) {
            ([], &Method::GET) => {
                Ok(Answer::list(self.jobs.iter().map(|(number, job)| self.shown(*number, job, time))))
            }
            ([], &Method::POST) => self.ask(call, time),
            ([], _) => Err(Refusal::method("GET, HEAD, POST")),
            ([id], method) => {
                let number = self.number(id)?;
                match *method {
                    Method::GET => Ok(self.told(200, number, time)),
                    Method::DELETE => self.cancel(number, time),
                    _ => Err(Refusal::method("GET, HEAD, DELETE")),
                }
            }
            _ => Err(Refusal::unknown("such path")),
        }
    }

    fn ask(&mut self, call: &Call<'_>, time: Time) -> Outcome {
        let asked = if call.body.is_empty() { Value::Null } else { call.json()? };
        let number = self.jobs.last_key_value().map_or(0, |(number, _)| *number) + 1;
        if number > MOST {
            return Err(Refusal::no_room());
        }
        self.room.take(call.body.len())?;
        let draws = self.draws.draws(number);
        let runs = time.now.after(self.rules.waits);
        let ends = runs.after(draws.duration(Purpose::Latency, &self.rules.takes));
        let ends = if self.defects.has(ServiceDefect::NeverFinishesJobs) { Moment(u64::MAX) } else { ends };
        let fails = self.rules.fails.is_some_and(|share| draws.happens_at(place_number(&self.name), share));
        self.jobs.insert(number, Job { asked, made: time.now, runs, ends, fails, cancelled: None });
        Ok(self.told(202, number, time).with(LOCATION, format!("{}/{}-{number}", self.path, self.name)))
    }

    fn cancel(&mut self, number: u32, time: Time) -> Outcome {
        if let Some(job) = self.jobs.get_mut(&number) {
            if !matches!(job.stand(time.now), Stand::Queued | Stand::Running) {
                return Err(Refusal::conflict("over", "the job is over"));
            }
            job.cancelled = Some(time.now);
        }
        Ok(self.told(200, number, time))
    }

    fn number(&self, id: &str) -> Result<u32, Refusal> {
        let number = id.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix('-'));
        let number = number.and_then(|number| number.parse::<u32>().ok());
        let number = number.filter(|number| self.jobs.contains_key(number));
        number.ok_or_else(|| Refusal::unknown("such job"))
    }

    fn told(&self, status: u16, number: u32, time: Time) -> Answer {
        let Some(job) = self.jobs.get(&number) else { return Refusal::unknown("such job").into() };
        let answer = Answer::json(status, &self.shown(number, job, time));
        match job.stand(time.now) {
            Stand::Queued | Stand::Running => {
                let wait = time.seconds_until(job.ends).clamp(1, 3_600);
                answer.with(RETRY_AFTER, wait.to_string())
            }
            Stand::Done | Stand::Failed | Stand::Cancelled => answer,
        }
    }

    fn shown(&self, number: u32, job: &Job, time: Time) -> Value {
        let stand = job.stand(time.now);
        let mut shown = json!({
            "id": format!("{}-{number}", self.name),
            "state": stand.word(),
            "asked": job.asked,
            "asked_at": time.text_of(job.made),
        });
        match stand {
            Stand::Queued | Stand::Running => {}
            Stand::Done => {
                shown["result"] = self.rules.result.0.clone();
                shown["ended_at"] = time.text_of(job.ends).into();
            }
            Stand::Failed => {
                shown["error"] = json!({ "code": "failed", "message": "the job failed" });
                shown["ended_at"] = time.text_of(job.ends).into();
            }
            Stand::Cancelled => {
                shown["ended_at"] = time.text_of(job.cancelled.unwrap_or_default()).into();
            }
        }
        shown
    }
}

impl Job {
    fn stand(&self, now: Moment) -> Stand {
        match self {
            Self { cancelled: Some(_), .. } => Stand::Cancelled,
            Self { ends, fails, .. } if *ends <= now => {
                if *fails {
                    Stand::Failed
                } else {
                    Stand::Done
                }
            }
            Self { runs, .. } if *runs <= now => Stand::Running,
            Self { .. } => Stand::Queued,
        }
    }
}

impl Stand {
    fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
