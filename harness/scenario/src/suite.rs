//! Reading a suite: every scenario below some paths with the rules of their chapters, and everything that is wrong with them.

use std::path::PathBuf;

use annotate_snippets::Renderer;
use sha2::{Digest, Sha256};

use crate::cases::{Case, read_cases};
use crate::check::{check, check_whole};
use crate::find::{Unreadable, find_texts};
use crate::imports::{Imports, Library};
use crate::node::{Node, SourceId};
use crate::problem::{MOST_TOLD, Problem, Source, Sources, enough};
use crate::rules::Rules;
use crate::yaml;

/// Scenarios that were read, with the rules that they can cite.
#[derive(Debug, Default)]
pub struct Suite {
    /// The texts that spans refer to.
    pub sources: Sources,
    /// The rules.
    pub rules: Rules,
    /// The scenarios, in the order of their names.
    pub scenarios: Vec<ScenarioFile>,
    /// The files that they name.
    imports: Vec<Source>,
}

/// The texts of a suite, by the names of their files: all that is needed to read it again elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuiteTexts {
    /// The scenarios.
    pub scenarios: Vec<Source>,
    /// The chapters of rules. A rule that an earlier chapter states already is not taken from a later one.
    pub chapters: Vec<Source>,
    /// The files that scenarios name: imported worlds, price tables, traces, golden texts.
    pub imports: Vec<Source>,
}

/// A scenario's file with its cases.
#[derive(Debug)]
pub struct ScenarioFile {
    /// The file as it was named.
    pub name: String,
    /// Its text's number.
    pub source: SourceId,
    /// The SHA-256 of its text, with the texts of the files that it names behind it, in hexadecimal digits.
    pub sha256: String,
    /// Its cases.
    pub cases: Vec<Case>,
}

/// Everything that is wrong with a suite.
#[derive(Debug)]
pub struct SuiteError {
    sources: Sources,
    problems: Vec<Problem>,
    unreadable: Vec<Unreadable>,
}

impl Suite {
    /// Reads a suite from its texts.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, all at once.
    pub fn of(texts: SuiteTexts) -> Result<Self, SuiteError> {
        let library = Library::of(texts.imports.clone());
        Self::read_with(texts, Vec::new(), library)
    }

    /// Reads every scenario below some paths. `contract` holds the chapters of rules that are known whatever the paths,
    /// as file names and texts; the chapters that stand beside the scenarios go before them.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, all at once.
    pub fn read(paths: &[PathBuf], contract: &[(&str, &str)]) -> Result<Self, SuiteError> {
        let (texts, unreadable) = find_texts(paths, contract);
        Self::read_with(texts, unreadable, Library::on_disk())
    }

    /// The texts that it was read from.
    #[must_use]
    pub fn texts(&self) -> SuiteTexts {
        let scenarios: Vec<SourceId> = self.scenarios.iter().map(|file| file.source).collect();
        let mut texts = SuiteTexts { imports: self.imports.clone(), ..SuiteTexts::default() };
        for (id, text) in self.sources.iter() {
            if scenarios.contains(&id) {
                texts.scenarios.push(text.clone());
            } else if !self.imports.contains(text) {
                texts.chapters.push(text.clone());
            }
        }
        texts
    }

    fn read_with(
        texts: SuiteTexts,
        unreadable: Vec<Unreadable>,
        library: Library,
    ) -> Result<Self, SuiteError> {
        let mut reading = Reading { suite: Self::default(), problems: Vec::new(), library };
        for chapter in texts.chapters {
            reading.read_chapter(chapter);
        }
        for scenario in texts.scenarios {
            reading.read_scenario(scenario);
        }
        reading.refuse_equal_titles();
        reading.suite.imports = reading.library.into_read();
        reading.problems.sort_by_key(|problem| problem.span);
        if reading.problems.is_empty() && unreadable.is_empty() {
            return Ok(reading.suite);
        }
        Err(SuiteError { sources: reading.suite.sources, problems: reading.problems, unreadable })
    }
}

impl SuiteError {
    pub(crate) fn of(sources: Sources, problems: Vec<Problem>, unreadable: Vec<Unreadable>) -> Self {
        Self { sources, problems, unreadable }
    }

    /// How many things are wrong: so many as are told.
    #[must_use]
    pub fn count(&self) -> usize {
        self.told().count() + self.unreadable.len()
    }

    /// What is wrong, one below the other, as a user reads it.
    #[must_use]
    pub fn draw(&self, renderer: &Renderer) -> String {
        let mut drawn = String::new();
        for unreadable in &self.unreadable {
            drawn.push_str(&format!("{unreadable}\n"));
        }
        drawn.push_str(&self.sources.draw(self.told(), renderer));
        if self.by_file().any(|of| of.len() >= MOST_TOLD) {
            drawn.push_str(&format!("note: of a file only the first {MOST_TOLD} mistakes are told\n"));
        }
        drawn
    }

    /// The problems without what goes beyond the most of one file.
    fn told(&self) -> impl Iterator<Item = &Problem> {
        self.by_file().flat_map(|of| of.iter().take(MOST_TOLD))
    }

    fn by_file(&self) -> impl Iterator<Item = &[Problem]> {
        self.problems.chunk_by(|one, next| one.span.source == next.span.source)
    }
}

struct Reading {
    suite: Suite,
    problems: Vec<Problem>,
    library: Library,
}

impl Reading {
    fn read_chapter(&mut self, chapter: Source) {
        let mut rules = Rules::default();
        if let Some(root) = self.read_tree(chapter) {
            let mut problems = Vec::new();
            rules.read_chapter(&root, &mut problems);
            self.problems.extend(problems);
        }
        self.suite.rules.add_unknown(rules);
    }

    fn read_scenario(&mut self, scenario: Source) {
        let name = scenario.name.clone();
        let mut digest = Sha256::new_with_prefix(scenario.text.as_bytes());
        let Some(root) = self.read_tree(scenario) else { return };
        let source = root.span.source;
        let mut problems = Vec::new();
        let mut imports = Imports::new(&name, &mut self.library, &mut self.suite.sources, &mut problems);
        let root = imports.resolve(&root);
        if !imports.problems.is_empty() {
            // What was not imported would be told again as missing.
            self.problems.extend(problems);
            return;
        }
        let mut cases = read_cases(&root, imports.problems);
        for case in &mut cases {
            imports.read_files(&mut case.scenario);
        }
        for text in imports.texts() {
            digest.update(text.as_bytes());
        }
        let sha256 = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let is_whole = problems.is_empty();
        for case in &cases {
            let mut found = Vec::new();
            check(&case.scenario, &self.suite.rules, &mut found);
            if is_whole {
                check_whole(&case.scenario, &mut found);
            }
            // Cases share most of their text, and so their mistakes.
            found.retain(|problem| !problems.contains(problem));
            problems.extend(found);
            if enough(&problems) {
                break;
            }
        }
        self.problems.extend(problems);
        self.suite.scenarios.push(ScenarioFile { name, source, sha256, cases });
    }

    fn read_tree(&mut self, source: Source) -> Option<Node> {
        let id = self.suite.sources.add(source);
        match yaml::parse(id, &self.suite.sources.get(id).text) {
            Ok(root) => Some(root),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// Reports show titles, so two scenarios must not share one.
    fn refuse_equal_titles(&mut self) {
        let mut seen: Vec<&crate::read::At<String>> = Vec::new();
        for scenario in self.suite.scenarios.iter().filter_map(|file| Some(&file.cases.first()?.scenario)) {
            match seen.iter().find(|first| first.value == scenario.title.value) {
                Some(first) => self.problems.push(
                    Problem::new(
                        scenario.title.span,
                        format!("a second scenario called `{}`", scenario.title.value),
                    )
                    .also(first.span, "the first one")
                    .help("reports show titles: say what makes this one different"),
                ),
                None => seen.push(&scenario.title),
            }
        }
    }
}
