//! What keeps a hostile template from exhausting the stack or the memory of whoever reads it.
//!
//! MiniJinja bounds how deep brackets and blocks nest, but not how many operators follow each other, nor how often `elif`
//! does: each makes its tree one level deeper. It also carries out what is constant while it reads, so that a text that is
//! repeated takes its memory at once. Tokens, which it reads one after the other, tell both before any tree is made.

use std::io;

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use crate::template::Mistake;

/// So many words and signs stand between two braces at most.
const MOST_TOKENS: usize = 400;
/// So many `elif` stand in a template at most.
const MOST_ELIFS: usize = 100;

/// So many steps a template takes at most; one for each of the ten thousand keys that a world can have takes few of them.
pub(super) const MOST_STEPS: u64 = 5_000_000;
/// A larger file is no configuration.
const MOST_RENDERED: usize = 16 * 1024 * 1024;

/// What a template has rendered so far.
#[derive(Default)]
pub(super) struct Rendered(Vec<u8>);

impl Rendered {
    /// The text, once it is whole.
    pub(super) fn text(self) -> String {
        // A template renders nothing but text.
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl io::Write for Rendered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_RENDERED {
            return Err(io::Error::other(format!("it renders more than {} MiB", MOST_RENDERED >> 20)));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is too much in a template, if anything is.
pub(super) fn too_much(text: &str, syntax: SyntaxConfig) -> Option<Mistake> {
    let (mut in_tag, mut elifs) = (0, 0);
    let (mut holds_text, mut multiplies, mut behind_value) = (false, false, false);
    for token in tokenize(text, false, syntax) {
        // What is no token ends the parser too, which tells it better.
        let Ok((token, span)) = token else { return None };
        let at = span.start_offset as usize..span.end_offset as usize;
        match token {
            Token::VariableStart | Token::BlockStart => {
                (in_tag, holds_text, multiplies) = (0, false, false);
            }
            Token::Ident("elif") => elifs += 1,
            Token::Str(_) | Token::String(_) | Token::Comma => holds_text = true,
            // Behind a value it opens an index, not a list.
            Token::BracketOpen if !behind_value => holds_text = true,
            Token::Mul => multiplies = true,
            _ => {}
        }
        behind_value = matches!(token, Token::Ident(_) | Token::BracketClose | Token::ParenClose);
        in_tag += 1;
        let message = if in_tag > MOST_TOKENS {
            format!("more than {MOST_TOKENS} words and signs in one pair of braces")
        } else if elifs > MOST_ELIFS {
            format!("more than {MOST_ELIFS} `elif`")
        } else if holds_text && multiplies {
            "a text or list beside `*`: a template repeats with `{% for %}`".to_owned()
        } else {
            continue;
        };
        return Some(Mistake { message, unknown: None, at });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::{Scope, check, rendered, syntax};
    use super::*;

    fn told(text: &str) -> Option<String> {
        too_much(text, syntax()).map(|mistake| mistake.message)
    }

    #[test]
    fn what_would_nest_without_end_is_refused() {
        let chains =
            ["-", "not ", "1+", "1~", "1 and ", "x.", "1<", "1**", "x|f|", "x is y is ", "x if y else "];
        for link in chains {
            let text = format!("{{{{ {}x }}}}", link.repeat(100_000));
            assert!(told(&text).is_some_and(|told| told.contains("words and signs")), "{link}");
            // One that is just short enough is read on the smallest stack that tests have.
            let tokens = MOST_TOKENS / link.split(' ').count().max(2) - 4;
            check(&format!("{{{{ {}x }}}}", link.repeat(tokens)), Scope::Start);
        }
        let elifs = format!("{{% if x %}}{}{{% endif %}}", "{% elif x %}".repeat(50_000));
        assert_eq!(told(&elifs).unwrap(), "more than 100 `elif`");
        let fewer = format!("{{% if port %}}{}{{% endif %}}", "{% elif port %}".repeat(MOST_ELIFS));
        assert_eq!(check(&fewer, Scope::Start), []);
    }

    #[test]
    fn a_text_that_is_repeated_is_refused_before_it_grows() {
        for text in [
            "{{ 'x' * 99999999 }}",
            "{{ 9 * \"x\" }}",
            "{{ [1] * 9 }}",
            "{{ ('x') * 9 }}",
            "{{ (1, 2) * 9 }}",
        ] {
            assert!(told(text).is_some_and(|told| told.contains("beside `*`")), "{text}");
        }
        for text in
            ["{{ port * 1000 }}ms", "{{ 'x' }}{{ port * 2 }}", "'x' * 9", "{{ (models[0].window + 1) * 2 }}"]
        {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn a_template_that_never_ends_or_grows_for_ever_is_stopped() {
        let deep = |inner: &str| {
            let loops: String =
                ["a", "b", "c"].map(|name| format!("{{% for {name} in range(9999) %}}")).concat();
            format!("{loops}{inner}{}", "{% endfor %}".repeat(3))
        };
        let error = rendered(&deep("{% if a > b %}{% endif %}"), &().into()).unwrap_err();
        assert_eq!(super::super::words(&error), "it takes more than 5000000 steps");
        let error = rendered(&deep(&"x".repeat(9_999)), &().into()).unwrap_err();
        assert_eq!(super::super::words(&error), "it renders more than 16 MiB");
    }
}
