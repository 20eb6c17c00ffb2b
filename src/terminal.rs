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

/// Whether standard error is coloured.
pub(crate) fn colours_errors() -> bool {
    wanted(Color::Auto, &io::stderr())
}

/// The columns and rows of the terminal on standard error, if there is one that can be drawn on.
pub(crate) fn screen() -> Option<(usize, usize)> {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if dumb || !io::stderr().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    // A terminal that does not know its size says that it has none.
    Some(size.filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or((80, 24)))
}

/// How mistakes are drawn on standard error.
pub(crate) fn renderer() -> Renderer {
    if colours_errors() { Renderer::styled() } else { Renderer::plain() }
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
