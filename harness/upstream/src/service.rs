//! What a service with `dialect: rest` keeps, and what it does with requests. What happens to the resources is pure and happens
//! under one lock; around it lies what waits for a free slot, and what takes in uploads.

mod answer;
mod blob_file;
mod blobs;
mod call;
mod items;
mod jobs;
mod room;
mod slots;
mod time;
mod upload;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, request};
use record::{Clock, Moment};
use scenario::{ResourceKind, ServiceDefect};
use tokio::sync::Notify;

use crate::draw::DrawSource;
use crate::pause::Pause;
pub(crate) use answer::{Answer, AnswerBody};
use answer::{Outcome, Refusal};
pub(crate) use blob_file::Sending;
use blobs::Blobs;
use call::{Call, segments};
use items::Items;
use jobs::Jobs;
use slots::Slots;
use time::Time;
pub(crate) use upload::{Intake, TakenIn};

/// A service with everything that it keeps.
#[derive(Debug)]
pub(crate) struct Service {
    /// The parts of the path of each resource.
    paths: Vec<Vec<String>>,
    kept: Mutex<Vec<Kept>>,
    /// Told whenever a slot may have become free.
    freed: Notify,
    epoch: Duration,
    defects: Defects,
}

/// What the resources of one path keep.
#[derive(Debug)]
enum Kept {
    Document(Bytes),
    Items(Box<Items>),
    Slots(Slots),
    Blobs(Blobs),
    Jobs(Jobs),
}

/// The defects that are switched on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defects(Arc<[ServiceDefect]>);

/// What was sent with a request.
#[derive(Debug)]
pub(crate) struct Matter {
    pub(crate) body: Bytes,
    pub(crate) upload: Option<TakenIn>,
}

impl Defects {
    pub(crate) fn new(own: &[ServiceDefect], everywhere: Option<ServiceDefect>) -> Self {
        Self(own.iter().copied().chain(everywhere).collect())
    }

    pub(crate) fn has(&self, defect: ServiceDefect) -> bool {
        self.0.contains(&defect)
    }
}

impl Service {
    /// The service of an upstream.
    ///
    /// # Errors
    /// What cannot be kept as the scenario says, in words.
    pub(crate) fn new(
        settings: &scenario::Upstream,
        defects: &Defects,
        (now, epoch): (Moment, Duration),
        draws: impl Fn(&str) -> DrawSource,
    ) -> Result<Self, String> {
        let time = Time { now, epoch };
        let mut paths = Vec::with_capacity(settings.resources.0.len());
        let mut kept = Vec::with_capacity(settings.resources.0.len());
        for (name, resource) in &settings.resources.0 {
            let (name, defects) = (name.value.as_str(), defects.clone());
            let place = (name, resource.path.value.as_str());
            paths.push(resource.segments().map(str::to_owned).collect());
            kept.push(match resource.kind() {
                Some(ResourceKind::Document(document)) => Kept::Document(document.to_string().into()),
                Some(ResourceKind::Items(items)) => {
                    Kept::Items(Box::new(Items::new(place, items, defects, time)?))
                }
                Some(ResourceKind::Slots(slots)) => Kept::Slots(Slots::new(place.1, slots, defects)),
                Some(ResourceKind::Blobs(blobs)) => Kept::Blobs(Blobs::new(place, blobs, &defects)),
                Some(ResourceKind::Jobs(jobs)) => Kept::Jobs(Jobs::new(place, jobs, (defects, draws(name)))),
                None => return Err(format!("the resource `{name}` is not of one kind")),
            });
        }
        Ok(Self { paths, kept: Mutex::new(kept), freed: Notify::new(), epoch, defects: defects.clone() })
    }

    /// How the body of a request is taken in that uploads a file; none for any other request.
    pub(crate) fn intake(&self, head: &request::Parts) -> Option<Intake> {
        if head.method != Method::POST {
            return None;
        }
        let index = self.index(head)?;
        let whole = segments(head.uri.path()).count() == self.paths[index].len();
        match &self.kept()[index] {
            Kept::Blobs(blobs) if whole => Some(blobs.intake()),
            _ => None,
        }
    }

    /// An upload broke off. Nothing of it is kept, unless that is the defect.
    pub(crate) fn broke_off(&self, head: &request::Parts, upload: TakenIn, now: Moment) {
        if !self.defects.has(ServiceDefect::ShowsPartialUploads) {
            return;
        }
        let Some(index) = self.index(head) else { return };
        let call = Call::new(head, &[], self.paths[index].len());
        if let (Kept::Blobs(blobs), Ok(upload)) = (&mut self.kept()[index], upload) {
            // Whether it is shown or there is no room for it, nobody is told.
            drop(blobs.keep(&call, upload, Time { now, epoch: self.epoch }));
        }
    }

    /// Whether a request is answered whatever the script says: the defect of a service that lies about its health.
    pub(crate) fn claims_health(&self, head: &request::Parts) -> bool {
        let document = |index: usize| matches!(self.kept()[index], Kept::Document(_));
        self.defects.has(ServiceDefect::ClaimsToBeHealthy) && self.index(head).is_some_and(document)
    }

    /// Does what a request asks, perhaps after a wait for a free slot.
    pub(crate) async fn perform(
        &self,
        head: &request::Parts,
        matter: Matter,
        clock: Clock,
        stopped: impl Future<Output = ()>,
    ) -> Answer {
        let Some(index) = self.index(head) else { return self.told(Err(Refusal::unknown("such path"))) };
        let mut call = Call::new(head, &matter.body, self.paths[index].len());
        call.upload = matter.upload;
        let mut stopped = pin!(stopped);
        let begin = clock.now();
        loop {
            let mut freed = pin!(self.freed.notified());
            // Whoever frees a slot from now on is heard.
            freed.as_mut().enable();
            let now = clock.now();
            let refusal = match self.act(index, &mut call, now) {
                Err(refusal) => refusal,
                answered => return self.told(answered),
            };
            let Some(again) = refusal.again else { return self.told(Err(refusal)) };
            let until = match call.wait() {
                Ok(wait) => begin.after(wait),
                Err(unfit) => return self.told(Err(unfit)),
            };
            if until <= now {
                return self.told(Err(refusal));
            }
            tokio::select! {
                () = freed => {}
                () = Pause::until(clock.instant(again.min(until))) => {}
                () = stopped.as_mut() => return self.told(Err(refusal)),
            }
        }
    }

    /// Does it at once or not at all.
    fn act(&self, index: usize, call: &mut Call<'_>, now: Moment) -> Outcome {
        let time = Time { now, epoch: self.epoch };
        match &mut self.kept()[index] {
            Kept::Document(document) => match (call.path().as_slice(), &call.method) {
                ([], &Method::GET) => {
                    Ok(Answer { body: AnswerBody::Json(document.clone()), ..Answer::empty(200) })
                }
                ([], _) => Err(Refusal::method("GET, HEAD")),
                _ => Err(Refusal::unknown("such path")),
            },
            Kept::Items(items) => items.act(call, time),
            Kept::Slots(slots) => {
                let answered = slots.act(call, time);
                if call.method == Method::DELETE && answered.is_ok() {
                    self.freed.notify_waiters();
                }
                answered
            }
            Kept::Blobs(blobs) => blobs.act(call, time),
            Kept::Jobs(jobs) => jobs.act(call, time),
        }
    }

    fn told(&self, outcome: Outcome) -> Answer {
        let as_500 = self.defects.has(ServiceDefect::TellsEveryErrorAs500);
        outcome.unwrap_or_else(|refusal| if as_500 { refusal.into_500() } else { refusal }.into())
    }

    /// The resource to which a request goes.
    fn index(&self, head: &request::Parts) -> Option<usize> {
        let path = head.uri.path();
        self.paths.iter().position(|parts| {
            let mut asked = segments(path);
            parts.iter().all(|part| asked.next() == Some(part.as_str()))
        })
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
