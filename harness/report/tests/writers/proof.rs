//! The kill matrix, of a proof with everything in it that can be amiss.

use record::{
    CameTo, DefectRecord, HealthyRecord, Level, PROOF_FORMAT, PairRecord, ProofRecord, RuleRecord,
    TargetRecord, TrialOutcome, Verdict,
};
use stormproof_report::proof::{defect_line, html, json, markdown, proof_summary};
use stormproof_report::terminal::Palette;
use unicode_width::UnicodeWidthStr;

use crate::compare::assert_golden;

fn rule(id: &str, chapter: &str, level: Level, says: &str) -> RuleRecord {
    RuleRecord { id: id.into(), chapter: chapter.into(), level, says: says.into(), sources: Vec::new() }
}

fn pair(rule: &str, came_to: CameTo, red_in: &[&str], why_not: Option<&str>) -> PairRecord {
    PairRecord {
        rule: rule.into(),
        came_to,
        red_in: red_in.iter().map(ToString::to_string).collect(),
        why_not: why_not.map(str::to_owned),
    }
}

fn outcome(trial: &str, verdict: Verdict, observed: &str) -> TrialOutcome {
    TrialOutcome { trial: trial.into(), verdict, observed: observed.into() }
}

fn defect(name: &str, about: &str, rules: Vec<PairRecord>) -> DefectRecord {
    DefectRecord {
        name: name.into(),
        about: about.into(),
        trials: 3,
        folder: Some(name.into()),
        rules,
        broken_controls: Vec::new(),
        also: Vec::new(),
    }
}

fn proved() -> ProofRecord {
    let next = "scenarios/rotation/next-key.yaml";
    let many = ["scenarios/a.yaml::one", "scenarios/b.yaml", "scenarios/c.yaml"];
    let mut wide = defect(
        "ignores-retry-after",
        "A wait that was asked for is taken as none.",
        vec![pair("CDN-001", CameTo::Red, &many, None)],
    );
    wide.also = vec!["SPK-002".into()];
    let again = defect(
        "retries-the-same-key",
        "The key that was refused is asked <again>.",
        vec![pair("ROT-001", CameTo::Red, &[next], None), pair("ROT-003", CameTo::Red, &[next], None)],
    );
    ProofRecord {
        format: PROOF_FORMAT,
        tool: "0.1.0".into(),
        tool_sha256: "00".repeat(32),
        suite_sha256: "76543210fedcba98".repeat(4),
        edited: Vec::new(),
        started: "2026-11-21T04:05:06Z".into(),
        took_ms: 181_400,
        seed: 7,
        target: TargetRecord {
            name: "router".into(),
            version: Some("0.1.0".into()),
            profile: String::new(),
            profile_sha256: "11".repeat(32),
            defect: None,
        },
        command: "stormproof prove scenarios/ --seed 7".into(),
        interrupted: None,
        rules: vec![
            rule("CDN-001", "cooldown", Level::Should, "A key that asked for a wait is left alone."),
            rule("ROT-001", "rotation", Level::Must, "A 429 leads to another key | and no other way."),
            rule("ROT-003", "rotation", Level::Must, "No key is tried twice."),
        ],
        healthy: HealthyRecord { trials: 5, unsound: Vec::new() },
        defects: vec![wide, again],
    }
}

fn unproved() -> ProofRecord {
    let mut proof = proved();
    proof.edited = vec!["scenarios/rotation/next-key.yaml".into()];
    proof.rules.push(rule("PRF-001", "performance", Level::Should, "It is fast."));
    proof.defects[0].rules.push(pair("PRF-001", CameTo::Gated, &[], Some("SKIP_PERFORMANCE_TESTS is set")));
    proof.rules.push(rule("ROT-009", "rotation", Level::May, "Nobody breaks it."));
    proof.healthy.unsound = vec![outcome("scenarios/b.yaml", Verdict::Fail, "ROT-001: `status` is 503")];
    proof.defects[0].rules[0] =
        pair("CDN-001", CameTo::Unclear, &[], Some("scenarios/a.yaml: inconclusive: it was late"));
    proof.defects[1].rules[1] = pair("ROT-003", CameTo::Green, &[], None);
    proof.defects[1].broken_controls =
        vec![outcome("scenarios/c.yaml", Verdict::Blocked, "ROT-001: it never became ready")];
    proof.defects.push(defect("idle", "It does nothing.", Vec::new()));
    proof
}

#[test]
fn the_matrix_looks_as_it_always_did() {
    for (name, proof) in [("proved", proved()), ("unproved", unproved())] {
        assert_golden(&format!("matrix-{name}.md"), &markdown(&proof));
        assert_golden(&format!("matrix-{name}.html"), &html(&proof));
        let lines: String =
            proof.defects.iter().map(|defect| defect_line(defect, &Palette::plain())).collect();
        let summary = proof_summary(&proof, "reports/proofs/20261121-040506-7", &Palette::plain());
        let shown = format!("{lines}\n{summary}");
        assert!(shown.lines().all(|line| line.width() <= 80), "{shown}");
        assert_golden(&format!("matrix-{name}.txt"), &shown);
    }
}

#[test]
fn the_proof_is_saved_whole() {
    let proof = unproved();
    let again: ProofRecord = serde_json::from_str(&json(&proof).unwrap()).unwrap();
    assert_eq!(again, proof);
}

#[test]
fn hostile_text_is_no_markup() {
    let mut proof = unproved();
    let hostile = "<script>alert(1)</script>\" onload=\"x\n|";
    proof.command = hostile.into();
    proof.rules[0].says = hostile.into();
    proof.defects[0].about = hostile.into();
    proof.defects[0].rules[0].why_not = Some(hostile.into());
    let page = html(&proof);
    assert!(!page.contains("<script") && !page.contains("\" onload"), "{page}");
    let text = markdown(&proof);
    assert!(!text.contains("<script") && text.contains("\\|"), "{text}");
}

#[test]
fn a_proof_that_was_cut_short_says_so() {
    let proof = ProofRecord { interrupted: Some("interrupted by SIGINT".into()), ..proved() };
    let text = proof_summary(&proof, "reports", &Palette::plain());
    assert!(text.starts_with("cut short: 3 of 3 rules were seen to turn red\n"), "{text}");
}
