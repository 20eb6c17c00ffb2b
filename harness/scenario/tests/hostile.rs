//! Text that was made to keep the reader busy: it is read in time and in little memory, or refused with a message.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use annotate_snippets::Renderer;
use stormproof_scenario::{Source, Suite, SuiteError, SuiteTexts};

const RULES: &str = include_str!("../../../scenarios/rotation/rules.yaml");

/// A scenario with these parts put in; what is not given is ordinary.
#[derive(Default)]
struct Parts<'t> {
    head: &'t str,
    upstream: &'t str,
    requests: &'t str,
    traffic: &'t str,
    expect: &'t str,
}

impl Parts<'_> {
    fn text(&self) -> String {
        let Self { head, upstream, requests, traffic, expect } = self;
        let upstream = if upstream.is_empty() { "dialect: openai, keys: 2" } else { upstream };
        format!(
            "title: hostile\n{head}\nworld:\n  upstreams:\n    openai: {{ {upstream} }}\n  router:\n    models:\n      \
             chat: {{ pool: openai }}\nrequests:\n  ask: {{ model: chat, prompt: ping }}\n{requests}\ntraffic:\n  \
             - {{ step: ask, send: ask }}\n{traffic}\nwitness:\n  - attempts: {{ count: {{ at_least: 1 }} }}\nexpect:\n  \
             - {{ rule: ROT-001, say: it answers, exchanges: {{ every: {{ status: 200 }} }} }}\n{expect}\n"
        )
    }
}

fn read(text: &str, imports: &[(&str, String)]) -> Result<Suite, SuiteError> {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let began = Instant::now();
    let suite = Suite::of(SuiteTexts {
        scenarios: vec![source("hostile.yaml", text)],
        chapters: vec![source("rules.yaml", RULES)],
        imports: imports.iter().map(|(name, text)| source(name, text)).collect(),
    });
    // Far beyond what it takes without optimisation on a busy machine, and far below what it took without the limits.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    eprintln!("{:?} for {} bytes", began.elapsed(), text.len());
    suite
}

#[track_caller]
fn refused(text: &str, imports: &[(&str, String)], told: &str) {
    let error = read(text, imports).expect_err("it is refused");
    let began = Instant::now();
    let drawn = error.draw(&Renderer::plain());
    eprintln!("{:?} to draw {} bytes", began.elapsed(), drawn.len());
    assert!(drawn.contains(told), "`{told}` is not told in\n{}", &drawn[..drawn.len().min(4_000)]);
    assert!(
        error.count() <= 300 && drawn.len() < 1_000_000,
        "{} mistakes, {} bytes",
        error.count(),
        drawn.len()
    );
}

#[track_caller]
fn sound(text: &str, imports: &[(&str, String)]) -> Suite {
    read(text, imports).unwrap_or_else(|error| {
        let drawn = error.draw(&Renderer::plain());
        panic!("{}", &drawn[..drawn.len().min(4_000)]);
    })
}

/// Lines made from the numbers below a number.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{}", line(number));
        text
    })
}

#[test]
fn a_thousand_cases_are_read() {
    let records = lines(1_000, |n| format!("  - {{ case: case {n}, count: {n}, wait: {n}ms }}"));
    let head = format!("let:\n  more: 5\nfor_each:\n{records}");
    let text = Parts {
        head: &head,
        upstream: "dialect: openai, keys: 4, latency: { head: \"{{ wait }}\" }, script: [{ name: limited, when: { \
                   key: key-1, nth: \"{{ count + more }}\" }, reply: { error: rate_limit, retry_after: \"{{ wait }}\" } }]",
        traffic: "  - { step: again, repeat: \"{{ count + 1 }}\", send: { like: ask, prompt: \"say {{ count * 2 }} of {{ more }}\" } }",
        ..Parts::default()
    };
    assert_eq!(sound(&text.text(), &[]).scenarios[0].cases.len(), 1_000);
}

#[test]
fn cases_and_values_beyond_the_limit_are_refused() {
    let records = lines(1_000, |n| format!("  - {{ case: case {n}, count: {n} }}"));
    let head = format!("for_each:\n{records}\nlet:\n  many: [{}]", "1, ".repeat(2_000));
    let text = Parts { head: &head, upstream: "dialect: openai, keys: \"{{ count }}\"", ..Parts::default() };
    refused(&text.text(), &[], "more than 500000 values in all cases of the scenario");
}

#[test]
fn ten_thousand_keys_are_read_and_no_more() {
    let keys = lines(10_000, |n| format!("key-{n}: {{}},"));
    let text = Parts { upstream: &format!("dialect: openai, keys: {{ {keys} }}"), ..Parts::default() };
    assert_eq!(
        sound(&text.text(), &[]).scenarios[0].cases[0].scenario.world.upstreams.0[0].1.keys.0.len(),
        10_000
    );
    let text = Parts { upstream: "dialect: openai, keys: 10000", ..Parts::default() };
    sound(&text.text(), &[]);
    let text = Parts { upstream: "dialect: openai, keys: 10001", ..Parts::default() };
    refused(&text.text(), &[], "a number of keys from 0 to 10000 is wanted");
    let upstreams = lines(100, |n| format!("    more-{n}: {{ dialect: openai, keys: 10000 }}"));
    let text = Parts::default().text().replace("  router:", &format!("{upstreams}\n  router:"));
    refused(&text, &[], "more than 500000 values in all cases of the scenario");
}

#[test]
fn constants_that_multiply_are_refused() {
    let doubled = lines(60, |n| format!("  a{}: \"{{{{ a{n} }}}}{{{{ a{n} }}}}\"", n + 1));
    let text = Parts { head: &format!("let:\n  a0: {}\n{doubled}", "x".repeat(64)), ..Parts::default() };
    refused(&text.text(), &[], "more than 500000 values in all cases of the scenario");
    let listed = lines(60, |n| format!("  a{}: [\"{{{{ a{n} }}}}\", \"{{{{ a{n} }}}}\"]", n + 1));
    let text = Parts { head: &format!("let:\n  a0: 1\n{listed}"), ..Parts::default() };
    refused(&text.text(), &[], "more than 500000 values in all cases of the scenario");
    let added = lines(60, |n| format!("  a{}: \"{{{{ a{n} + a{n} + a{n} + a{n} }}}}\"", n + 1));
    let text = Parts { head: &format!("let:\n  a0: {}\n{added}", "x".repeat(64)), ..Parts::default() };
    refused(&text.text(), &[], "is too large for an expression");
    let looked_at = lines(20_000, |n| format!("  a{n}: \"{{{{ size(big + big + big) }}}}\""));
    let text =
        Parts { head: &format!("let:\n  big: {}\n{looked_at}", "x".repeat(60_000)), ..Parts::default() };
    refused(&text.text(), &[], "more than 500000 values in all cases of the scenario");
}

#[test]
fn imports_that_multiply_are_refused() {
    let pieces: Vec<(String, String)> = (0..9)
        .map(|n| {
            (format!("piece-{n}.yaml"), lines(100, |k| format!("k{k}: {{ use: piece-{}.yaml }}", n + 1)))
        })
        .collect();
    let pieces: Vec<(&str, String)> =
        pieces.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let text = Parts { head: "let: { use: piece-0.yaml }", ..Parts::default() };
    refused(&text.text(), &pieces, "more than");
    // A piece that is large, named again and again for a small part of it.
    let large =
        format!("small: {{ model: chat, prompt: ping }}\nlarge:\n{}", lines(90_000, |n| format!("- {n}")));
    let requests = lines(10_000, |n| format!("  r{n}: {{ use: large.yaml#small }}"));
    sound(&Parts { requests: &requests, ..Parts::default() }.text(), &[("large.yaml", large.clone())]);
    let requests = lines(100, |n| format!("  r{n}: {{ use: large.yaml }}"));
    refused(
        &Parts { requests: &requests, ..Parts::default() }.text(),
        &[("large.yaml", large)],
        "more than 100000 values with all that is imported",
    );
}

#[test]
fn imports_within_each_other_are_read_to_a_depth() {
    let pieces = |depth: usize| -> Vec<(String, String)> {
        (0..depth)
            .map(|n| {
                let next =
                    if n + 1 < depth { format!("use: piece-{}.yaml", n + 1) } else { "keys: 2".to_owned() };
                (format!("piece-{n}.yaml"), next)
            })
            .collect()
    };
    for (depth, is_sound) in [(8, true), (9, false), (40, false)] {
        let pieces = pieces(depth);
        let pieces: Vec<(&str, String)> =
            pieces.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
        let text = Parts { upstream: "use: piece-0.yaml, dialect: openai", ..Parts::default() }.text();
        if is_sound {
            sound(&text, &pieces);
        } else {
            refused(&text, &pieces, "more than 8 imports within each other");
        }
    }
}

#[test]
fn anchors_around_anchors_are_refused() {
    let text = format!("{}{}{}", "&a [".repeat(60), "x, ".repeat(90_000), "]".repeat(60));
    refused(&text, &[], "more than 100000 values behind anchors");
}

#[test]
fn a_scenario_of_a_mebibyte_is_read() {
    let requests =
        lines(9_000, |n| format!("  r{n}: {{ model: chat, prompt: ping {n} and {} }}", "word ".repeat(6)));
    let traffic = lines(8_000, |n| format!("  - {{ step: s{n}, send: r{n} }}"));
    let text = Parts { requests: &requests, traffic: &traffic, ..Parts::default() }.text();
    assert!(text.len() > 900_000 && text.len() < 1_048_576, "{}", text.len());
    sound(&text, &[]);
    let long = Parts {
        requests: &format!("  long: {{ model: chat, prompt: {} }}", "x ".repeat(500_000)),
        ..Parts::default()
    };
    sound(&long.text(), &[]);
}

#[test]
fn a_mebibyte_of_mistakes_is_told_in_part() {
    let unknown = lines(12_000, |n| format!("  rr{n}: {{ modle: chat, promt: ping }}"));
    refused(
        &Parts { requests: &unknown, ..Parts::default() }.text(),
        &[],
        "of a file only the first 100 mistakes are told",
    );
    let nobody = lines(15_000, |n| format!("  - {{ step: some-step-{n}, send: nobody-{n} }}"));
    refused(&Parts { traffic: &nobody, ..Parts::default() }.text(), &[], "no request is called `nobody-7`");
    let unused = lines(40_000, |n| format!("  unused-{n}: 1"));
    refused(
        &Parts { head: &format!("let:\n{unused}"), ..Parts::default() }.text(),
        &[],
        "nobody uses `unused-7`",
    );
    let conditions = lines(6_000, |n| {
        format!("  - {{ rule: ROT-001, say: s, attempts: {{ none: {{ script: nothing-{n}, stauts: 2 }} }} }}")
    });
    refused(&Parts { expect: &conditions, ..Parts::default() }.text(), &[], "where a field is wanted");
    let one_line = format!("title: [{}]", "{ a: 1 }, ".repeat(20_000));
    refused(&one_line, &[], "where a text is wanted");
}

#[test]
fn a_name_of_a_mebibyte_is_told_shortened() {
    let long = "x".repeat(400_000);
    refused(&format!("? {long}\n: 1\ntitel: x"), &[], "unknown key `xxxx");
    let text =
        Parts { traffic: &format!("  - {{ step: {long}, send: {long}y }}"), ..Parts::default() }.text();
    refused(&text, &[], "no request is called `xxxx");
    let text =
        Parts { expect: &format!("  - {{ rule: {long}, say: s, that: {long} }}"), ..Parts::default() }.text();
    refused(&text, &[], "an expression of more than 500 characters");
    refused(&format!("{}title: x", " \t".repeat(400_000)), &[], "");
}

#[test]
fn texts_that_would_command_the_terminal_are_shown_without_their_controls() {
    for text in ["\u{1}\u{84}", "title: \u{9b}31m\nworld: {", "\u{85}: \u{1b}[2J"] {
        let error = read(text, &[]).expect_err("it is refused");
        let drawn = error.draw(&Renderer::plain());
        assert!(!drawn.contains(|letter: char| letter.is_control() && letter != '\n'), "{drawn:?}");
    }
}

#[test]
fn huge_numbers_and_durations_are_refused() {
    for (upstream, told) in [
        ("dialect: openai, keys: 99999999999999999999", "where a number of keys"),
        ("dialect: openai, keys: 9223372036854775807", "a number of keys from 0 to 10000 is wanted"),
        ("dialect: openai, keys: -1", "a number of keys from 0 to 10000 is wanted"),
        ("dialect: openai, latency: { head: 99999999h }", "where a duration is wanted"),
        ("dialect: openai, latency: { head: 999999999999.999999999999h }", "where a duration is wanted"),
        (
            "dialect: openai, plans: [{ name: p, bucket: { capacity: 4294967296, refill: 1/s } }]",
            "from 0 to 4294967295",
        ),
        (
            "dialect: openai, plans: [{ name: p, bucket: { capacity: 1, refill: 4000000000/ns } }]",
            "where a rate is wanted",
        ),
        ("dialect: openai, reply: { text: { bytes: 999999999999GiB } }", "where a size is wanted"),
        (
            "dialect: openai, reply: { text: { repeat: { text: xxxxxxxx, times: 4294967295 } } }",
            "more than 1GiB",
        ),
        ("dialect: openai, reply: { status: 70000 }", "from 0 to 65535"),
    ] {
        refused(&Parts { upstream, ..Parts::default() }.text(), &[], told);
    }
    for (traffic, told) in [
        ("  - { phase: p, burst: 4294967295, send: ask }", "4294967295 requests open at once"),
        ("  - { phase: p, closed: { clients: 4294967295, requests: 1 }, send: ask }", "open at once"),
        ("  - { phase: p, open: { rate: 4294967295/s, lasts: 1s }, send: ask }", "where a rate is wanted"),
        ("  - { step: p, repeat: 4294967295, send: ask }", "a number of repetitions from 1 to 100000"),
        ("  - { pause: 10001h }", "where a duration is wanted"),
    ] {
        refused(&Parts { traffic, ..Parts::default() }.text(), &[], told);
    }
}

#[test]
fn numbers_in_expressions_that_overflow_are_told() {
    for expression in [
        "9223372036854775807 + 1",
        "-9223372036854775807 - 2",
        "9223372036854775807 * 9223372036854775807",
        "1 / 0",
        "1 % 0",
        "-9223372036854775808 / -1",
        "18446744073709551615u + 1u",
        "int(1e300)",
        "99999999999999999999",
    ] {
        let text = Parts {
            traffic: &format!("  - {{ step: s, repeat: \"{{{{ {expression} }}}}\", send: ask }}"),
            ..Parts::default()
        };
        assert!(read(&text.text(), &[]).is_err(), "{expression}");
    }
}

#[test]
fn texts_with_thousands_of_braces_are_read() {
    let now = format!("let: {{ n: 1 }}\nabout: \"{}\"", "{{ n }} {{ n + 1 }} ".repeat(5_000));
    sound(&Parts { head: &now, ..Parts::default() }.text(), &[]);
    let later = format!(
        "  - {{ step: keep, send: ask, capture: {{ said: {{ text: all }} }} }}\n  - {{ step: later, send: {{ like: ask, prompt: \"{}\" }} }}",
        "{{ captured.said }} ".repeat(5_000)
    );
    sound(&Parts { traffic: &later, ..Parts::default() }.text(), &[]);
    let broken = format!("about: \"{}\"", "{{ ".repeat(50_000));
    refused(&Parts { head: &broken, ..Parts::default() }.text(), &[], "{{");
}

#[test]
fn patterns_and_paths_cannot_keep_the_reader_busy() {
    let claim = |condition: &str| {
        format!("  - {{ rule: ROT-001, say: s, exchanges: {{ every: {{ {condition} }} }} }}\n")
    };
    for (condition, told) in [
        ("text: { matches: '(((a{100}){100}){100}){100}' }", "not a regular expression"),
        (&format!("text: {{ matches: '{}' }}", "(".repeat(10_000)), "not a regular expression"),
        (&format!("json: {{ '$[?{}': 1 }}", "(".repeat(400)), "a JSONPath of more than"),
        (&format!("json: {{ '$[?{}@.a]': 1 }}", "!".repeat(400)), "is no JSONPath"),
    ] {
        refused(&Parts { expect: &claim(condition), ..Parts::default() }.text(), &[], told);
    }
    let many = lines(5_000, |n| claim(&format!("text: {{ matches: '^[a-z]{{20}}{n}$' }}")));
    sound(&Parts { expect: &many, ..Parts::default() }.text(), &[]);
}
