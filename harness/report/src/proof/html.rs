//! The kill matrix as one HTML file that needs nothing else: for each chapter its rules against the defects that they name.

use std::fmt::Write as _;

use record::{CameTo, DefectRecord, PairRecord, ProofRecord, RuleRecord};

use super::{chapters, of_suite, outcome, short};
use crate::clean;
use crate::standing::level_words;

const STYLE: &str = include_str!("style.css");

/// The kill matrix as HTML.
#[must_use]
pub fn html(proof: &ProofRecord) -> String {
    let mut page = String::new();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Kill matrix</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>Kill matrix</h1>\n"
    );
    let gaps = proof.gaps();
    let class = if gaps.is_empty() && proof.interrupted.is_none() { "proved" } else { "unproved" };
    let _ = writeln!(page, "<p class=\"{class}\">{}</p>", safe(&outcome(proof)));
    let _ = writeln!(
        page,
        "<p class=\"facts\">{} {} · {} · seed {} · suite {} · {} trials without a defect, {} under defects · <code>{}</code></p>",
        safe(&proof.target.name),
        safe(proof.target.version.as_deref().unwrap_or("")),
        safe(&proof.started),
        proof.seed,
        safe(&of_suite(proof)),
        proof.healthy.trials,
        proof.defects.iter().map(|defect| defect.trials).sum::<usize>(),
        safe(&proof.command),
    );
    if !gaps.is_empty() {
        page.push_str("<h2>Gaps</h2>\n<ul class=\"gaps\">\n");
        for gap in &gaps {
            let _ = writeln!(page, "<li>{}</li>", safe(&gap.to_string()));
        }
        page.push_str("</ul>\n");
    }
    for (chapter, rules) in chapters(proof) {
        write_chapter(&mut page, proof, chapter, &rules);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn write_chapter(page: &mut String, proof: &ProofRecord, chapter: &str, rules: &[&RuleRecord]) {
    let concerns = |defect: &&DefectRecord| {
        defect.rules.iter().any(|pair| rules.iter().any(|rule| rule.id == pair.rule))
    };
    let defects: Vec<&DefectRecord> = proof.defects.iter().filter(concerns).collect();
    let _ = writeln!(page, "<h2>{}</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th></th>", safe(chapter));
    for defect in &defects {
        let (name, about) = (safe(&defect.name), safe(&defect.about));
        let _ = writeln!(page, "<th class=\"defect\" title=\"{about}\"><span>{name}</span></th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for rule in rules {
        let class = if proof.defects_of(&rule.id).next().is_none() { " class=\"green\"" } else { "" };
        let _ = write!(
            page,
            "<tr><th{class}><b>{}</b> <i>{}</i> {}</th>",
            safe(&rule.id),
            level_words(rule.level),
            safe(&rule.says)
        );
        for defect in &defects {
            let pair = defect.rules.iter().find(|pair| pair.rule == rule.id);
            page.push_str(&pair.map_or_else(|| "<td></td>".to_owned(), cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n");
}

/// A cell tells its word to those who do not see colours, and its trials to those who point at it.
fn cell(pair: &PairRecord) -> String {
    let (class, word) = match pair.came_to {
        CameTo::Red => ("red", "red"),
        CameTo::Green => ("green", "green"),
        CameTo::Unclear => ("unclear", "?"),
        CameTo::Gated => ("gated", "gated"),
    };
    let seen = match &pair.why_not {
        Some(why) => why.clone(),
        None => pair.red_in.iter().map(|trial| short(trial)).collect::<Vec<_>>().join("\n"),
    };
    let seen = seen.lines().map(safe).collect::<Vec<_>>().join("&#10;");
    format!("<td class=\"{class}\" title=\"{seen}\">{word}</td>")
}

/// A text that is no markup.
fn safe(text: &str) -> String {
    let text = clean::line(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
