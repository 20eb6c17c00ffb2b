//! Closed keys told and heard through a Redis, by its clock alone: what is told is how long, and so is what is heard.
//!
//! Heard by asking forty times a second. That one small script also shows that this router is there and finds out whether the
//! store is, and nothing is missed after a time without contact, as it would be by subscribing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, PoisonError};
use std::time::Duration;

use redis::Script;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::link::{ALIVE, Link, PREFIX, SILENCE, Told};
use crate::pool::Standing;
use crate::shared::closed::{Closed, PAUSE, Watched, WatchedKeys};
use crate::splitmix::Splitmix;

static BEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("beat.lua")));
static CLOSE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("close.lua")));

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Keeps contact, and hears of closed keys, for as long as the router shares.
pub(super) async fn listen(link: Arc<Link>, watched: Arc<WatchedKeys>) {
    let lives = Splitmix::from_system();
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hearing = Hearing::default();
    loop {
        ticks.tick().await;
        if !link.is_up() {
            // Whatever it said before, a store that comes back is heard from the beginning.
            hearing = Hearing::default();
            if let Err(error) = link.connect().await {
                link.not_found(&error.to_string());
                link.rest().await;
                continue;
            }
        }
        hearing.follow(&watched);
        let mut beat = BEAT.prepare_invoke();
        beat.key(format!("{ALIVE}{}", link.me()));
        for name in ["life", "closed:news", "closed:ends", "closed:standings"] {
            beat.key(key(name));
        }
        // Positive as a number with a sign, too.
        let life = (lives.next() >> 1).max(1);
        beat.arg(life).arg(&hearing.news).arg(u64::try_from(SILENCE.as_millis()).unwrap_or(u64::MAX));
        match link.call_beside::<Vec<String>>(&beat).await {
            Told::This(told) => {
                let life = hearing.hear(told);
                link.found(life);
            }
            Told::Nothing => link.rest().await,
        }
    }
}

/// What was heard last, and of which keys this router wants to hear.
#[derive(Default)]
struct Hearing {
    news: String,
    /// By their names there.
    watched: Arc<Vec<Watched>>,
    places: HashMap<String, Vec<usize>>,
}

impl Hearing {
    /// Hears of other keys from now on if the settings changed.
    fn follow(&mut self, watched: &WatchedKeys) {
        let now = Arc::clone(&watched.lock().unwrap_or_else(PoisonError::into_inner));
        if Arc::ptr_eq(&now, &self.watched) {
            return;
        }
        self.places.clear();
        for (place, key) in now.iter().enumerate() {
            self.places.entry(key.name.clone()).or_default().push(place);
        }
        (self.watched, self.news) = (now, String::new());
    }

    /// Takes in an answer, and gives the life of the store.
    fn hear(&mut self, told: Vec<String>) -> u64 {
        let mut told = told.into_iter();
        let life = told.next().and_then(|life| life.parse().ok()).unwrap_or_default();
        self.news = told.next().unwrap_or_default();
        while let (Some(name), Some(word), Some(left)) = (told.next(), told.next(), told.next()) {
            let standing = Standing::of_word(&word);
            let (Some(standing), Ok(left)) = (standing, left.parse()) else { continue };
            for place in self.places.get(&name).into_iter().flatten() {
                self.watched[*place].hear(standing, Duration::from_millis(left));
            }
        }
        life
    }
}

/// Tells what comes. What could not be told is told when the store is back, and all of it to one that forgot.
pub(super) async fn tell_all(link: Arc<Link>, mut untold: mpsc::Receiver<Closed>) {
    let mut contact = link.watch();
    // Those that are closed for now, and whether they were told.
    let mut closed: BTreeMap<String, (Closed, bool)> = BTreeMap::new();
    let mut life = 0;
    loop {
        tokio::select! {
            told = untold.recv() => match told {
                Some(told) => drop(closed.insert(told.name.clone(), (told, false))),
                None => return,
            },
            changed = contact.changed() => if changed.is_err() { return },
        }
        let now = Instant::now();
        closed.retain(|_, (closed, _)| closed.until > now);
        let is = *contact.borrow_and_update();
        if is.life != std::mem::replace(&mut life, is.life) {
            closed.values_mut().for_each(|(_, is_told)| *is_told = false);
        }
        for (closed, is_told) in closed.values_mut().filter(|(_, is_told)| is.is_up && !is_told) {
            if !tell(&link, closed).await {
                break;
            }
            *is_told = true;
        }
    }
}

async fn tell(link: &Link, closed: &Closed) -> bool {
    let left = closed.until.saturating_duration_since(Instant::now()).as_millis();
    let mut close = CLOSE.prepare_invoke();
    close.key(key("closed:news")).key(key("closed:ends")).key(key("closed:standings"));
    close.arg(&closed.name).arg(closed.standing.word()).arg(u64::try_from(left).unwrap_or(u64::MAX));
    matches!(link.call_beside::<i64>(&close).await, Told::This(_))
}
