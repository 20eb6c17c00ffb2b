//! Any bytes as the `run.json` of a run that is over: it is refused with a reason, or every report of it can be written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use report::terminal::{Palette, again, stories, story, summary, trial_story};
use report::{histogram, json, junit};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let run = match json::read(text) {
        Ok(run) => run,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says why");
            return;
        }
    };
    let written = json::write(&run).expect("a run that was read can be written");
    let read = json::read(&written).expect("a written run can be read");
    assert!(run == read, "a run reads as it was written");
    let palette = Palette::plain();
    let mut shown = stories(&run, &palette) + &summary(&run, "reports", &palette);
    for trial in &run.trials {
        shown += &trial_story(&run, trial, &palette);
        shown += &again(&run, trial);
        for judged in &trial.judged {
            shown += &story(&run, trial, judged, &palette);
        }
    }
    let hostile = shown.chars().find(|letter| letter.is_control() && *letter != '\n');
    assert!(hostile.is_none(), "{hostile:?} would reach the terminal");
    if let Err(error) = junit::write(&run) {
        assert!(!error.to_string().is_empty(), "an error says why");
    }
    for written in histogram::distributions(&run) {
        if let Err(error) = written {
            assert!(!error.to_string().is_empty(), "an error says why");
        }
    }
});
