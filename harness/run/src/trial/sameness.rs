//! Whether a request is the same each time: what phases make once and send a thousand times.

use scenario::{Data, Node, Template, Value};

/// Whether each use of a request is like the first.
pub(crate) fn is_always_the_same(asked: &scenario::Request) -> bool {
    let same = |data: &Option<Data>| data.as_ref().is_none_or(is_the_same_data);
    let plain = |template: &Template| template.as_plain().is_some();
    let named = asked.headers.0.iter().chain(&asked.query.0).map(|(_, value)| value);
    same(&asked.prompt)
        && same(&asked.system)
        && same(&asked.raw_body)
        && asked.model.as_ref().is_none_or(|model| is_plain_text(&model.value))
        && asked.body.as_ref().is_none_or(is_plain)
        && asked.session.iter().chain(&asked.path).chain(named).all(plain)
        && asked.tenant.as_ref().is_none_or(|tenants| tenants.0.len() == 1)
}

/// Whether data is the same each time.
pub(crate) fn is_the_same_data(data: &Data) -> bool {
    match data {
        Data::Text(template) => template.as_plain().is_some(),
        Data::Made(generator) => {
            matches!(generator, scenario::Generator::Repeat(_) | scenario::Generator::Hex(_))
        }
    }
}

/// Whether nothing is filled in anywhere below a node.
fn is_plain(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => is_plain_text(text),
        Value::List(items) => items.iter().all(is_plain),
        Value::Map(entries) => entries.iter().all(|entry| is_plain(&entry.node)),
        Value::Null | Value::Flag(_) | Value::Int(_) | Value::Float(_) => true,
    }
}

fn is_plain_text(text: &str) -> bool {
    Template::parse(text).map_or(true, |template| template.as_plain().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Parts;

    const WORLD: &str =
        "  router: { models: { m: { pool: u }, n: { pool: v } } }\n  tenants: { acme: {}, globex: {} }";

    #[test]
    fn what_is_different_each_time_is_told_from_what_is_not() {
        let same = |it: &str| {
            let requests = format!("  it: {it}");
            let suite = Parts { world: WORLD, requests: &requests, ..Parts::default() }.suite();
            is_always_the_same(suite.scenarios[0].cases[0].scenario.requests.get("it").unwrap())
        };
        assert!(same("{ model: m, prompt: ping, tenant: acme }"));
        assert!(!same("{ model: m, prompt: 'ping {{ exchange.nth }}' }"));
        assert!(!same("{ model: m, prompt: ping, tenant: { cycle: [acme, globex] } }"));
        assert!(!same("{ model: m, prompt: { tokens: 5 } }"));
        assert!(!same("{ model: 'x-{{ exchange.nth }}?', prompt: ping }"));
        assert!(same("{ model: 'x?', prompt: ping }"));
        assert!(same("{ model: m, prompt: ping, body: { a: [b, 1] }, query: { a: b } }"));
        assert!(!same("{ model: m, prompt: ping, body: { a: ['{{ exchange.nth }}'] } }"));
        assert!(!same("{ model: m, prompt: ping, query: { a: '{{ exchange.nth }}' } }"));
    }
}
