//! The rows of a target's ledger, found by the paths that its profile gives.

use record::{Correlation, Found, LedgerRow, Moment, Tokens};
use serde_json::Value;

use crate::profile::LedgerReading;
use crate::reading::value::{count, document, money, text, texts};
use crate::secrets::Secrets;

/// What a reading is made with.
pub(super) struct Context<'a> {
    pub(super) at: Moment,
    pub(super) correlation: &'a Correlation,
    pub(super) secrets: &'a Secrets,
}

/// A page of a ledger.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<LedgerRow>,
    /// The path of the next one, if there is one.
    pub(super) next: Option<String>,
}

/// The page in a body. A row of another trial is left out.
pub(super) fn page(body: &[u8], says: &LedgerReading, context: &Context<'_>) -> Result<Page, String> {
    let document = document(body)?;
    let mut rows = Vec::new();
    for (index, found) in says.rows.path.query(&document).all().into_iter().enumerate() {
        rows.extend(row(found, says, context).map_err(|error| format!("row {}: {error}", index + 1))?);
    }
    Ok(Page { rows, next: next(&document, says)? })
}

/// The path of the next page: the first one's, with the value that this one names.
fn next(document: &Value, says: &LedgerReading) -> Result<Option<String>, String> {
    let Some(pages) = &says.pages else { return Ok(None) };
    let value = text(document, Some(&pages.next))?;
    let between = if says.get.0.contains('?') { '&' } else { '?' };
    let path = || format!("{}{between}{}={}", says.get.0, pages.parameter, percent_coded(&value));
    Ok((!value.is_empty()).then(path))
}

/// A value as it stands in a query.
fn percent_coded(value: &str) -> String {
    let mut coded = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                coded.push(char::from(byte));
            }
            _ => coded.push_str(&format!("%{byte:02X}")),
        }
    }
    coded
}

fn row(row: &Value, says: &LedgerReading, context: &Context<'_>) -> Result<Option<LedgerRow>, String> {
    let fields = &says.fields;
    let cleaned = |path| text(row, path).map(|text| context.secrets.cleaned(&text));
    let marked = texts(row, fields.exchange.as_ref())?.join("\n");
    let exchange = match context.correlation.find(marked.as_bytes()) {
        Found::Exchange(exchange) => Some(exchange),
        Found::Foreign => return Ok(None),
        Found::Nothing => None,
    };
    let tokens = Tokens {
        input: count(row, fields.input.as_ref())?.unwrap_or(0),
        cache_read: count(row, fields.cache_read.as_ref())?.unwrap_or(0),
        cache_write: count(row, fields.cache_write.as_ref())?.unwrap_or(0),
        output: count(row, fields.output.as_ref())?.unwrap_or(0),
        reasoning: count(row, fields.reasoning.as_ref())?,
    };
    let state = cleaned(fields.state.as_ref())?;
    let tags = texts(row, fields.tags.as_ref())?;
    Ok(Some(LedgerRow {
        at: context.at,
        exchange,
        tenant: cleaned(fields.tenant.as_ref())?,
        model: cleaned(fields.model.as_ref())?,
        key: cleaned(fields.key.as_ref())?,
        tokens,
        cost_micros: money(row, fields.cost.as_ref(), fields.unit)?,
        state: fields.states.get(&state).map_or(state, |known| known.word().to_owned()),
        end_user: cleaned(fields.end_user.as_ref())?,
        tags: tags.iter().map(|tag| context.secrets.cleaned(tag)).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Auth, LedgerFields, LedgerPages, LedgerState, MoneyUnit, UrlPath, ValuePath};
    use record::ExchangeId;
    use scenario::{At, Named, Span};
    use serde_json::json;

    fn path(text: &str) -> ValuePath {
        ValuePath { text: text.to_owned(), path: serde_json_path::JsonPath::parse(text).unwrap() }
    }

    fn says(unit: MoneyUnit) -> LedgerReading {
        let span = Span::default();
        let at = |text: &str| Some(path(text));
        let fields = LedgerFields {
            exchange: at("$['caller_id','prompt_end']"),
            tenant: at("$.tenant"),
            model: at("$.model"),
            key: at("$.key"),
            input: at("$.tokens.input"),
            cache_read: at("$.tokens.cache_read"),
            cache_write: None,
            output: at("$.tokens.output"),
            cost: at("$.cost"),
            unit,
            reasoning: at("$.tokens.reasoning"),
            state: at("$.state"),
            states: Named(vec![(At { value: "success".to_owned(), span }, LedgerState::Settled)]),
            end_user: at("$.user"),
            tags: at("$.tags[*]"),
            span,
        };
        LedgerReading {
            get: UrlPath("/ledger".to_owned()),
            auth: Auth::Admin,
            rows: path("$.rows[*]"),
            shared: false,
            pages: None,
            fields,
            span,
        }
    }

    fn read(row: &Value, unit: MoneyUnit) -> Result<Vec<LedgerRow>, String> {
        let correlation = Correlation::new(7);
        let secrets = Secrets::of([("first", "sk-aaa1")]);
        let context = Context { at: Moment(9), correlation: &correlation, secrets: &secrets };
        page(json!({ "rows": [row] }).to_string().as_bytes(), &says(unit), &context).map(|page| page.rows)
    }

    #[test]
    fn a_row_is_joined_by_its_mark_and_holds_no_secret() {
        let mark = Correlation::new(7).mark(ExchangeId(31));
        let row = json!({
            "caller_id": format!("ask {mark}"), "tenant": "acme", "model": "gpt", "key": "sk-aaa1", "state": "settled",
            "tokens": { "input": 10, "cache_read": 3, "cache_write": 99, "output": 5, "reasoning": 2 }, "cost": 0.000123,
            "user": "ann sk-aaa1", "tags": ["red", "sk-aaa1"],
        });
        let read = read(&row, MoneyUnit::Usd).unwrap();
        let [read] = read.as_slice() else { panic!("one row") };
        assert_eq!((read.at, read.exchange), (Moment(9), Some(ExchangeId(31))));
        assert_eq!(
            read.tokens,
            Tokens { input: 10, cache_read: 3, cache_write: 0, output: 5, reasoning: Some(2) }
        );
        assert_eq!((read.key.as_str(), read.cost_micros), ("<key first>", Some(123)));
        assert_eq!(
            (read.tenant.as_str(), read.model.as_str(), read.state.as_str()),
            ("acme", "gpt", "settled")
        );
        assert_eq!(
            (read.end_user.as_str(), read.tags.join(" ")),
            ("ann <key first>", "red <key first>".to_owned())
        );
    }

    #[test]
    fn a_state_is_told_in_the_words_of_scenarios_where_the_profile_translates_it() {
        for (own, told) in [
            (json!("success"), "settled"),
            (json!("settled"), "settled"),
            (json!("odd"), "odd"),
            (json!(null), ""),
        ] {
            assert_eq!(read(&json!({ "state": own }), MoneyUnit::Usd).unwrap()[0].state, told, "{own}");
        }
    }

    #[test]
    fn what_a_row_does_not_say_is_unknown_and_a_row_of_another_trial_is_none() {
        let read_row = read(&json!({ "cost": null, "tokens": {} }), MoneyUnit::Micros).unwrap();
        assert_eq!((read_row[0].exchange, read_row[0].cost_micros), (None, None));
        assert_eq!(read_row[0].tokens, Tokens::default());
        let foreign = json!({ "caller_id": Correlation::new(8).mark(ExchangeId(1)) });
        assert_eq!(read(&foreign, MoneyUnit::Micros).unwrap(), []);
    }

    #[test]
    fn a_mark_is_found_in_any_of_several_texts() {
        let mark = Correlation::new(7).mark(ExchangeId(5));
        for row in [
            json!({ "caller_id": "somebody", "prompt_end": format!("ping {mark}") }),
            json!({ "caller_id": mark }),
        ] {
            assert_eq!(read(&row, MoneyUnit::Usd).unwrap()[0].exchange, Some(ExchangeId(5)), "{row}");
        }
    }

    #[test]
    fn the_next_page_is_asked_for_by_the_value_that_this_one_names() {
        let correlation = Correlation::new(7);
        let secrets = Secrets::default();
        let context = Context { at: Moment(0), correlation: &correlation, secrets: &secrets };
        let mut says = says(MoneyUnit::Usd);
        let span = Span::default();
        says.pages = Some(LedgerPages { next: path("$.next"), parameter: "after".to_owned(), span });
        let next = |says: &LedgerReading, body: Value| {
            page(body.to_string().as_bytes(), says, &context).unwrap().next
        };
        assert_eq!(next(&says, json!({ "rows": [], "next": 100 })).unwrap(), "/ledger?after=100");
        assert_eq!(next(&says, json!({ "rows": [], "next": null })), None);
        says.get = UrlPath("/ledger?limit=2".to_owned());
        assert_eq!(next(&says, json!({ "next": "a b&c" })).unwrap(), "/ledger?limit=2&after=a%20b%26c");
    }

    #[test]
    fn what_is_not_as_the_profile_says_is_told_with_its_row_and_path() {
        for (row, told) in [
            (
                json!({ "tokens": { "input": "ten" } }),
                "row 1: `$.tokens.input` finds the text `ten` where a whole",
            ),
            (json!({ "tokens": { "output": -1 } }), "`$.tokens.output` finds the number `-1` where a whole"),
            (json!({ "tenant": ["a"] }), "`$.tenant` finds a list where a text is wanted"),
            (json!({ "tags": [{}] }), "`$.tags[*]` finds a map where a text is wanted"),
            (json!({ "cost": "free" }), "`$.cost` finds the text `free` where an amount of money is wanted"),
        ] {
            let error = read(&row, MoneyUnit::Usd).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let correlation = Correlation::new(7);
        let secrets = Secrets::default();
        let context = Context { at: Moment(0), correlation: &correlation, secrets: &secrets };
        assert!(page(b"<html>", &says(MoneyUnit::Usd), &context).unwrap_err().starts_with("it is no JSON"));
    }
}
