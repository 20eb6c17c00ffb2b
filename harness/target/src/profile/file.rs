//! A profile as it was read from its file, with the templates that it names.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use dialect::Surface;
use record::ToldHeaders;
use scenario::{
    Capability, Dialect, Document, Endpoint, Operation, Problem, Source, SourceId, Sources, Span, SuiteError,
};
use sha2::{Digest, Sha256};

use crate::profile::text::problem;
use crate::profile::{
    Bound, Declaration, Defects, FallbacksOff, KnownFailure, Mode, UrlPath, WithoutFallbacks,
};
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
        // A file without a folder is one of the current folder, and an empty path is none.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = std::path::absolute(folder).unwrap_or_else(|_| PathBuf::from("/"));
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

    /// The SHA-256 of its text with those of its templates, in hexadecimal digits. Where the files stand makes no difference.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut whole = Sha256::new();
        for (_, source) in self.sources.iter() {
            whole.update(source.text.len().to_le_bytes());
            whole.update(&source.text);
        }
        whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
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

    /// Whether scenarios may share an instance of the target.
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

    /// Where a request to a model is posted. The profile's own path is that of chats in the first dialect that the target
    /// speaks; every other one is the dialect's.
    #[must_use]
    pub fn request_path(&self, dialect: Dialect, surface: Surface, model: &str, stream: bool) -> String {
        let own = self.says.paths.chat.as_ref();
        let own = own.filter(|_| surface == Surface::Chat && self.first_dialect() == Some(dialect));
        own.map_or_else(|| dialect.request_path(surface, model, stream), |path| path.0.clone())
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
            Endpoint::Ledger => says.reads.ledger.as_ref().map(|ledger| &ledger.get),
            Endpoint::Status => says.reads.status.as_ref().map(|status| &status.get),
            Endpoint::Keys => says.paths.keys.as_ref(),
            Endpoint::Config => says.paths.config.as_ref(),
            Endpoint::Analytics => says.paths.analytics.as_ref(),
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
                self.says.start.process.is_some()
            }
            Operation::DisableKey | Operation::EnableKey => self.says.operations.request(operation).is_some(),
            Operation::Reload => self.says.operations.reload.is_some(),
        }
    }

    /// Whether the target hands a header of its clients on to upstreams.
    #[must_use]
    pub fn forwards(&self, header: &str) -> bool {
        self.says.forwards_headers.iter().any(|known| known.0.eq_ignore_ascii_case(header))
    }

    /// How a client tells the target to ask no other model; `None` if the profile says no way.
    #[must_use]
    pub fn without_fallbacks(&self) -> Option<WithoutFallbacks<'_>> {
        self.says.without_fallbacks.as_ref().and_then(FallbacksOff::way)
    }

    /// The headers of an answer in which the target tells of an exchange.
    #[must_use]
    pub fn told_headers(&self) -> ToldHeaders {
        self.says.reads.told_headers()
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
