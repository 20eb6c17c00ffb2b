//! `stormproof defects`: the faults that can be switched on, of the bundled router and of services, each with the rules that
//! the contract says it breaks.

use run::Exit;
use scenario::{Rules, ServiceDefect};

use crate::explain::wrapped;
use crate::released::contract;
use crate::terminal::say;

/// Lists the defects.
pub(crate) fn defects() -> Exit {
    let rules = contract().rules;
    let mut text = "The reference router:\n".to_owned();
    for defect in router::defects() {
        let about = format!("{} ({})", defect.about, defect.cites);
        text.push_str(&told(defect.name, &about, &rules));
    }
    text.push_str("\nServices with `dialect: rest`:\n");
    for (name, _, about) in ServiceDefect::ALL {
        text.push_str(&told(name, about, &rules));
    }
    say(&text);
    Exit::Sound
}

fn told(name: &str, about: &str, rules: &Rules) -> String {
    let broken: Vec<&str> = broken_by(name, rules).collect();
    let breaks =
        if broken.is_empty() { String::new() } else { format!("    breaks {}\n", broken.join(", ")) };
    format!("\n{name}\n    {}\n{breaks}", wrapped(about, 4))
}

/// The rules that name a defect.
fn broken_by<'r>(defect: &'r str, rules: &'r Rules) -> impl Iterator<Item = &'r str> {
    let named = move |rule: &&scenario::KnownRule| rule.rule.killed_by.iter().any(|name| name == defect);
    rules.iter().filter(named).map(|rule| rule.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_of_the_router_breaks_some_rule() {
        let rules = contract().rules;
        let idle: Vec<&str> = router::defects()
            .map(|defect| defect.name)
            .filter(|name| broken_by(name, &rules).next().is_none())
            .collect();
        assert!(idle.is_empty(), "no rule names {}", idle.join(", "));
    }

    #[test]
    fn every_defect_that_a_rule_names_is_one() {
        let known: Vec<&str> = router::defects()
            .map(|defect| defect.name)
            .chain(ServiceDefect::ALL.iter().map(|(name, ..)| *name))
            .collect();
        let rules = contract().rules;
        let named = rules.iter().flat_map(|rule| rule.rule.killed_by.iter().map(|name| (&rule.id, name)));
        let unknown: Vec<_> = named.filter(|(_, name)| !known.contains(&name.as_str())).collect();
        assert!(unknown.is_empty(), "there is no such defect: {unknown:?}");
    }
}
