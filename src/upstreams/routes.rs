//! What the control API can be asked, and what it answers.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use scenario::nearest;
use serde_json::{Value, json};

use crate::upstreams::journal::Wanted;
use crate::upstreams::serving::Serving;

/// An answer of the control API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    /// The methods that a path has, where another was tried.
    pub(crate) allow: Option<&'static str>,
}

/// So many attempts are told where nobody says how many.
const USUAL_LIMIT: usize = 100;

/// What there is, for who asks for nothing.
const ROUTES: [(&str, &str); 10] = [
    ("GET /", "what there is"),
    ("GET /upstreams", "what each upstream has counted"),
    ("GET /journal?upstream=NAME&after=NUMBER&limit=COUNT", "the latest attempts, newest last"),
    ("DELETE /journal", "forget the attempts"),
    ("POST /reset", "every upstream as at the start"),
    ("POST /start", "the time of `at:` begins now"),
    ("POST /phases/NAME", "what waits for this phase holds, until DELETE"),
    ("DELETE /phases/NAME", "the phase is over"),
    ("POST /timeline/NAME", "this entry holds now: for as long as it lasts, or until DELETE"),
    ("DELETE /timeline/NAME", "what was fired is over"),
];

impl Answer {
    fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body, allow: None }
    }

    pub(crate) fn refused(status: StatusCode, error: &str, help: Option<String>) -> Self {
        let mut body = json!({ "error": error });
        if let Some(help) = help {
            body["help"] = help.into();
        }
        Self { status, body, allow: None }
    }
}

/// Does what is asked, and answers.
pub(crate) fn answer(serving: &Serving, method: &Method, path: &str, query: &str) -> Answer {
    let decoded: Vec<String> = path.trim_start_matches('/').split('/').map(plain).collect();
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let verb = method.as_str();
    match segments[..] {
        [""] => only(verb, "GET", || index(serving)),
        ["upstreams"] => only(verb, "GET", || Answer::ok(json!({ "upstreams": serving.counts() }))),
        ["journal"] => journal(serving, verb, query),
        ["reset"] => only(verb, "POST", || reset(serving)),
        ["start"] => only(verb, "POST", || {
            serving.restart_clock();
            Answer::ok(json!({ "started": true }))
        }),
        ["phases", name] => switch(verb, ("phase", name), &serving.served.phases, |on| {
            serving.turn_phase(name, on);
            json!({ "phase": name, "running": on })
        }),
        ["timeline", name] => switch(verb, ("timeline entry", name), &serving.served.entries, |on| {
            serving.turn_entry(name, on);
            json!({ "entry": name, "fired": on })
        }),
        _ => {
            let help = "GET / tells what there is".to_owned();
            Answer::refused(StatusCode::NOT_FOUND, "there is no such path", Some(help))
        }
    }
}

fn only(verb: &str, allowed: &'static str, work: impl FnOnce() -> Answer) -> Answer {
    if verb == allowed { work() } else { not_allowed(allowed) }
}

fn not_allowed(allowed: &'static str) -> Answer {
    let error = format!("this path takes {allowed}");
    Answer { allow: Some(allowed), ..Answer::refused(StatusCode::METHOD_NOT_ALLOWED, &error, None) }
}

/// Switches something on or off that has a name.
fn switch(
    verb: &str,
    (what, name): (&str, &str),
    known: &BTreeSet<String>,
    work: impl FnOnce(bool) -> Value,
) -> Answer {
    let on = match verb {
        "POST" => true,
        "DELETE" => false,
        _ => return not_allowed("POST, DELETE"),
    };
    if known.contains(name) {
        return Answer::ok(work(on));
    }
    Answer::refused(StatusCode::NOT_FOUND, &format!("no {what} is called `{name}`"), Some(near(name, known)))
}

fn near(name: &str, known: &BTreeSet<String>) -> String {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match nearest(name, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there is none in this world".to_owned(),
        None => format!("there are: {}", known.join(", ")),
    }
}

fn index(serving: &Serving) -> Answer {
    let routes: serde_json::Map<String, Value> =
        ROUTES.iter().map(|(route, about)| ((*route).to_owned(), (*about).into())).collect();
    let served = &serving.served;
    Answer::ok(json!({
        "world": served.file,
        "case": served.case,
        "seed": served.seed,
        "upstreams": served.world.upstreams.names().collect::<Vec<_>>(),
        "phases": served.phases,
        "running": *serving.running(),
        "timeline": served.entries,
        "mistakes": serving.upstreams.mistakes(),
        "paths": routes,
    }))
}

fn reset(serving: &Serving) -> Answer {
    match serving.reset() {
        Ok(()) => Answer::ok(json!({ "reset": true })),
        Err(error) => Answer::refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), None),
    }
}

fn journal(serving: &Serving, verb: &str, query: &str) -> Answer {
    match verb {
        "GET" => match wanted(query) {
            Ok(Wanted { upstream: Some(name), .. })
                if serving.served.world.upstreams.get(&name).is_none() =>
            {
                let known = serving.served.world.upstreams.names().map(str::to_owned).collect();
                let error = format!("no upstream is called `{name}`");
                Answer::refused(StatusCode::NOT_FOUND, &error, Some(near(&name, &known)))
            }
            Ok(wanted) => Answer::ok(serving.journal.told(&wanted)),
            Err(wrong) => {
                let help = "write for example /journal?upstream=openai&after=20&limit=10".to_owned();
                Answer::refused(StatusCode::BAD_REQUEST, &wrong, Some(help))
            }
        },
        "DELETE" => {
            serving.journal.clear();
            Answer::ok(json!({ "forgotten": true }))
        }
        _ => not_allowed("GET, DELETE"),
    }
}

fn wanted(query: &str) -> Result<Wanted, String> {
    let mut wanted = Wanted { limit: USUAL_LIMIT, ..Wanted::default() };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = plain(&value.replace('+', " "));
        let number = || value.parse().map_err(|_| format!("`{name}={value}` is no number"));
        match name {
            "upstream" => wanted.upstream = Some(value),
            "after" => wanted.after = Some(number()?),
            "limit" => wanted.limit = usize::try_from(number()?).unwrap_or(usize::MAX),
            _ => return Err(format!("`{name}` is no setting of the journal")),
        }
    }
    Ok(wanted)
}

/// A part of a path or query without its percent signs. What is no text becomes the character for that.
fn plain(encoded: &str) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [first, more @ ..] = rest {
        let digits = more.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        // A sign is no digit, whatever the parser thinks.
        let digits = digits.filter(|digits| digits.chars().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_read_where_they_encode_something() {
        for (encoded, read) in [
            ("storm", "storm"),
            ("ask%20again", "ask again"),
            ("%C3%A4", "ä"),
            ("100%", "100%"),
            ("%+1", "%+1"),
            ("%zz%2", "%zz%2"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(plain(encoded), read);
        }
    }

    #[test]
    fn the_journal_is_asked_for_by_upstream_number_and_count() {
        let all = Wanted { upstream: Some("a b".to_owned()), after: Some(3), limit: 7 };
        assert_eq!(wanted("upstream=a+b&after=3&limit=7"), Ok(all));
        assert_eq!(wanted(""), Ok(Wanted { limit: USUAL_LIMIT, ..Wanted::default() }));
        assert_eq!(wanted("limit=many"), Err("`limit=many` is no number".to_owned()));
        assert_eq!(wanted("limits=1"), Err("`limits` is no setting of the journal".to_owned()));
    }
}
