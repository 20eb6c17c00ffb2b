//! The smallest evidence of an offence, as reports show it.

use record::{
    AttemptRow, AttemptShown, ExchangeRow, Joined, Moment, NOT_REACHED, NameId, Outcome, Shown, Tree, Window,
};
use scenario::show_duration;

use crate::row::Row;
use crate::scene::Scene;
use crate::tree::{HeldAttempt, OpenTree};
use crate::words;

/// An attempt of a tree that offends, and why.
pub(crate) struct Mark {
    pub(crate) index: usize,
    pub(crate) note: String,
}

/// A tree with its offending attempts. A tree without an exchange is shown as a window.
pub(crate) fn tree(tree: &OpenTree, marks: &[Mark], scene: &Scene<'_>) -> Shown {
    let attempts = tree.attempts.iter().enumerate().map(|(index, held)| {
        let note = marks.iter().find(|mark| mark.index == index).map(|mark| mark.note.clone());
        AttemptShown { offends: note.is_some(), note, ..attempt(&held.row, scene) }
    });
    match &tree.exchange {
        Some(exchange) => Shown::Tree(exchange_tree(exchange, attempts.collect(), scene)),
        None => {
            let title = match tree.attempts.as_slice() {
                [held] if held.row.joined != Joined::Exchange => "an attempt that joins no exchange",
                _ => "attempts whose exchange is not in the evidence",
            };
            let title = title.to_owned();
            Shown::Window(Window { title, attempts: attempts.collect(), left_out: 0 })
        }
    }
}

/// An attempt that came while its key had to be left alone, with the reply that asked for it.
pub(crate) fn broken_wait(held: &HeldAttempt, scene: &Scene<'_>) -> Option<Shown> {
    let running = held.running.as_deref()?;
    let asked = running.giver.hint().map(show_duration).unwrap_or_default();
    let giver = AttemptShown {
        note: Some(format!("asked to be left alone for {asked}")),
        ..attempt(&running.giver, scene)
    };
    let early = AttemptShown { offends: true, note: too_early(held), ..attempt(&held.row, scene) };
    let title = format!(
        "key `{}` of `{}`: a reply that asked for a wait, and an attempt that came too early",
        giver.key, giver.upstream
    );
    Some(Shown::Window(Window { title, attempts: vec![giver, early], left_out: 0 }))
}

/// How much too early an attempt came.
pub(crate) fn too_early(held: &HeldAttempt) -> Option<String> {
    let running = held.running.as_deref()?;
    Some(format!("key was limited for {} more", words::duration(running.until.since(held.row.arrived))))
}

/// A row that stands in no tree, by what can be said of it.
pub(crate) fn alone(row: Row<'_>, told: &str, scene: &Scene<'_>) -> Shown {
    Shown::Numbers(vec![(words::which(row, scene), told.to_owned())])
}

/// Some attempts side by side.
pub(crate) fn window(title: String, rows: &[AttemptRow], count: u64, scene: &Scene<'_>) -> Shown {
    let attempts: Vec<AttemptShown> = rows.iter().map(|row| attempt(row, scene)).collect();
    let left_out = count.saturating_sub(u64::try_from(attempts.len()).unwrap_or(u64::MAX));
    Shown::Window(Window { title, attempts, left_out })
}

fn exchange_tree(row: &ExchangeRow, attempts: Vec<AttemptShown>, scene: &Scene<'_>) -> Tree {
    Tree {
        exchange: row.id.0,
        traffic: name(row.traffic, "", scene),
        request: name(row.request, "", scene),
        at_ms: millis_since_start(row.intended, scene),
        took_ms: millis(row.ended),
        result: result(row.status, row.outcome, row.error, scene),
        attempts,
    }
}

fn attempt(row: &AttemptRow, scene: &Scene<'_>) -> AttemptShown {
    AttemptShown {
        upstream: name(row.upstream, "an unknown upstream", scene),
        key: name(row.key, "no known key", scene),
        at_ms: millis_since_start(row.arrived, scene),
        took_ms: millis(row.ended),
        result: result(row.status, row.outcome, row.error, scene),
        script: scene.names.text(row.script).map(str::to_owned),
        hint_ms: (row.hint_ms != NOT_REACHED).then_some(row.hint_ms),
        offends: false,
        note: None,
    }
}

fn name(id: NameId, otherwise: &str, scene: &Scene<'_>) -> String {
    scene.names.text(id).unwrap_or(otherwise).to_owned()
}

/// What was replied in a word or two: the status and the error, and how it ended if it did not end well.
fn result(status: u16, outcome: Outcome, error: NameId, scene: &Scene<'_>) -> String {
    let status = (status != 0).then(|| status.to_string());
    let outcome = (outcome != Outcome::Complete || status.is_none()).then(|| outcome.word().to_owned());
    let error = scene.names.text(error).map(str::to_owned);
    [status, error, outcome].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn millis(micros: u32) -> Option<f64> {
    (micros != NOT_REACHED).then(|| f64::from(micros) / 1_000.0)
}

/// What came before the traffic, such as a warm-up, has a negative time.
fn millis_since_start(moment: Moment, scene: &Scene<'_>) -> f64 {
    let start = scene.timetable.start().unwrap_or(moment);
    (moment.since(start).as_secs_f64() - start.since(moment).as_secs_f64()) * 1_000.0
}
