//! What the command says to people: text on standard output, mistakes on standard error, colour only where it is wanted.

use std::io::{self, IsTerminal, Write};

use annotate_snippets::Renderer;

use crate::args::Color;

/// Writes to standard output. A reader that has gone away wants no more, which is no error.
pub(crate) fn say(text: &str) {
    drop(io::stdout().lock().write_all(text.as_bytes()));
}

/// Writes to standard error.
pub(crate) fn tell(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// Whether standard output is coloured.
pub(crate) fn colours(when: Color) -> bool {
    wanted(when, &io::stdout())
}

/// How mistakes are drawn on standard error.
pub(crate) fn renderer() -> Renderer {
    if wanted(Color::Auto, &io::stderr()) { Renderer::styled() } else { Renderer::plain() }
}

fn wanted(when: Color, stream: &impl IsTerminal) -> bool {
    match when {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}
