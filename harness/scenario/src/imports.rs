//! Files that a scenario names: pieces that `use:` lays under a map, price tables, traces, golden texts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::find::near_path;
use crate::model::{Claim, FileText, Quantifier, RowClaim, Scenario, Schedule, Traffic};
use crate::node::{Entry, Node, Span, Value};
use crate::problem::{Problem, Source, Sources, enough};
use crate::yaml;

/// A file that imports a file that imports a file, and so on: deeper than this nobody can follow.
const DEEPEST: usize = 8;
/// More values than this, those of imported pieces counted each time, are no scenario.
const MOST_VALUES: usize = 100_000;
/// A larger file is no piece of a scenario.
const MOST_BYTES: u64 = 1024 * 1024;

/// Where named files come from: the disk, or the texts of a suite that was read before.
#[derive(Debug)]
pub(crate) struct Library {
    /// The texts to choose from; none for the disk.
    given: Option<BTreeMap<String, Arc<str>>>,
    /// Those that somebody named.
    read: BTreeMap<String, Arc<str>>,
}

impl Library {
    /// Files on disk.
    pub(crate) fn on_disk() -> Self {
        Self { given: None, read: BTreeMap::new() }
    }

    /// These texts and no others.
    pub(crate) fn of(texts: Vec<Source>) -> Self {
        let texts = texts.into_iter().map(|source| (source.name, Arc::from(source.text))).collect();
        Self { given: Some(texts), read: BTreeMap::new() }
    }

    /// Every text that was read, by its name.
    pub(crate) fn into_read(self) -> Vec<Source> {
        self.read.into_iter().map(|(name, text)| Source { name, text: text.as_ref().to_owned() }).collect()
    }

    /// The name and text of a file that a file names: beside it, in a folder above it, or in the working directory.
    fn find(&mut self, from: &str, path: &str) -> Result<(String, Arc<str>), Missing> {
        let mut tried = Vec::new();
        for candidate in candidates(from, path) {
            let name = plain(&candidate).display().to_string();
            if let Some(text) = self.read.get(&name) {
                return Ok((name, Arc::clone(text)));
            }
            let text = match &self.given {
                Some(given) => given.get(&name).map(Arc::clone),
                None if candidate.is_file() => Some(Arc::from(read_text(&candidate)?)),
                None => None,
            };
            if let Some(text) = text {
                self.read.insert(name.clone(), Arc::clone(&text));
                return Ok((name, text));
            }
            tried.push(candidate);
        }
        let first = tried.first().map_or_else(|| path.to_owned(), |path| path.display().to_string());
        let message = format!("no file `{first}`, nor one of that name in a folder above it or here");
        let help = match tried.iter().filter(|_| self.given.is_none()).find_map(|path| near_path(path)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a path begins beside the file that names it, in a folder above it, or in the working directory"
                .to_owned(),
        };
        Err(Missing { message, help })
    }
}

/// Why there is no text of a file.
struct Missing {
    message: String,
    help: String,
}

impl Missing {
    fn at(self, span: Span) -> Problem {
        Problem::new(span, self.message).help(self.help)
    }
}

fn candidates(from: &str, path: &str) -> Vec<PathBuf> {
    if Path::new(path).is_absolute() {
        return vec![PathBuf::from(path)];
    }
    let mut candidates: Vec<PathBuf> =
        Path::new(from).ancestors().skip(1).map(|folder| folder.join(path)).collect();
    let here = PathBuf::from(path);
    if !candidates.contains(&here) {
        candidates.push(here);
    }
    candidates
}

/// A path without `..`, as far as they can be taken off: the name of a file does not depend on the way that led to it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let takes_back = part == Component::ParentDir
            && matches!(plain.components().next_back(), Some(Component::Normal(_)));
        if takes_back {
            plain.pop();
        } else if part != Component::CurDir {
            plain.push(part);
        }
    }
    plain
}

fn read_text(path: &Path) -> Result<String, Missing> {
    let missing = |what: &str, help: &str| Missing {
        message: format!("`{}` {what}", path.display()),
        help: help.to_owned(),
    };
    let unreadable = |error| missing(&format!("cannot be read ({error})"), "look at its permissions");
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MOST_BYTES {
        let what = format!("is too large ({} MiB)", size.div_ceil(MOST_BYTES));
        return Err(missing(&what, "a file that a scenario names has at most 1 MiB"));
    }
    String::from_utf8(fs::read(path).map_err(unreadable)?)
        .map_err(|_| missing("is not UTF-8", "save the file as UTF-8"))
}

/// The files that one scenario names.
pub(crate) struct Imports<'r> {
    from: String,
    library: &'r mut Library,
    sources: &'r mut Sources,
    pub(crate) problems: &'r mut Vec<Problem>,
    /// Trees that were read already, so that a file stands once among the sources.
    trees: BTreeMap<String, Option<Rc<Node>>>,
    texts: BTreeMap<String, Arc<str>>,
    /// How many values the tree has so far.
    values: usize,
}

impl<'r> Imports<'r> {
    pub(crate) fn new(
        from: &str,
        library: &'r mut Library,
        sources: &'r mut Sources,
        problems: &'r mut Vec<Problem>,
    ) -> Self {
        Self {
            from: from.to_owned(),
            library,
            sources,
            problems,
            trees: BTreeMap::new(),
            texts: BTreeMap::new(),
            values: 0,
        }
    }

    /// The texts that were read, in the order of their names.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.values().map(AsRef::as_ref)
    }

    /// The tree with everything that it imports.
    pub(crate) fn resolve(&mut self, root: &Node) -> Node {
        let mut way = vec![self.from.clone()];
        self.laid(root, &mut way, "")
    }

    /// Lays the piece that a map's `use:` names under the map, and goes on inside. `key` is the key that the node stands under.
    fn laid(&mut self, node: &Node, way: &mut Vec<String>, key: &str) -> Node {
        self.values += 1;
        if self.values > MOST_VALUES || enough(self.problems) {
            // Told once; what is left out leads to nothing more than mistakes behind this one.
            if self.values == MOST_VALUES + 1 {
                let message = format!("more than {MOST_VALUES} values with all that is imported");
                self.problems.push(
                    Problem::new(node.span, message).help("values count each time that `use:` lays them"),
                );
            }
            return Node { span: node.span, value: Value::Null };
        }
        match &node.value {
            Value::List(items) => {
                let items = items.iter().map(|item| self.laid(item, way, "")).collect();
                Node { span: node.span, value: Value::List(items) }
            }
            // A price table is a file of its own more often than not.
            Value::Text(path) if key == "prices" && !path.contains("{{") => {
                self.piece(path, node.span, way).unwrap_or_else(|| node.clone())
            }
            Value::Map(entries) => self.laid_map(node, entries, way),
            _ => node.clone(),
        }
    }

    fn laid_map(&mut self, node: &Node, entries: &[Entry], way: &mut Vec<String>) -> Node {
        let own = entries.iter().filter(|entry| entry.key != "use");
        let own: Vec<Entry> = own
            .map(|entry| {
                // The body of a request is the user's own: a field of it that is called `use` is sent.
                let node = if entry.key == "body" {
                    entry.node.clone()
                } else {
                    self.laid(&entry.node, way, &entry.key)
                };
                Entry { key: entry.key.clone(), key_span: entry.key_span, node }
            })
            .collect();
        let own = Node { span: node.span, value: Value::Map(own) };
        let Some(import) = entries.iter().find(|entry| entry.key == "use") else { return own };
        let Value::Text(path) = &import.node.value else {
            let message = format!("{} where the path of a file is wanted", import.node.described());
            let help = "write `use: worlds/pool.yaml`, or `use: worlds/pool.yaml#upstreams.openai` for a piece of it";
            self.problems.push(Problem::new(import.node.span, message).help(help));
            return own;
        };
        match self.piece(path, import.node.span, way) {
            Some(piece) if piece.entries().is_none() => {
                let message = format!(
                    "`{path}` holds {} and no map that could be laid under this one",
                    piece.described()
                );
                let help = "name a map, or a map inside the file: `use: FILE.yaml#KEY.KEY`";
                self.problems.push(Problem::new(import.node.span, message).help(help));
                own
            }
            Some(piece) => piece.merged(&own),
            None => own,
        }
    }

    /// The piece that `PATH` or `PATH#a.b` names, with its own imports.
    fn piece(&mut self, named: &str, span: Span, way: &mut Vec<String>) -> Option<Node> {
        let (path, inner) = named.split_once('#').map_or((named, None), |(path, inner)| (path, Some(inner)));
        let from = way.last().cloned().unwrap_or_default();
        let (name, text) = match self.library.find(&from, path) {
            Ok(found) => found,
            Err(missing) => {
                self.problems.push(missing.at(span));
                return None;
            }
        };
        if way.contains(&name) {
            let problem = Problem::new(span, format!("`{name}` imports itself"));
            self.problems.push(problem.help("name a file that does not lead back to this one"));
            return None;
        }
        if way.len() > DEEPEST {
            let problem = Problem::new(span, format!("more than {DEEPEST} imports within each other"));
            self.problems.push(problem.help("lay fewer pieces over each other"));
            return None;
        }
        let tree = self.tree(&name, &text)?;
        let mut found = &*tree;
        for key in inner.iter().flat_map(|inner| inner.split('.')) {
            let Some(next) = found.get(key) else {
                let known: Vec<&str> =
                    found.entries().unwrap_or_default().iter().map(|entry| entry.key.as_str()).collect();
                let problem = Problem::new(span, format!("`{name}` has no `{key}`"));
                self.problems.push(problem.nearest(key, known));
                return None;
            };
            found = next;
        }
        way.push(name);
        let laid = self.laid(found, way, "");
        way.pop();
        Some(laid)
    }

    fn tree(&mut self, name: &str, text: &Arc<str>) -> Option<Rc<Node>> {
        if let Some(tree) = self.trees.get(name) {
            return tree.clone();
        }
        self.texts.insert(name.to_owned(), Arc::clone(text));
        let id = self.sources.add(Source { name: name.to_owned(), text: text.as_ref().to_owned() });
        let tree = yaml::parse(id, &self.sources.get(id).text);
        let tree = tree.map_err(|problem| self.problems.push(problem)).ok().map(Rc::new);
        self.trees.insert(name.to_owned(), tree.clone());
        tree
    }

    /// Reads the texts that a case names.
    pub(crate) fn read_files(&mut self, scenario: &mut Scenario) {
        let claims = scenario.expect.iter_mut().filter_map(|expectation| match &mut expectation.claim {
            Claim::Rows(claim) => Some(claim),
            Claim::That(_) => None,
        });
        let witnesses = scenario.witness.iter_mut().map(|witness| &mut witness.claim);
        for claim in claims.chain(witnesses) {
            self.read_file_of(claim);
        }
        for entry in &mut scenario.traffic {
            if let Traffic::Phase(phase) = entry
                && let Schedule::Replay(file) = &mut phase.schedule
            {
                self.read_file(file);
            }
        }
    }

    fn read_file_of(&mut self, claim: &mut RowClaim) {
        if let Quantifier::Matches(file) = &mut claim.quantifier {
            self.read_file(file);
        }
    }

    fn read_file(&mut self, file: &mut FileText) {
        match self.library.find(&self.from, &file.path.value) {
            Ok((name, text)) => {
                file.text = text;
                self.texts.insert(name, Arc::clone(&file.text));
            }
            Err(missing) => {
                let problem = missing.at(file.path.span);
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
            }
        }
    }
}
