//! What is left of a scenario without its parts that are wrong, so that the rest can be looked at in the same go.
//!
//! Only parts that nothing else refers to are left out: to leave out an upstream would make every name of it a mistake.

use crate::node::{Node, Span, Value};
use crate::problem::Problem;

/// Keys of a scenario whose values no other part refers to.
const ALONE: [&str; 6] = ["about", "stage", "tags", "needs", "covers", "seed"];
/// Lists of which no other part refers to an item.
const LISTS: [&str; 2] = ["witness", "expect"];

/// The scenario without what is wrong in it; none where something is wrong that others refer to.
pub(crate) fn without_wrong_parts(root: &Node, problems: &[Problem]) -> Option<Node> {
    let mut entries = root.entries()?.to_vec();
    for problem in problems {
        let at = entries
            .iter()
            .position(|entry| holds(entry.node.span, problem.span) || holds(entry.key_span, problem.span));
        // A part with several mistakes is gone with the first of them; one of no part is of the whole.
        let Some(at) = at else {
            if problem.span != root.span && holds(root.span, problem.span) { continue } else { return None }
        };
        let key = entries[at].key.as_str();
        if ALONE.contains(&key) {
            entries.remove(at);
        } else if LISTS.contains(&key) {
            let Value::List(items) = &mut entries[at].node.value else { return None };
            // An item with several mistakes is gone with the first of them.
            items.retain(|item| !holds(item.span, problem.span));
        } else {
            return None;
        }
    }
    Some(Node { span: root.span, value: Value::Map(entries) })
}

fn holds(outer: Span, inner: Span) -> bool {
    outer.source == inner.source && outer.start <= inner.start && inner.end <= outer.end
}
