//! Every error of every dialect to the letter: its status, its headers and its body stand in a file for each dialect beside
//! this one, with what a reader makes of them. `STORMPROOF_BLESS=1` writes the files anew.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stormproof_dialect::{
    Cause, Dialect, ErrorBody, ErrorName, Hint, HintForm, Refusal, Unfit, wait_hint_of,
};

/// 2026-10-21T07:28:00Z.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_792_567_680)
}

/// What is told of one refusal: under its title the status, the headers, the body, and what is read of them.
fn told(dialect: Dialect, title: &str, (cause, status): (Cause<'_>, Option<u16>), hints: &[Hint]) -> String {
    let refusal = Refusal { cause, status, hints, now: now(), request_id: "req_1" };
    let reply = dialect.refusal(&refusal);
    let mut told = format!("{title}\n  {}\n", reply.status);
    for (name, value) in &reply.headers {
        told += &format!("  {name}: {value}\n");
    }
    told += &format!("  {}\n", String::from_utf8_lossy(&reply.body));
    let read = ErrorBody::read(Some("application/json"), &reply.body);
    let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let wait = wait_hint_of(reply.status, headers, &reply.body, now());
    let (kind, code) = (read.kind.as_deref().unwrap_or("-"), read.code.as_deref().unwrap_or("-"));
    let wait = wait.map(|hint| format!(", wait {:?} by {}", hint.wait, hint.form.name())).unwrap_or_default();
    told + &format!("  read: {:?}, type {kind}, code {code}{wait}\n", read.shape)
}

fn table(dialect: Dialect) -> String {
    let mut table: Vec<String> = Vec::new();
    for error in ErrorName::ALL {
        table.push(told(dialect, error.name(), (Cause::Named(*error), None), &[]));
    }
    for (title, cause) in [
        ("a model that is not there", Cause::ModelNotFound("a\"b")),
        ("no key", Cause::NoKey),
        ("a header that is missing", Cause::NoHeader("anthropic-version")),
        ("no JSON", Cause::Unfit(Unfit::NotJson)),
        ("no model", Cause::Unfit(Unfit::NoModel)),
        ("no messages", Cause::Unfit(Unfit::NoMessages)),
        ("no input", Cause::Unfit(Unfit::NoInput)),
        ("no most tokens", Cause::Unfit(Unfit::NoMaxTokens)),
        ("an unknown path", Cause::UnknownPath { method: "GET", path: "/v2/\"" }),
    ] {
        table.push(told(dialect, title, (cause, None), &[]));
    }
    for (error, status) in
        [(ErrorName::Overloaded, 529), (ErrorName::Overloaded, 503), (ErrorName::RateLimit, 503)]
    {
        let title = format!("{} as {status}", error.name());
        table.push(told(dialect, &title, (Cause::Named(error), Some(status)), &[]));
    }
    for form in HintForm::ALL {
        let hint = Hint { form: *form, wait: Duration::from_millis(90_250) };
        let title = format!("rate_limit, wait by {}", form.name());
        table.push(told(dialect, &title, (Cause::Named(ErrorName::RateLimit), None), &[hint]));
    }
    let hint = |form, seconds| Hint { form, wait: Duration::from_secs(seconds) };
    let two = [hint(HintForm::Seconds, 60), hint(HintForm::RetryInfo, 5), hint(HintForm::QuotaReset, 7)];
    let usual = dialect.usual_hints().iter().map(|form| hint(*form, 20)).collect::<Vec<_>>();
    for (title, hints) in [("hints that disagree", &two[..]), ("the usual hints", &usual)] {
        for error in [ErrorName::RateLimit, ErrorName::SpendCap] {
            let title = format!("{}, {title}", error.name());
            table.push(told(dialect, &title, (Cause::Named(error), None), hints));
        }
    }
    table.join("\n")
}

#[test]
fn every_error_is_written_to_the_letter() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors");
    let others = [(Dialect::OllamaV1, "ollama-below-v1")];
    let named = Dialect::ALL.iter().map(|dialect| (*dialect, dialect.name()));
    for (dialect, name) in named.chain(others) {
        let (file, table) = (folder.join(format!("{name}.txt")), table(dialect));
        if std::env::var_os("STORMPROOF_BLESS").is_some() {
            std::fs::write(&file, &table).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap();
        for (line, (expected, found)) in (1..).zip(expected.lines().zip(table.lines())) {
            assert_eq!(found, expected, "{} line {line}", file.display());
        }
        assert_eq!(table.lines().count(), expected.lines().count(), "{}", file.display());
    }
}
