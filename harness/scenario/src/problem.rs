//! What is wrong with a file: a message at a position, drawn with the line and carets.

use std::borrow::Cow;
use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::node::{SourceId, Span};

/// Of one file no more mistakes than this are told: the first ones matter, and a file of a thousand is another kind of file.
pub(crate) const MOST_TOLD: usize = 100;
/// A list of valid names that is longer helps nobody.
const MOST_LISTED: usize = 60;
/// A name that is longer was not mistyped.
const LONGEST_NAME: usize = 64;
/// A message that is longer holds a text of the user's.
const LONGEST_MESSAGE: usize = 1_000;

/// Whether so much is wrong already that reading on helps nobody.
pub(crate) fn enough(problems: &[Problem]) -> bool {
    problems.len() >= MOST_TOLD
}

/// One mistake, at the place where the user can mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub span: Span,
    /// What is wrong, as a fragment: `unknown key `titel``.
    pub message: String,
    /// What is meant at the position, under the carets.
    pub label: String,
    /// Another place that matters.
    pub also: Option<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with nothing but a message.
    #[must_use]
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        let message = shortened(message.into(), LONGEST_MESSAGE);
        Self { span, message, label: String::new(), also: None, help: None }
    }

    /// With words under the carets.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = printable(&label.into()).into_owned();
        self
    }

    /// With a second place.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also = Some((span, printable(&label.into()).into_owned()));
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(printable(&help.into()).into_owned());
        self
    }

    /// With the advice to write exactly one of some keys.
    pub(crate) fn one_of<'a>(self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        self.help(format!("write exactly one of: {}", listed(keys)))
    }

    /// With the nearest of some valid names, or all of them if none is near.
    #[must_use]
    pub fn nearest<'a>(self, wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        let valid: Vec<&str> = valid.into_iter().collect();
        match nearest(wrong, &valid) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None if valid.is_empty() => self.help("there is none"),
            None => {
                let list = listed(valid.iter().take(MOST_LISTED).copied());
                let more = valid.len().saturating_sub(MOST_LISTED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                self.help(shortened(format!("valid here: {list}{more}"), LONGEST_MESSAGE))
            }
        }
    }

    /// With the nearest of some valid names, or this advice if none is near.
    #[must_use]
    pub fn nearest_or<'a>(self, wrong: &str, valid: impl IntoIterator<Item = &'a str>, help: &str) -> Self {
        let valid: Vec<&str> = valid.into_iter().collect();
        match nearest(wrong, &valid) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self.help(help),
        }
    }
}

/// The valid name that a wrong one was most likely meant to be.
#[must_use]
pub fn nearest<'a>(wrong: &str, valid: &[&'a str]) -> Option<&'a str> {
    if wrong.len() > LONGEST_NAME {
        return None;
    }
    let longer = valid.iter().find(|name| wrong.len() >= 3 && name.starts_with(wrong));
    if let Some(longer) = longer {
        return Some(longer);
    }
    let length = wrong.chars().count();
    valid
        .iter()
        .filter_map(|name| {
            let other = name.chars().count();
            let allowed = 1.max(length.min(other) / 3);
            let near = name.len() <= LONGEST_NAME && length.abs_diff(other) <= allowed;
            let distance = near.then(|| strsim::damerau_levenshtein(wrong, name))?;
            (distance <= allowed).then_some((distance, *name))
        })
        .min()
        .map(|(_, name)| name)
}

/// Names one behind the other.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A text that is drawn as it stands, without what a terminal would obey.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        Cow::Owned(text.replace(char::is_control, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A text without what goes beyond so many bytes.
fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// A text that was read, and the name that it was asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file as the user named it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The texts of one reading; spans refer to them by number.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Vec<Source>,
}

/// A position as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Sources {
    /// Adds a text. Past 65,535 texts the last number is used again; no suite comes near that.
    pub fn add(&mut self, source: Source) -> SourceId {
        let id = SourceId(u16::try_from(self.texts.len()).unwrap_or(u16::MAX));
        self.texts.push(source);
        id
    }

    /// A text by its number.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.texts[usize::from(id.0)]
    }

    /// Every text with its number.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        (0_u16..).map(SourceId).zip(&self.texts)
    }

    /// Where a span begins.
    #[must_use]
    pub fn position(&self, span: Span) -> Position {
        let text = &self.get(span.source).text;
        let before = &text[..floor_boundary(text, span.start as usize)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            line: count(before.matches('\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
        }
    }

    /// The line on which a span begins, without its end.
    #[must_use]
    pub fn line(&self, span: Span) -> &str {
        let text = &self.get(span.source).text;
        let at = floor_boundary(text, span.start as usize);
        let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
        text[start..].lines().next().unwrap_or_default()
    }

    /// Draws problems one below the other: message, file, line and column, the line with carets, advice.
    #[must_use]
    pub fn draw<'p>(&self, problems: impl IntoIterator<Item = &'p Problem>, renderer: &Renderer) -> String {
        let mut drawn = String::new();
        for problem in problems {
            let group = self.group(problem);
            let rendered = renderer.render(&[group]);
            // The renderer makes most controls visible, but leaves those between U+0080 and U+009F to the terminal.
            let rendered = rendered.replace(|letter| matches!(letter, '\u{80}'..='\u{9f}'), "\u{fffd}");
            // Writing into a string cannot fail.
            let _ = writeln!(drawn, "{rendered}\n");
        }
        drawn
    }

    fn group<'a>(&'a self, problem: &'a Problem) -> Group<'a> {
        let source = self.get(problem.span.source);
        let mut snippet = Snippet::source(source.text.as_str()).path(printable(&source.name)).annotation(
            AnnotationKind::Primary.span(self.shown(problem.span)).label(some(problem.label.as_str())),
        );
        let mut others = None;
        if let Some((span, label)) = &problem.also {
            let note = AnnotationKind::Context.span(self.shown(*span)).label(some(label.as_str()));
            if span.source == problem.span.source {
                snippet = snippet.annotation(note);
            } else {
                let other = self.get(span.source);
                others =
                    Some(Snippet::source(other.text.as_str()).path(printable(&other.name)).annotation(note));
            }
        }
        let mut group = Level::ERROR.primary_title(problem.message.as_str()).element(snippet);
        if let Some(other) = others {
            group = group.element(other);
        }
        match &problem.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }

    /// The part of a span that is drawn: its first line alone, so that a whole map is not underlined.
    fn shown(&self, span: Span) -> std::ops::Range<usize> {
        let text = &self.get(span.source).text;
        let start = floor_boundary(text, span.start as usize);
        let end = floor_boundary(text, span.end as usize).max(start);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        start..end.min(line_end).max(start)
    }
}

fn some(label: &str) -> Option<&str> {
    (!label.is_empty()).then_some(label)
}

fn floor_boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_was_likely_meant() {
        let valid = ["title", "about", "traffic", "witness"];
        for (wrong, meant) in [
            ("titel", Some("title")),
            ("trafic", Some("traffic")),
            ("witnes", Some("witness")),
            ("aboot", Some("about")),
            ("wit", Some("witness")),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, &valid), meant, "{wrong}");
        }
    }

    #[test]
    fn a_position_counts_characters_from_one() {
        let mut sources = Sources::default();
        let source = sources.add(Source { name: "a.yaml".into(), text: "ä: 1\nüb: x\n".into() });
        let start = "ä: 1\nüb: ".len() as u32;
        let span = Span { source, start, end: start + 1 };
        assert_eq!(sources.position(span), Position { line: 2, column: 5 });
        assert_eq!(sources.line(span), "üb: x");
    }

    #[test]
    fn what_a_text_or_a_file_is_called_cannot_command_the_terminal() {
        let hostile = "\u{1b}[31mred\r\u{7}\u{84}\u{9b}31m";
        let mut sources = Sources::default();
        let text = format!("a: {hostile}");
        let source = sources.add(Source { name: format!("{hostile}.yaml"), text });
        let span = Span { source, start: 0, end: 4 };
        let problem = Problem::new(span, hostile).label(hostile).also(span, hostile).help(hostile);
        let drawn = sources.draw([&problem], &Renderer::plain());
        assert!(!drawn.contains(|letter: char| letter.is_control() && letter != '\n'), "{drawn:?}");
    }
}
