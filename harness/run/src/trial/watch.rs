//! Waiting until something is seen: the evidence so far is looked at again and again, and nothing is slept over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use record::{Entry, Fact};
use scenario::{Get, Manner, Scenario, Seen, Subject, Traffic, WaitUntil, show_duration};
use verdict::Needs;

use crate::trial::traffic::{TrafficError, Travel};

/// How often the evidence is looked at.
const LOOKS: Duration = Duration::from_millis(10);

/// What was waited for was not seen in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {} until {what}, and it did not come", show_duration(*.within))]
pub(crate) struct NotSeen {
    within: Duration,
    what: String,
}

/// The evidence so far, for a scenario that waits for something in it; nothing for any other.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    facts: Option<Arc<Facts>>,
    /// The subjects whose rows are waited for.
    subjects: Vec<Subject>,
    needs: Needs,
}

/// What was written: what came since somebody looked, and what came before. The writer never waits for a look.
#[derive(Default)]
struct Facts {
    new: Mutex<Vec<Fact>>,
    looked_at: Mutex<Vec<Fact>>,
}

impl Watch {
    /// A watch for a scenario.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let subjects: Vec<Subject> = waits_for(scenario).collect();
        Self { facts: (!subjects.is_empty()).then(Arc::default), subjects, needs: Needs::of(scenario) }
    }

    /// Takes what was just written.
    pub(crate) fn note(&self, fact: &Fact) {
        let Some(facts) = &self.facts else { return };
        if self.keeps(fact) {
            facts.new.lock().unwrap_or_else(PoisonError::into_inner).push(fact.clone());
        }
    }

    /// Whether something may wait for it: messages, events and lines of a log are many, and seldom waited for.
    fn keeps(&self, fact: &Fact) -> bool {
        let Fact::Entry(entry) = fact else { return true };
        match **entry {
            Entry::Sample(_) => self.needs.messages,
            Entry::Event(_) | Entry::EventsCut { .. } => self.needs.events,
            Entry::Text(_) => self.needs.texts,
            Entry::Log { .. } => self.subjects.contains(&Subject::Log),
            Entry::Lag(_) | Entry::Figures(_) | Entry::Part(_) | Entry::Pair(_) | Entry::Process(_) => false,
            _ => true,
        }
    }

    /// Looks at everything that was written so far.
    fn look<T>(&self, at: impl FnOnce(&[Fact]) -> T) -> T {
        let Some(facts) = &self.facts else { return at(&[]) };
        let mut all = facts.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        all.append(&mut facts.new.lock().unwrap_or_else(PoisonError::into_inner));
        at(&all)
    }

    /// Waits until it is seen.
    pub(crate) async fn wait(&self, wait: &WaitUntil, travel: &Travel<'_>) -> Result<(), TrafficError> {
        let began = Instant::now();
        loop {
            let looked = Instant::now();
            let (seen, what) = match &wait.seen {
                Seen::Rows(claim) => {
                    let (scenario, bounds) = (travel.road.scenario, travel.road.bounds);
                    let told = travel.road.profile.told_headers();
                    let holds = self.look(|facts| verdict::holds_now(scenario, claim, facts, bounds, &told));
                    (holds, format!("its {} were as wanted", claim.subject.word()))
                }
                Seen::Answers(endpoint, status) => {
                    let manner = Manner::usual(wait.span);
                    let request = travel.maker().get(&Get::of(*endpoint), 0)?;
                    let address = travel.address(&manner, None)?;
                    let left = wait.within.saturating_sub(began.elapsed());
                    let answered = tokio::time::timeout(left, travel.client.ask(address, &request)).await;
                    (answered == Ok(Some(*status)), format!("`{}` answered {status}", endpoint.word()))
                }
            };
            if seen {
                return Ok(());
            }
            if began.elapsed() >= wait.within {
                return Err(NotSeen { within: wait.within, what }.into());
            }
            // Much evidence takes long to be looked at, and most of the time is for others.
            tokio::time::sleep(LOOKS.max(looked.elapsed() * 4)).await;
        }
    }
}

/// The subjects whose rows a scenario waits for.
pub(crate) fn waits_for(scenario: &Scenario) -> impl Iterator<Item = Subject> {
    scenario.traffic.iter().filter_map(|entry| match entry {
        Traffic::WaitUntil(wait) => match &wait.seen {
            Seen::Rows(claim) => Some(claim.subject),
            Seen::Answers(..) => None,
        },
        _ => None,
    })
}

/// Tells what was written to the watch as well as to whoever watches already.
pub(crate) fn watcher(
    watch: &Watch,
    mut other: Option<crate::evidence::Watcher>,
) -> Option<crate::evidence::Watcher> {
    if watch.facts.is_none() {
        return other;
    }
    let watch = watch.clone();
    Some(Box::new(move |fact| {
        watch.note(fact);
        if let Some(other) = &mut other {
            other(fact);
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::suite_of;
    use record::{AttemptRow, Moment, NameId};

    fn noted(traffic: &str) -> usize {
        let suite = suite_of(traffic);
        let watch = Watch::of(&suite.scenarios[0].cases[0].scenario);
        let log = Entry::Log { at: Moment(0), line: "ready".into() };
        let began = Entry::Began { traffic: NameId(0), at: Moment(0) };
        for entry in [log, began] {
            watch.note(&Fact::Entry(Box::new(entry)));
        }
        let noted = watch.look(<[Fact]>::len);
        watch.note(&Fact::Attempt(AttemptRow::opened(NameId(0), Moment(0))));
        assert!(watch.look(|facts| facts.len() >= noted), "what was looked at before is still there");
        watch.look(<[Fact]>::len)
    }

    #[test]
    fn only_what_is_waited_for_is_kept() {
        let step = "  - { step: s, send: ask }\n";
        let wait = |what: &str| format!("{step}  - {{ wait_until: {what}, within: 1s }}");
        assert_eq!(noted(step), 0);
        assert_eq!(noted(&wait("{ get: models, status: 200 }")), 0);
        assert_eq!(noted(&wait("{ attempts: { count: 1 } }")), 2);
        assert_eq!(noted(&wait("{ log: { where: { text: { contains: ready } }, count: 1 } }")), 3);
    }
}
