//! Expressions in CEL: what the language takes of it, and which names an expression is about.
//!
//! A scenario may come from anywhere, so an expression is short, flat, and goes through no list: it cannot keep the reader
//! busy.

use cel::common::ast::{EntryExpr, Expr};
use cel::{IdedExpr, Program};

/// A longer expression is a program, and belongs into no scenario.
const MOST_BYTES: usize = 500;
/// What to write where an expression cannot be read or has no value.
pub(crate) const EXPRESSION_HELP: &str = "an expression is a name or a calculation with names: `{{ wait }}`, `{{ retries + 1 }}`, `{{ wait - way }}`";
/// Brackets and choices within each other.
const MOST_DEPTH: usize = 8;

/// The expression of a text, or what is wrong with it.
pub(crate) fn compile(text: &str) -> Result<Program, String> {
    if text.is_empty() {
        return Err("an expression of nothing: write a name between the braces".to_owned());
    }
    if text.len() > MOST_BYTES {
        return Err(format!("an expression of more than {MOST_BYTES} characters"));
    }
    if depth(text) > MOST_DEPTH {
        return Err(format!("an expression nested more than {MOST_DEPTH} levels deep"));
    }
    let program =
        Program::compile(text).map_err(|errors| format!("not an expression: {}", syntax(&errors)))?;
    let mut goes_through = false;
    walk(program.expression(), &mut |expr| goes_through |= matches!(expr, Expr::Comprehension(_)));
    if goes_through {
        return Err(
            "an expression that goes through a list: `all`, `exists`, `map` and `filter` are not for \
                    scenarios"
                .to_owned(),
        );
    }
    Ok(program)
}

/// Why an expression has no value, in words for the user.
pub(crate) fn no_value(error: &cel::ExecutionError) -> String {
    use cel::ExecutionError as Error;
    match error {
        Error::DivisionByZero(_) | Error::RemainderByZero(_) => "it divides by zero".to_owned(),
        Error::Overflow(..) => "a number in it goes beyond 64 bits".to_owned(),
        Error::UndeclaredReference(name) => format!("there is no function `{name}`"),
        Error::NoSuchKey(key) => format!("there is no `{key}` in it"),
        Error::IndexOutOfBounds(_) => "a list in it is not that long".to_owned(),
        Error::InvalidArgumentCount { expected, actual } => {
            format!("a function in it takes {expected} values, not {actual}")
        }
        Error::UnsupportedBinaryOperator(..) | Error::ValuesNotComparable(..) => {
            "the values on its two sides do not go together".to_owned()
        }
        _ => "what it does cannot be done with these values".to_owned(),
    }
}

/// How deep brackets and choices are nested at most; those in quotes count too.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest, mut choices) = (0_usize, 0, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'?' => choices += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest + choices
}

/// What is wrong with the syntax of an expression, without the parser's list of everything that it would have taken.
fn syntax(errors: &cel::ParseErrors) -> String {
    let first = errors.errors.first().map(|error| error.msg.trim()).unwrap_or_default();
    let message = first.split(" expecting ").next().unwrap_or(first);
    let message = message.trim_start_matches("Syntax error: ");
    let behind = |opening: &str| {
        message.strip_prefix(opening).map(|at| at.trim_matches(|letter| letter == '\'' || letter == ' '))
    };
    if message.contains("<EOF>") {
        "it ends too early".to_owned()
    } else if let Some(at) = behind("extraneous input ").or(behind("mismatched input ")) {
        format!("`{at}` cannot stand where it does")
    } else if let Some(at) = behind("no viable alternative at input ") {
        format!("nothing can begin with `{at}`")
    } else {
        message.to_owned()
    }
}

/// The names that an expression is about, each once, in the order of the text.
pub(crate) fn roots(program: &Program) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    walk(program.expression(), &mut |expr| {
        if let Expr::Ident(name) = expr
            && !names.contains(&name.as_str())
        {
            names.push(name);
        }
    });
    names
}

/// The names behind `root.` in an expression, as often as they stand there.
pub(crate) fn names_behind(root: &str, program: &Program) -> Vec<String> {
    let mut names = Vec::new();
    walk(program.expression(), &mut |expr| {
        if let Expr::Select(select) = expr
            && matches!(&select.operand.expr, Expr::Ident(name) if name == root)
        {
            names.push(select.field.clone());
        }
    });
    names
}

/// Whether an expression is a comparison, and so either true or false.
pub(crate) fn is_comparison(program: &Program) -> bool {
    const COMPARING: [&str; 10] = ["_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_", "_&&_", "_||_", "!_", "@in"];
    match &program.expression().expr {
        Expr::Call(call) => COMPARING.contains(&call.func_name.as_str()),
        _ => false,
    }
}

fn walk<'e>(node: &'e IdedExpr, visit: &mut impl FnMut(&'e Expr)) {
    visit(&node.expr);
    match &node.expr {
        Expr::Call(call) => {
            call.target.as_deref().into_iter().chain(&call.args).for_each(|part| walk(part, visit));
        }
        Expr::Select(select) => walk(&select.operand, visit),
        Expr::List(list) => list.elements.iter().for_each(|part| walk(part, visit)),
        Expr::Map(map) => map.entries.iter().for_each(|entry| walk_entry(&entry.expr, visit)),
        Expr::Struct(made) => made.entries.iter().for_each(|entry| walk_entry(&entry.expr, visit)),
        // Refused as a whole.
        Expr::Comprehension(_) => {}
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn walk_entry<'e>(entry: &'e EntryExpr, visit: &mut impl FnMut(&'e Expr)) {
    match entry {
        EntryExpr::MapEntry(entry) => {
            walk(&entry.key, visit);
            walk(&entry.value, visit);
        }
        EntryExpr::StructField(field) => walk(&field.value, visit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_an_expression_are_known_in_the_order_of_the_text() {
        let program = compile("b.x * 2 <= a.y && [a.z] != [b.x] && 'b.w' != c").unwrap();
        assert_eq!(roots(&program), ["b", "a", "c"]);
        assert_eq!(names_behind("b", &program), ["x", "x"]);
        assert_eq!(names_behind("a", &program), ["y", "z"]);
        assert!(is_comparison(&program));
        assert!(!is_comparison(&compile("a.y + 1").unwrap()));
    }

    #[test]
    fn an_expression_cannot_keep_the_reader_busy() {
        let list = "[1, 2, 3]";
        for (text, told) in [
            (String::new(), "an expression of nothing"),
            ("a + ".repeat(200) + "a", "more than 500 characters"),
            ("(".repeat(200) + "a" + &")".repeat(200), "nested more than 8 levels deep"),
            ("a ? b : ".repeat(40) + "c", "nested more than 8 levels deep"),
            (format!("{list}.all(x, {list}.all(y, x < y))"), "goes through a list"),
            ("1 +".to_owned(), "not an expression: "),
        ] {
            let message = compile(&text).unwrap_err();
            assert!(message.contains(told), "{message} for {text}");
        }
        let deepest = "(".repeat(8) + &"a+".repeat(200) + "a" + &")".repeat(8);
        assert!(compile(&deepest).is_ok());
        assert!(compile(&("!".repeat(499) + "a")).is_ok());
        assert!(compile(&("-".repeat(499) + "a")).is_ok());
        assert!(compile(&("a".to_owned() + &".b".repeat(249))).is_ok());
    }
}
