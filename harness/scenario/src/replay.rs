//! A trace of arrivals: when requests were sent, counted from the first.

use std::time::Duration;

use crate::node::{SourceId, Value};
use crate::read::Read;
use crate::yaml;

/// More arrivals than this belong to no trace that one machine replays.
const MOST: usize = 1_000_000;

/// The offsets in a trace, in order.
///
/// # Errors
///
/// The text is no trace, in words for the user.
pub fn offsets(text: &str) -> Result<Vec<Duration>, String> {
    let node = yaml::parse(SourceId::default(), text).map_err(|problem| {
        let line =
            text.as_bytes()[..text.len().min(problem.span.start as usize)].split(|byte| *byte == b'\n');
        format!("line {} of the trace: {}", line.count(), problem.message)
    })?;
    let Value::List(items) = &node.value else {
        return Err(format!("{} where a trace is wanted", node.described()));
    };
    if items.is_empty() || items.len() > MOST {
        return Err(format!("a trace of {} arrivals", items.len()));
    }
    let mut problems = Vec::new();
    let mut offsets = Vec::with_capacity(items.len());
    for (number, item) in items.iter().enumerate() {
        let Some(offset) = Duration::read(item, &mut problems) else {
            let message = problems.pop().map_or_else(String::new, |problem| problem.message);
            return Err(format!("arrival {} of the trace: {message}", number + 1));
        };
        if offsets.last().is_some_and(|last| *last > offset) {
            return Err(format!("arrival {} of the trace goes back in time", number + 1));
        }
        offsets.push(offset);
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_a_list_of_offsets_that_never_goes_back() {
        let millis = |ms| Duration::from_millis(ms);
        assert_eq!(
            offsets("[0ms, 10ms, 10ms, 1s]"),
            Ok(vec![millis(0), millis(10), millis(10), millis(1_000)])
        );
        for (text, message) in [
            ("[1s, 10ms]", "arrival 2 of the trace goes back in time"),
            ("[]", "a trace of 0 arrivals"),
            ("a: 1", "a map where a trace is wanted"),
            ("[5]", "arrival 1 of the trace: the number `5` where a duration is wanted"),
        ] {
            assert_eq!(offsets(text), Err(message.to_owned()), "{text}");
        }
    }
}
