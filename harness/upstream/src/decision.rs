//! What an upstream replies to a request: the first of key state, script, timeline and plans that has something to say, or
//! the normal answer.

use std::time::Duration;

use record::{Moment, NameId};
use scenario::{Condition, ConnectionFate, Deed, Plan, Reply, Share, TimelineEntry, Upstream, Weight};

use crate::asked::Asked;
use crate::ban::BanRule;
use crate::by_hand::ByHand;
use crate::deed::{DeedRule, Done};
use crate::draw::place_number;
use crate::gauge::Standing;
use crate::keyring::KeySeat;
use crate::near_miss::{NearMiss, nearest};
use crate::plans::{Cost, PlanRule, Plans, Taken};
use crate::preparation::Preparation;
use crate::questions::{Questions, asks_for_path};
use crate::reply_rule::{ReplyRule, Said};
use crate::script_rule::ScriptRule;
use crate::traffic_signal::TrafficSignal;
use crate::when::{ALL, When};

/// The rules of one upstream.
#[derive(Debug)]
pub(crate) struct Rules {
    script: Vec<ScriptRule>,
    timeline: Vec<TimelineRule>,
    pub(crate) plans: Plans,
    weights: Vec<Weight>,
    bans: Option<BanRule>,
    normal: ReplyRule,
    pub(crate) questions: Questions,
    traffic: TrafficSignal,
}

/// What was decided for a request.
#[derive(Debug)]
pub(crate) struct Decision<'r> {
    /// What decided it; none for the normal answer.
    pub(crate) script: NameId,
    pub(crate) done: Done<'r>,
    /// The wait that the reply asks for.
    pub(crate) wait: Wait,
    /// Whether it is anything other than the normal answer.
    pub(crate) deviates: bool,
    /// Whether an entry decided it that asks for the path or the method.
    pub(crate) by_path: bool,
    /// Whether a service does what it was asked all the same.
    pub(crate) takes_effect: bool,
    /// What was taken from the plans and has to be settled.
    pub(crate) taken: Vec<Taken>,
    /// What the limit headers say; none where no plan counts the request.
    pub(crate) standing: Option<(&'r PlanRule, Standing)>,
}

/// What a request wants of an upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Business<'a> {
    /// Work, which costs so much.
    Work(Cost<'a>),
    /// The list of the models. Entries that count, and those that take a share, are for work, unless they ask for the path or
    /// the method.
    List,
    /// Something that the upstream does not have or cannot read: only entries that ask for the path or the method are for it.
    Stray,
}

/// The wait that a reply asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It asks for none.
    None,
    /// Always the same.
    Fixed(Duration),
    /// Until a moment: the limits have room again, or the key's state is over.
    Until(Moment),
}

#[derive(Debug)]
struct TimelineRule {
    name: NameId,
    label: Option<String>,
    time: When,
    by_hand: ByHand,
    when: Option<Condition>,
    /// Only so many of the requests.
    chance: Share,
    /// The number of its place among the draws.
    place: u32,
    /// Whether it asks for the path or the method.
    by_path: bool,
    deed: DeedRule,
}

impl Rules {
    /// The rules of an upstream, which keeps these plans.
    ///
    /// # Errors
    /// What cannot be done as the scenario says, in words.
    pub(crate) fn new(
        (settings, plans): (&Upstream, &[Plan]),
        traffic: TrafficSignal,
        preparation: &mut Preparation<'_>,
    ) -> Result<Self, String> {
        let mut questions = Questions::default();
        let normal = ReplyRule::new(&settings.reply, "reply", preparation)?;
        let mut script = Vec::with_capacity(settings.script.len());
        for entry in &settings.script {
            questions.add(entry.when.as_ref());
            script.push(ScriptRule::new(entry, &settings.reply, preparation)?);
        }
        let mut timeline = Vec::with_capacity(settings.timeline.len());
        for entry in &settings.timeline {
            questions.add(entry.when.as_ref());
            timeline.push(TimelineRule::new(entry, (&settings.reply, &traffic), preparation)?);
        }
        for entry in &settings.weights {
            questions.add(entry.when.as_ref());
        }
        let plans = Plans::new(plans, &settings.signals, preparation)?;
        let bans = settings.bans.as_ref().map(|bans| BanRule::new(bans, preparation)).transpose()?;
        let weights = settings.weights.clone();
        Ok(Self { script, timeline, plans, weights, bans, normal, questions, traffic })
    }

    /// Decides, and charges the plans for work that is answered normally.
    pub(crate) fn decide<'r>(
        &'r self,
        seat: &'r KeySeat,
        asked: &Asked<'_>,
        business: Business<'_>,
        now: Moment,
    ) -> Decision<'r> {
        let refusal = seat.states.refusal(self.traffic.start(), now);
        if let Some((name, reply, wait)) = refusal.filter(|_| !matches!(business, Business::Stray)) {
            return Decision { wait, ..Decision::other(name, Done::Reply(reply)) };
        }
        if let Some((bans, until)) = self.bans.as_ref().and_then(|bans| Some((bans, bans.until(seat, now)?)))
        {
            let banned = Decision::other(bans.name, Done::Reply(&bans.reply));
            return Decision { wait: Wait::Until(until), ..banned };
        }
        let mut decision = self.scripted(asked, now, business);
        let Business::Work(cost) = business else { return decision };
        if self.plans.is_empty() {
            return decision;
        }
        if !decision.deviates {
            let cost = Cost { weight: self.weight(asked), ..cost };
            let admission = self.plans.admit(seat, &cost, now);
            decision.taken = admission.taken;
            if let Some((plan, wait)) = admission.refused {
                let room = wait.filter(|_| plan.tells_room).map(|wait| Wait::Until(now.after(wait)));
                decision = Decision::other(plan.name, Done::Reply(&plan.reply));
                decision.wait = room.unwrap_or(decision.wait);
                if let Some(bans) = &self.bans {
                    bans.refused(seat, now);
                }
            }
        }
        decision.standing = self.plans.standing(seat, cost.model, now);
        decision
    }

    /// The entry of the script that came nearest to taking a request which none took.
    pub(crate) fn near_miss(&self, asked: &Asked<'_>) -> Option<NearMiss> {
        nearest(&self.script, asked, &self.questions)
    }

    /// Whether there are times at which the upstream does not listen.
    pub(crate) fn may_refuse(&self) -> bool {
        self.timeline.iter().any(TimelineRule::refuses)
    }

    /// Whether the upstream does not listen now.
    pub(crate) fn refuses(&self, now: Moment) -> bool {
        self.timeline.iter().any(|rule| rule.refuses() && rule.share(&self.traffic, now).is_some())
    }

    /// Makes the timeline's entries of that name hold from now on.
    pub(crate) fn fire(&self, entry: &str, now: Moment) {
        self.called(entry).for_each(|rule| rule.by_hand.fire(now));
    }

    /// Ends what was fired under that name.
    pub(crate) fn call_off(&self, entry: &str) {
        self.called(entry).for_each(|rule| rule.by_hand.call_off());
    }

    fn called(&self, entry: &str) -> impl Iterator<Item = &TimelineRule> {
        self.timeline.iter().filter(move |rule| rule.label.as_deref() == Some(entry))
    }

    /// How many tokens the normal answer has, as far as that is known.
    pub(crate) fn usual_output(&self) -> u64 {
        match &self.normal.said {
            Said::Answer(answer) => answer.output(),
            Said::Error { .. } | Said::Body(_) => 0,
        }
    }

    fn scripted(&self, asked: &Asked<'_>, now: Moment, business: Business<'_>) -> Decision<'_> {
        let is_for = |by_path: bool| by_path || !matches!(business, Business::Stray);
        let works = matches!(business, Business::Work(_));
        let script = self
            .script
            .iter()
            .find(|rule| is_for(rule.by_path) && rule.takes(asked, &self.questions, works || rule.by_path));
        if let Some(rule) = script {
            let by_path = rule.by_path;
            let takes_effect = rule.takes_effect;
            return Decision { by_path, takes_effect, ..Decision::other(rule.name, rule.deed.done()) };
        }
        let timed = self
            .timeline
            .iter()
            .find(|rule| is_for(rule.by_path) && rule.takes((asked, &self.questions), &self.traffic, now));
        match timed {
            Some(rule) => Decision { by_path: rule.by_path, ..Decision::other(rule.name, rule.deed.done()) },
            None => self.undisturbed(),
        }
    }

    /// The normal answer, whatever else there would be to say.
    pub(crate) fn undisturbed(&self) -> Decision<'_> {
        Decision { deviates: false, ..Decision::other(NameId::NONE, Done::Reply(&self.normal)) }
    }

    fn weight(&self, asked: &Asked<'_>) -> u64 {
        let entry = self.weights.iter().find(|entry| self.questions.met(entry.when.as_ref(), asked));
        entry.map_or(1, |entry| entry.weight.into())
    }
}

impl<'r> Decision<'r> {
    fn other(script: NameId, done: Done<'r>) -> Self {
        let wait = match done {
            Done::Reply(reply) => Wait::from(reply.wait),
            Done::Broken(_) | Done::Connection(_) => Wait::None,
        };
        Self {
            script,
            done,
            wait,
            deviates: true,
            by_path: false,
            takes_effect: false,
            taken: Vec::new(),
            standing: None,
        }
    }
}

impl TimelineRule {
    fn new(
        entry: &TimelineEntry,
        (normal, traffic): (&Reply, &TrafficSignal),
        preparation: &mut Preparation<'_>,
    ) -> Result<Self, String> {
        let label = entry.label();
        let place = label.unwrap_or("timeline");
        if entry.deed() == Some(Deed::Connection(ConnectionFate::Refuse)) && entry.when.is_some() {
            return Err(format!(
                "`timeline: {place}` cannot have `connection: refuse` beside `when`, since a connection that is refused shows \
                 no request: leave `when` out, or write `connection: reset`"
            ));
        }
        Ok(Self {
            name: label.map_or(NameId::NONE, |label| preparation.names.id(label)),
            label: label.map(str::to_owned),
            time: When::new(entry, traffic),
            by_hand: ByHand::new(entry.lasts),
            when: entry.when.clone(),
            chance: entry.chance.unwrap_or(ALL),
            place: place_number(place),
            by_path: asks_for_path(entry.when.as_ref()),
            deed: DeedRule::new(entry.deed(), (place, normal), preparation)?,
        })
    }

    /// Whether it decides about a request now.
    fn takes(
        &self,
        (asked, questions): (&Asked<'_>, &Questions),
        traffic: &TrafficSignal,
        now: Moment,
    ) -> bool {
        let Some(share) = self.share(traffic, now) else { return false };
        let of_all =
            u64::from(share.millionths) * u64::from(self.chance.millionths) / u64::from(ALL.millionths);
        let share = Share { millionths: u32::try_from(of_all).unwrap_or(ALL.millionths) };
        questions.met(self.when.as_ref(), asked)
            && (share >= ALL || asked.draws().happens_at(self.place, share))
    }

    /// For which share of the requests it holds; none for a time at which it does not hold.
    fn share(&self, traffic: &TrafficSignal, now: Moment) -> Option<Share> {
        if self.by_hand.holds(now) { Some(ALL) } else { self.time.share(traffic, now) }
    }

    fn refuses(&self) -> bool {
        matches!(self.deed, DeedRule::Connection(ConnectionFate::Refuse))
    }
}

impl Wait {
    /// How long it is from now on.
    pub(crate) fn left(self, now: Moment) -> Option<Duration> {
        match self {
            Self::None => None,
            Self::Fixed(wait) => Some(wait),
            Self::Until(moment) => Some(moment.since(now)),
        }
    }
}

impl From<Option<Duration>> for Wait {
    fn from(wait: Option<Duration>) -> Self {
        wait.map_or(Self::None, Self::Fixed)
    }
}
