//! What is done to the target: in its turn, or while a phase runs, once or again and again.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use record::{Entry, Operated};
use scenario::{Operate, Traffic};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::trial::traffic::{TrafficError, Travel};

/// Something that goes on beside other things.
pub(crate) type Side<'s> = Pin<Box<dyn Future<Output = Result<(), TrafficError>> + Send + 's>>;

impl Travel<'_> {
    /// Does something to the target, and tells what came of it.
    pub(crate) async fn operate(&self, operate: &Operate) -> Result<(), TrafficError> {
        let failed = self.road.target.operate(operate).await.err().map(|why| why.to_string());
        self.tell_operated(operate, failed)
    }

    fn tell_operated(&self, operate: &Operate, failed: Option<String>) -> Result<(), TrafficError> {
        let operation = operate.operate.value.word().to_owned();
        self.road.seen.tell(Entry::Operated(Operated {
            at: self.road.seen.clock.now(),
            operation: operation.clone(),
            to: operate.key.as_ref().map_or("target", |key| key.value.as_str()).to_owned(),
            failed: failed.clone(),
        }));
        failed.map_or(Ok(()), |why| Err(TrafficError::Operate(format!("{operation}: {why}"))))
    }

    /// What is done to the target while a phase runs that begins now. `over` tells when it is over.
    pub(crate) fn operations_beside<'s>(
        &'s self,
        phase: &'s str,
        over: &watch::Receiver<bool>,
    ) -> Vec<Side<'s>> {
        let beside = self.road.scenario.traffic.iter().filter_map(|entry| match entry {
            Traffic::Operate(operate) => {
                let beside = operate.beside.as_ref()?;
                (beside.value == phase).then_some(operate)
            }
            _ => None,
        });
        beside
            .map(|operate| Box::pin(self.operate_beside(operate, phase, over.clone())) as Side<'s>)
            .collect()
    }

    async fn operate_beside(
        &self,
        operate: &Operate,
        phase: &str,
        mut over: watch::Receiver<bool>,
    ) -> Result<(), TrafficError> {
        tokio::select! {
            biased;
            // What was to be done during the phase and was not would make a trial of something else.
            _ = over.wait_for(|over| *over) => {
                let after = scenario::show_duration(operate.after);
                let late = format!(
                    "phase `{phase}` was over before {after} had passed: give the operation a shorter `after:`, or the phase more to do"
                );
                return self.tell_operated(operate, Some(late));
            }
            () = sleep(operate.after) => {}
        }
        let Some(every) = operate.every else { return self.operate(operate).await };
        let mut times = interval(every);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = over.wait_for(|over| *over) => return Ok(()),
                _ = times.tick() => {}
            }
            self.operate(operate).await?;
        }
    }
}

/// Goes on with all of them until all have ended well, or one of them has not.
pub(crate) async fn all(mut sides: Vec<Side<'_>>) -> Result<(), TrafficError> {
    poll_fn(|context| {
        let mut failed = None;
        sides.retain_mut(|side| match side.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(done) => {
                failed = failed.take().or(done.err());
                false
            }
        });
        match failed {
            Some(why) => Poll::Ready(Err(why)),
            None if sides.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}
