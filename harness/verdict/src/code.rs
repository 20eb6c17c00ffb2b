//! Code that stands in an answer, between fences.

/// A piece of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Its language, as the fence says; empty if it does not.
    pub(crate) language: String,
    /// The code.
    pub(crate) text: String,
    /// Whether its fence is closed.
    pub(crate) complete: bool,
}

const FENCE: &str = "```";

impl Block {
    /// Every piece of code in a text.
    pub(crate) fn all_in(text: &str) -> Vec<Self> {
        let mut blocks = Vec::new();
        let mut open: Option<Self> = None;
        for line in text.lines() {
            match (&mut open, line.trim_start().strip_prefix(FENCE)) {
                (None, Some(language)) => {
                    let language = language.split_whitespace().next().unwrap_or_default().to_owned();
                    open = Some(Self { language, text: String::new(), complete: false });
                }
                (Some(_), Some(rest)) if rest.trim().is_empty() => {
                    blocks.extend(open.take().map(|block| Self { complete: true, ..block }));
                }
                (Some(block), _) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        blocks.extend(open);
        blocks
    }

    /// Whether its brackets and quotes are closed. A quote ends with its line, since an apostrophe in a comment opens nothing.
    pub(crate) fn is_balanced(&self) -> bool {
        let mut open = Vec::new();
        let mut quote = None;
        let mut characters = self.text.chars();
        while let Some(character) = characters.next() {
            match (quote, character) {
                (Some(_), '\\') => drop(characters.next()),
                (Some(_), '\n') => quote = None,
                (Some(opened), _) if character == opened => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(character),
                (None, '(' | '[' | '{') => open.push(character),
                (None, ')') if open.pop() != Some('(') => return false,
                (None, ']') if open.pop() != Some('[') => return false,
                (None, '}') if open.pop() != Some('{') => return false,
                (None, _) => {}
            }
        }
        open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_what_stands_between_fences() {
        let text = "Here:\n```python\nprint('a')\n```\nand\n  ```\nplain\n```\nthen\n```rust\nfn main() {";
        let blocks = Block::all_in(text);
        let seen: Vec<_> = blocks
            .iter()
            .map(|block| (block.language.as_str(), block.text.as_str(), block.complete))
            .collect();
        let expected =
            [("python", "print('a')\n", true), ("", "plain\n", true), ("rust", "fn main() {\n", false)];
        assert_eq!(seen, expected);
        assert_eq!(Block::all_in("no code"), []);
    }

    #[test]
    fn brackets_and_quotes_are_balanced_or_not() {
        for (text, balanced) in [
            ("f(a[1], {b: 2})", true),
            ("f(a[1]", false),
            ("f(a]", false),
            (")", false),
            ("print(\"(\")", true),
            ("# it's fine\nf()", true),
            ("s = '\\'('", true),
            ("", true),
        ] {
            let block = Block { language: String::new(), text: text.to_owned(), complete: true };
            assert_eq!(block.is_balanced(), balanced, "{text}");
        }
    }
}
