//! A profile as it was read from its file, with the templates that it names.

use std::fs;
use std::path::{Path, PathBuf};

use scenario::{Capability, Document, Problem, Source, SourceId, Sources, Span, SuiteError};

use crate::profile::text::problem;
use crate::profile::{Bound, Declaration, Defects, KnownFailure, Mode, UrlPath};
use crate::template;

/// A larger file is no template of a configuration.
const MOST_BYTES: u64 = 1024 * 1024;

/// A profile that was read, and found sound together with the templates that it names.
#[derive(Debug)]
pub struct Profile {
    /// What it says.
    pub says: Declaration,
    /// The texts that spans of it refer to: the profile's own, then those of its templates.
    pub sources: Sources,
    folder: PathBuf,
    templates: Vec<Template>,
}

/// A native configuration file of the target.
#[derive(Debug)]
pub(crate) struct Template {
    /// The file, as a path below the target's folder.
    pub(crate) renders: String,
    source: SourceId,
}

/// Where a template's text stands.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// A file of its own.
    File(SourceId),
    /// A value in the profile.
    Value(Span),
}

impl Profile {
    /// Reads a profile and its templates.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, all at once.
    pub fn read(path: &Path) -> Result<Self, SuiteError> {
        let mut document = Document::read(path)?;
        let mut problems = Vec::new();
        let says = <Declaration as scenario::Read>::read(&document.root, &mut problems);
        let folder = std::path::absolute(path.parent().unwrap_or(Path::new("")))
            .unwrap_or_else(|_| PathBuf::from("/"));
        let mut templates = Vec::new();
        if let Some(says) = &says {
            says.check(&mut problems);
            for (name, template) in &says.start.files.0 {
                let shown = path.with_file_name(&template.value).display().to_string();
                let from = folder.join(&template.value);
                let read = read_template(&from, shown, template.span, &mut document.sources, &mut problems);
                let name = name.value.clone();
                templates.extend(read.map(|source| Template { renders: name, source }));
            }
        }
        match says {
            Some(says) if problems.is_empty() => {
                Ok(Self { says, sources: document.sources, folder, templates })
            }
            _ => Err(document.refused(problems)),
        }
    }

    /// The target's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.says.target.value
    }

    /// Whether the target claims a capability.
    #[must_use]
    pub fn claims(&self, capability: Capability) -> bool {
        self.says.claims.iter().any(|claim| claim.value == capability)
    }

    /// A bound that the target declares.
    #[must_use]
    pub fn bound(&self, name: &str) -> Option<Bound> {
        self.says.bounds.get(name).copied()
    }

    /// Whether scenarios share an instance of the target.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.says.start.mode == Mode::Shared
    }

    /// How a defect of the target is switched on, if it has any.
    #[must_use]
    pub fn defects(&self) -> Option<&Defects> {
        self.says.defects.as_ref()
    }

    /// The failures that the profile confesses.
    #[must_use]
    pub fn known_failures(&self) -> &[KnownFailure] {
        &self.says.known_failures
    }

    /// Where chat requests are posted.
    #[must_use]
    pub fn chat_path(&self) -> &str {
        self.path_or(self.says.paths.chat.as_ref(), scenario::Dialect::chat_path)
    }

    /// Where the models are listed.
    #[must_use]
    pub fn models_path(&self) -> &str {
        self.path_or(self.says.paths.models.as_ref(), scenario::Dialect::models_path)
    }

    fn path_or<'a>(
        &'a self,
        path: Option<&'a UrlPath>,
        default: impl FnOnce(scenario::Dialect) -> &'static str,
    ) -> &'a str {
        let first = self.says.speaks.value.first().copied();
        path.map_or_else(|| default(first.expect("a profile speaks a dialect")), |path| &path.0)
    }

    /// The folder of the profile's file, absolute.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The native configuration files.
    pub(crate) fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// A template's text.
    pub(crate) fn text(&self, template: &Template) -> (&str, Place) {
        (&self.sources.get(template.source).text, Place::File(template.source))
    }

    /// A place in words, with the line that counts from the template's first one.
    pub(crate) fn told(&self, place: Place, line: usize) -> String {
        match place {
            Place::File(source) => format!("`{}`, line {line}", self.sources.get(source).name),
            Place::Value(span) => {
                let position = self.sources.position(span);
                let name = &self.sources.get(span.source).name;
                format!("`{name}`, line {}, column {}", position.line, position.column)
            }
        }
    }
}

/// Reads a template, and tells the mistakes in it. `named` is where the profile names it.
fn read_template(
    path: &Path,
    shown: String,
    named: Span,
    sources: &mut Sources,
    problems: &mut Vec<Problem>,
) -> Option<SourceId> {
    let text = fs::metadata(path).and_then(|found| {
        if found.len() > MOST_BYTES {
            return Err(std::io::Error::other("a template has at most 1 MiB"));
        }
        fs::read_to_string(path)
    });
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            problems.push(Problem::new(named, format!("the template `{shown}` cannot be read ({error})")));
            return None;
        }
    };
    let mistakes = template::check(&text);
    let source = sources.add(Source { name: shown, text });
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    for mistake in mistakes {
        let span = Span { source, start: number(mistake.at.start), end: number(mistake.at.end) };
        problems.push(problem(mistake, span));
    }
    Some(source)
}
