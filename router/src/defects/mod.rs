//! The defects: faults that real routers had, each built as another value of a policy and selected by name.
//!
//! This folder defines and selects them; no other code may ask which one is on.

mod answers;
mod border;
mod cooldowns;
mod discovery;
mod keys;
mod money;
mod retries;
mod services;
mod streams;
mod upkeep;
mod wire;

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::policy::Policies;

/// A fault that can be switched on, to show that the scenarios which cite its rules can turn red. Which rules those are is
/// the contract's to say.
#[derive(Debug, Clone, Copy)]
pub struct Defect {
    /// The name it is selected by.
    pub name: &'static str,
    /// What a real router did.
    pub about: &'static str,
    /// Where that was reported.
    pub cites: &'static str,
    /// Puts the faulty decisions in the place of sound ones.
    switch_on: fn(Policies) -> Policies,
}

/// No defect has this name.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("there is no defect `{name}`{}", nearest(name).map_or_else(String::new, |near| format!(": did you mean `{near}`?")))]
pub struct UnknownDefect {
    /// The name that was asked for.
    pub name: String,
}

/// All defects, in the order in which they are listed to the user.
pub fn defects() -> impl Iterator<Item = &'static Defect> {
    let all = [
        keys::DEFECTS,
        discovery::DEFECTS,
        cooldowns::DEFECTS,
        retries::DEFECTS,
        streams::DEFECTS,
        answers::DEFECTS,
        border::DEFECTS,
        wire::DEFECTS,
        money::DEFECTS,
        upkeep::DEFECTS,
        services::DEFECTS,
    ];
    all.into_iter().flatten()
}

/// The policies of the router: sound ones, or those with the named fault.
pub(crate) fn policies(defect: Option<&str>) -> Result<Policies, UnknownDefect> {
    let sound = Policies::sound();
    let Some(name) = defect else { return Ok(sound) };
    let known = defects().find(|defect| defect.name == name);
    let known = known.ok_or_else(|| UnknownDefect { name: name.to_owned() })?;
    Ok((known.switch_on)(sound))
}

fn nearest(name: &str) -> Option<&'static str> {
    crate::nearest::nearest(name, defects().map(|defect| defect.name))
}

#[cfg(test)]
mod listing {
    use super::*;

    #[test]
    fn every_listed_defect_can_be_selected_and_has_a_name_of_its_own() {
        let mut names: Vec<&str> = defects().map(|defect| defect.name).collect();
        assert!(names.iter().all(|name| policies(Some(name)).is_ok()));
        assert!(defects().all(|defect| !defect.about.is_empty() && !defect.cites.is_empty()));
        names.sort_unstable();
        assert!(names.windows(2).all(|two| two[0] != two[1]), "{names:?}");
    }

    #[test]
    fn another_defect_is_refused_with_the_one_that_was_meant() {
        let told = |name| policies(Some(name)).err().unwrap().to_string();
        assert_eq!(told("nope"), "there is no defect `nope`");
        assert_eq!(
            told("retries-the-same-kye"),
            "there is no defect `retries-the-same-kye`: did you mean `retries-the-same-key`?"
        );
    }

    /// Which files may know of defects: those that define and select them, the one where the name comes in, and
    /// the table of contents.
    #[test]
    fn no_other_file_of_the_crate_speaks_of_defects() {
        fn visit(folder: &std::path::Path, offenders: &mut Vec<String>, seen: &mut usize) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(&path, offenders, seen);
                    continue;
                }
                *seen += 1;
                let allowed = ["serve.rs", "lib.rs"];
                let at_top = path.parent().is_some_and(|parent| parent.ends_with("src"));
                let in_house = path.ancestors().any(|folder| folder.ends_with("src/defects"));
                if in_house || at_top && allowed.iter().any(|name| path.ends_with(name)) {
                    continue;
                }
                if std::fs::read_to_string(&path).unwrap().to_lowercase().contains("defect") {
                    offenders.push(path.display().to_string());
                }
            }
        }
        let (mut offenders, mut seen) = (Vec::new(), 0);
        visit(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut offenders, &mut seen);
        assert!(seen > 20, "only {seen} files were searched");
        assert_eq!(offenders, Vec::<String>::new());
    }
}
