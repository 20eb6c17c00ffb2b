//! What has to be recorded beside rows, by what a scenario asks about.

use super::evidence::Case;
use crate::Needs;

#[test]
fn what_is_asked_about_is_recorded_and_nothing_else() {
    let (none, messages) = (Needs::default(), Needs { messages: true, ..Needs::default() });
    let texts = Needs { texts: true, ..none };
    let tools = Needs { tools: true, ..none };
    for (claim, expected) in [
        ("exchanges: { every: { status: 200 } }", none),
        ("exchanges: { every: { header: { x-left: 1 } } }", messages),
        ("exchanges: { every: { header_count: { via: 1 } } }", messages),
        ("exchanges: { every: { told_upstream: openai } }", messages),
        ("exchanges: { where: { told_cost: 1 USD }, count: 1 }", messages),
        ("exchanges: { sum: { of: told_attempts, is: 1 } }", messages),
        ("attempts: { every: { told_request_id: a } }", messages),
        ("exchanges: { none: { carries: { contains: key } } }", messages),
        ("exchanges: { every: { scripted_text: whole } }", texts),
        ("attempts: { every: { scripted_text: whole } }", texts),
        ("exchanges: { every: { finish: stop } }", tools),
        ("exchanges: { where: { tool_calls: 1 }, count: 1 }", tools),
        ("exchanges: { every: { scripted_tools: whole } }", tools),
        ("exchanges: { per: finish, count: 1 }", tools),
        ("events: { every: { kind: content } }", Needs { events: true, ..none }),
        ("exchanges: { quantile: { of: per_token, at: 50%, at_most: 1s } }", Needs { events: true, ..none }),
        // A secret can be spread over several events.
        ("events: { none: { carries: { contains: key } } }", Needs { events: true, texts: true, ..none }),
    ] {
        let case = Case::expecting(claim);
        assert_eq!(Needs::of(case.question().scenario), expected, "{claim}");
    }
}
