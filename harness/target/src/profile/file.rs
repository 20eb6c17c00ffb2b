//! A profile as it was read from its file, with the templates that it names.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use scenario::{
    Capability, Dialect, Document, Endpoint, Operation, Problem, Source, SourceId, Sources, Span, SuiteError,
};

use crate::money;
use crate::profile::text::problem;
use crate::profile::{Bound, Declaration, Defects, KnownFailure, Mode, UrlPath};
use crate::template::{self, Scope};

/// A larger file is no template of a configuration.
const MOST_BYTES: u64 = 1024 * 1024;

/// A profile that was read, and found sound together with the templates that it names.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What it says.
    pub says: Declaration,
    /// The texts that spans of it refer to: the profile's own, then those of its templates.
    pub sources: Sources,
    folder: PathBuf,
    templates: Vec<Template>,
}

/// A native configuration file of the target.
#[derive(Clone, Debug)]
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
        let folder = std::path::absolute(path.parent().unwrap_or(Path::new("")))
            .unwrap_or_else(|_| PathBuf::from("/"));
        Self::of(Document::read(path)?, path, folder.clone(), |template| read_text(&folder.join(template)))
    }

    /// Reads a profile from a text that is there already, without looking at any file: `template` gives the text of a
    /// template by the path that the profile names it by, and `folder` is where the profile's folder is said to be.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, all at once.
    pub fn read_document(
        document: Document,
        folder: &Path,
        template: impl FnMut(&str) -> io::Result<String>,
    ) -> Result<Self, SuiteError> {
        Self::of(document, Path::new(""), folder.to_owned(), template)
    }

    fn of(
        mut document: Document,
        path: &Path,
        folder: PathBuf,
        mut template_text: impl FnMut(&str) -> io::Result<String>,
    ) -> Result<Self, SuiteError> {
        let mut problems = Vec::new();
        let says = <Declaration as scenario::Read>::read(&document.root, &mut problems);
        let mut templates = Vec::new();
        if let Some(says) = &says {
            says.check(&mut problems);
            for (name, template) in &says.start.files.0 {
                let shown = path.with_file_name(&template.value).display().to_string();
                let text = template_text(&template.value);
                let read = read_template(text, shown, template.span, &mut document.sources, &mut problems);
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

    /// Where chat requests are posted, in the first dialect that the target speaks.
    #[must_use]
    pub fn chat_path(&self) -> &str {
        let own = self.says.paths.chat.as_ref().map(|path| path.0.as_str());
        own.or(self.first_dialect().map(Dialect::chat_path)).unwrap_or("/")
    }

    /// Where chat requests in a dialect are posted. The profile's own path is that of the first dialect.
    #[must_use]
    pub fn chat_path_of(&self, dialect: Dialect) -> &str {
        if self.first_dialect() == Some(dialect) { self.chat_path() } else { dialect.chat_path() }
    }

    /// Where the models are listed.
    #[must_use]
    pub fn models_path(&self) -> &str {
        let own = self.says.paths.models.as_ref().map(|path| path.0.as_str());
        own.or(self.first_dialect().map(Dialect::models_path)).unwrap_or("/")
    }

    /// Where an endpoint answers; `None` if the profile gives no path for it.
    #[must_use]
    pub fn path(&self, endpoint: Endpoint) -> Option<&str> {
        let says = &self.says;
        let path = match endpoint {
            Endpoint::Liveness => says.paths.liveness.as_ref(),
            Endpoint::Readiness => says.paths.readiness.as_ref(),
            Endpoint::Models => return Some(self.models_path()),
            Endpoint::Metrics => says.reads.metrics.as_ref().map(|metrics| &metrics.get),
        };
        path.map(|path: &UrlPath| path.0.as_str())
    }

    /// Whether the profile says where the ledger is read.
    #[must_use]
    pub fn reads_ledger(&self) -> bool {
        self.says.reads.ledger.is_some()
    }

    /// Whether the profile says where counters are read.
    #[must_use]
    pub fn reads_metrics(&self) -> bool {
        self.says.reads.metrics.is_some() || self.says.reads.status.is_some()
    }

    /// Whether an operation can be carried out on the target.
    #[must_use]
    pub fn can(&self, operation: Operation) -> bool {
        match operation {
            // What any process allows.
            Operation::Restart | Operation::Kill | Operation::Start | Operation::Freeze | Operation::Thaw => {
                true
            }
            Operation::DisableKey | Operation::EnableKey | Operation::Reload => {
                self.says.operations.request(operation).is_some()
            }
        }
    }

    /// Whether the target hands a header of its clients on to upstreams.
    #[must_use]
    pub fn forwards(&self, header: &str) -> bool {
        self.says.forwards_headers.iter().any(|known| known.0.eq_ignore_ascii_case(header))
    }

    /// Who served an exchange, by the head of its answer.
    #[must_use]
    pub fn served_by<'h>(&self, head: &'h [(String, String)]) -> Option<&'h str> {
        header(head, &self.says.reads.served_by.as_ref()?.header.0)
    }

    /// What an exchange cost in millionths of a dollar, by the head of its answer.
    #[must_use]
    pub fn cost_micros(&self, head: &[(String, String)]) -> Option<i64> {
        let cost = self.says.reads.cost.as_ref()?;
        money::micros(header(head, &cost.header.0)?, cost.unit)
    }

    fn first_dialect(&self) -> Option<Dialect> {
        self.says.speaks.value.first().copied()
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

/// The value of a header in a head.
fn header<'h>(head: &'h [(String, String)], name: &str) -> Option<&'h str> {
    head.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Takes a template, and tells the mistakes in it. `named` is where the profile names it.
fn read_template(
    text: io::Result<String>,
    shown: String,
    named: Span,
    sources: &mut Sources,
    problems: &mut Vec<Problem>,
) -> Option<SourceId> {
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            problems.push(Problem::new(named, format!("the template `{shown}` cannot be read ({error})")));
            return None;
        }
    };
    let mistakes = template::check(&text, Scope::Start);
    let source = sources.add(Source { name: shown, text });
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    for mistake in mistakes {
        let span = Span { source, start: number(mistake.at.start), end: number(mistake.at.end) };
        problems.push(problem(mistake, span, Scope::Start));
    }
    Some(source)
}

/// The text of a file that is one, and is not too large. A pipe or a device could give bytes for ever, or none.
fn read_text(path: &Path) -> io::Result<String> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("a template has at most 1 MiB"));
    }
    Ok(text)
}
