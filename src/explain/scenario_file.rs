//! A scenario: what it shows, what it needs, what it provokes, which rules it proves, and how long it sends.

use run::Estimate;
use scenario::{Case, Scenario, ScenarioFile, Suite, Upstream, nearest, show_duration};

use crate::explain::indented;

/// A scenario in words, if one has this file, stem or title.
pub(super) fn explained(asked: &str, suite: &Suite) -> Option<String> {
    let file = suite.scenarios.iter().find(|file| is_meant(asked, file))?;
    let scenario = &file.cases.first()?.scenario;
    let mut text = format!("{}\n\n{}\n", file.name, scenario.title.value);
    if let Some(about) = &scenario.about {
        text.push_str(&format!("\n{}\n", indented(about, "  ")));
    }
    let needs: Vec<&str> = scenario.needs.iter().map(|need| need.word()).collect();
    let needs = if needs.is_empty() { "nothing".to_owned() } else { needs.join(", ") };
    text.push_str(&format!("\nStage: {}\nNeeds of the target: {needs}\n", scenario.stage.word()));
    let cases: Vec<&str> = file.cases.iter().filter_map(|case| case.name.as_deref()).collect();
    if !cases.is_empty() {
        text.push_str(&format!("Cases: {}\n", cases.join(", ")));
    }
    text.push_str(&format!("\nProves:\n{}", proved(scenario, suite)));
    let provoked = provoked(scenario);
    if !provoked.is_empty() {
        text.push_str(&format!("\nProvokes:\n{provoked}"));
    }
    text.push_str(&format!("\nSends {}\n", sent(&file.cases)));
    Some(text)
}

/// A scenario's file without its ending, below the folder of scenarios: `rotation/next-key-on-429`.
pub(super) fn stem(name: &str) -> String {
    let name = name.strip_suffix(".yaml").unwrap_or(name);
    let inside = name.rsplit_once("scenarios/").map_or(name, |(_, inside)| inside);
    inside.to_owned()
}

/// The stem of the scenario whose name, with its folder or without, is nearest.
pub(super) fn near(asked: &str, suite: &Suite) -> Option<String> {
    let stems: Vec<String> = suite.scenarios.iter().map(|file| stem(&file.name)).collect();
    let names: Vec<&str> = stems.iter().map(|stem| own_name(stem)).collect();
    let asked = asked.strip_suffix(".yaml").unwrap_or(asked);
    let name = nearest(own_name(asked), &names)?;
    stems.iter().find(|stem| own_name(stem) == name).cloned()
}

/// A stem without its folder.
fn own_name(stem: &str) -> &str {
    stem.rsplit('/').next().unwrap_or_default()
}

fn is_meant(asked: &str, file: &ScenarioFile) -> bool {
    let asked = asked.strip_prefix("./").unwrap_or(asked);
    let stem = stem(&file.name);
    let own = own_name(&stem);
    let title = file.cases.first().map(|case| case.scenario.title.value.as_str());
    let file_name = file.name.strip_prefix("./").unwrap_or(&file.name);
    [file_name, &stem, own].contains(&asked)
        || asked.strip_suffix(".yaml") == Some(own)
        || title.is_some_and(|title| title.eq_ignore_ascii_case(asked))
}

/// Each rule with its sentence, and below it what the scenario expects for it.
fn proved(scenario: &Scenario, suite: &Suite) -> String {
    let mut rules: Vec<&str> = Vec::new();
    for expectation in &scenario.expect {
        if !rules.contains(&expectation.rule.value.as_str()) {
            rules.push(&expectation.rule.value);
        }
    }
    let mut text = String::new();
    for id in rules {
        let sentence = suite.rules.get(id).map_or("", |known| known.rule.says.trim());
        text.push_str(&format!("  {id}  {sentence}\n"));
        for expectation in scenario.expect.iter().filter(|expectation| expectation.rule.value == id) {
            text.push_str(&format!("      {}\n", expectation.say.trim()));
        }
    }
    text
}

/// What each upstream does besides its normal answer, by the names that `where: { script: NAME }` selects.
fn provoked(scenario: &Scenario) -> String {
    let mut text = String::new();
    for (name, upstream) in &scenario.world.upstreams.0 {
        let lines = deviations(upstream);
        if lines.is_empty() {
            continue;
        }
        let dialect = upstream.dialect.name();
        text.push_str(&format!("  {} ({dialect}, {} keys)\n", name.value, upstream.keys.0.len()));
        text.push_str(&lines.concat());
    }
    text
}

fn deviations(upstream: &Upstream) -> Vec<String> {
    let script = upstream.script.iter().map(|entry| format!("      script: {}\n", entry.name.value));
    let timeline = upstream.timeline.iter().map(|entry| match (entry.label(), entry.at) {
        (Some(label), _) => format!("      timeline: {label}\n"),
        (None, Some(at)) => format!("      timeline: from {} on\n", show_duration(at)),
        (None, None) => "      timeline\n".to_owned(),
    });
    let plans = upstream.plans.iter().map(|plan| format!("      plan: {}\n", plan.name.value));
    let keys = upstream.keys.0.iter().flat_map(|key| {
        key.settings
            .states
            .iter()
            .map(|state| format!("      key {}: {}\n", key.label.value, state.is.word()))
    });
    script.chain(timeline).chain(plans).chain(keys).collect()
}

/// How much is sent and how long that takes, over all cases.
fn sent(cases: &[Case]) -> String {
    let whole =
        cases.iter().map(|case| Estimate::of(&case.scenario)).reduce(Estimate::and).unwrap_or_default();
    let at_least = if whole.more { "at least " } else { "" };
    let plural = if whole.requests == 1 { "" } else { "s" };
    let mut text = format!("{at_least}{} request{plural}", whole.requests);
    if !whole.lasts.is_zero() {
        text.push_str(&format!(" in about {}", show_duration(whole.lasts)));
    }
    if cases.len() > 1 {
        text.push_str(&format!(", in {} cases together", cases.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_the_path_below_the_folder_of_scenarios() {
        for (name, inside) in [
            ("scenarios/rotation/next-key-on-429.yaml", "rotation/next-key-on-429"),
            ("/any/scenarios/a.yaml", "a"),
            ("elsewhere/a.yaml", "elsewhere/a"),
        ] {
            assert_eq!(stem(name), inside);
        }
    }
}
