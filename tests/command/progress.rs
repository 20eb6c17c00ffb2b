//! What a terminal shows while a run goes on, and what a program that reads results is spared.

use std::process::{Command, Output};

use crate::{OwnFolder, ROTATION, out, stormproof};

/// What a terminal of its own is sent by a command.
fn on_a_terminal(arguments: &str) -> Output {
    let line = format!("stty rows 24 columns {COLUMNS}; {} {arguments}", env!("CARGO_BIN_EXE_stormproof"));
    Command::new("script")
        .args(["-qefc", &line, "/dev/null"])
        .env("TERM", "xterm")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("`script` belongs to every Debian")
}

const COLUMNS: usize = 100;

/// The lines that a terminal shows in the end, by the few commands that bars are drawn with.
fn screen(sent: &str) -> Vec<String> {
    let (mut lines, mut row, mut column) = (Vec::<Vec<char>>::new(), 0_usize, 0_usize);
    let mut left = sent.chars();
    while let Some(c) = left.next() {
        match c {
            '\r' => column = 0,
            '\n' => row += 1,
            '\u{1b}' => {
                let mut number = String::new();
                let command = left.by_ref().find(|c| {
                    number.extend(c.is_ascii_digit().then_some(*c));
                    c.is_ascii_alphabetic()
                });
                let by = number.parse::<usize>().unwrap_or(1);
                match command {
                    Some('A') => row = row.saturating_sub(by),
                    Some('B') => row += by,
                    Some('K') => lines[row].clear(),
                    Some('m' | 'h' | 'l') => {}
                    other => panic!("nothing here sends {other:?}"),
                }
            }
            c => {
                if column == COLUMNS {
                    (row, column) = (row + 1, 0);
                }
                lines.resize(lines.len().max(row + 1), Vec::new());
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
        lines.resize(lines.len().max(row + 1), Vec::new());
    }
    lines.into_iter().map(|line| line.into_iter().collect::<String>().trim_end().to_owned()).collect()
}

#[test]
fn a_terminal_is_shown_how_far_a_run_is_and_every_line_whole() {
    const SOME: &str = "scenarios/cooldown/absurd-hints.yaml";
    let folder = OwnFolder::new("bars");
    let output = on_a_terminal(&format!("run {SOME} --seed 7 --test-threads 2 --reports {}", folder.path()));
    let sent = out(&output);
    assert_eq!(output.status.code(), Some(0), "{sent}");
    assert!(
        sent.contains("of 7 trials, ") && sent.contains("2 running, ") && sent.contains("  steady  "),
        "{sent}"
    );
    let lines = screen(&sent);
    let listed = out(&stormproof(&["run", SOME, "--list"]));
    let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    assert_eq!(names.len(), 7, "{listed}");
    for name in names {
        let is_its = |line: &&String| {
            let told = line.strip_prefix("test ").and_then(|line| line.strip_suffix("... ok"));
            told.is_some_and(|told| told.trim_end() == name)
        };
        let told = lines.iter().filter(is_its);
        assert_eq!(told.count(), 1, "{name}: {lines:#?}");
    }
    assert!(
        !lines.iter().any(|line| line.contains(" running, ") || line.contains('━')),
        "nothing is left: {lines:#?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("test result: ok. 7 passed")), "{lines:#?}");
    let last = lines.iter().rev().find(|line| !line.is_empty()).expect("a last line");
    assert!(last.trim_start().starts_with("reports "), "{last}");
}

#[test]
fn a_program_that_reads_results_is_shown_no_progress() {
    let folder = OwnFolder::new("no-bars");
    for format in ["--format json", "-q"] {
        let output = on_a_terminal(&format!("run {ROTATION} {format} --seed 7 --reports {}", folder.path()));
        let shown = out(&output);
        assert_eq!(output.status.code(), Some(0), "{shown}");
        assert!(!shown.contains(" running, ") && !shown.contains("\u{1b}[2K"), "{format}: {shown}");
    }
}
