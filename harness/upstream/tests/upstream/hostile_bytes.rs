//! Callers that send what is no request, or an odd one: the upstream answers as a provider would, or closes, and serves the
//! others meanwhile.

use dialect::{Dialect, Surface};
use serde_json::json;

use crate::dialect_caller::ask;
use crate::stage::{PING, STREAMED_PING, Stage, chat, request};

/// What a caller is to get for its bytes: the statuses of all replies until the connection is closed.
struct Case {
    what: &'static str,
    sent: Vec<u8>,
    statuses: &'static [u16],
}

fn cases(secret: &str) -> Vec<Case> {
    let case = |what, sent: String, statuses| Case { what, sent: sent.into_bytes(), statuses };
    let head = |replaced: &str| chat(secret, PING).replace("host: upstream", replaced);
    let chunked =
        |sizes: &str| chat(secret, "").replace("content-length: 0", "transfer-encoding: chunked") + sizes;
    let many: String = (0..10_000).map(|number| format!("x-{number}: y\r\n")).collect();
    vec![
        case("noise", "\u{1}\u{2}\u{7f}\u{80}".repeat(64) + "\r\n\r\n", &[400]),
        case("a TLS hello", "\u{16}\u{3}\u{1}\u{0}\u{c4}\u{1}\u{0}\r\n\r\n".to_owned(), &[400]),
        case("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        case("10,000 headers", head(&format!("host: upstream\r\n{many}x: y")), &[431]),
        case("a header of 1 MB", head(&format!("x-long: {}", "x".repeat(1_000_000))), &[431]),
        case("two lengths", head("content-length: 4\r\nhost: upstream"), &[400]),
        case("a length that is no number", head("content-length: many\r\nhost: upstream"), &[400]),
        case("a space in a header's name", head("x y: z\r\nhost: upstream"), &[400]),
        case("a NUL in the path", request("GET /v1/\0models", secret, ""), &[400]),
        case("a NUL in a header", head("x-nul: a\0b\r\nhost: upstream"), &[400]),
        case("a chunk of ffffffffffffffff bytes", chunked("ffffffffffffffff\r\nx"), &[]),
        case("a chunk whose size overflows", chunked("fffffffffffffffff\r\nx"), &[]),
        case("a chunk that is longer than it says", chunked("1\r\nxy\r\n0\r\n\r\n"), &[]),
        case("half a head", "POST /v1/chat/completions HTTP/1.1\r\nhost: u".to_owned(), &[]),
        case("half a body", chat(secret, PING)[..chat(secret, PING).len() - 4].to_owned(), &[]),
        case(
            "everything for all",
            request("OPTIONS *", secret, "") + &request("GET /v1/models", secret, ""),
            &[404, 200],
        ),
        case("a whole address", request("GET http://other.example/v1/models", secret, ""), &[200]),
        case("HTTP/1.0", chat(secret, PING).replace("HTTP/1.1", "HTTP/1.0"), &[200]),
        case("a method of its own", request("BREW /v1/models", secret, ""), &[404]),
        case(
            "pipelined requests",
            chat(secret, PING) + &chat("sk-other", PING) + &chat(secret, STREAMED_PING),
            &[200, 401, 200],
        ),
    ]
}

/// The statuses of all replies in what came.
fn statuses(came: &[u8]) -> Vec<u16> {
    let finder = memchr::memmem::find_iter(came, b"HTTP/1.");
    finder.map(|at| String::from_utf8_lossy(&came[at + 9..at + 12]).parse().unwrap()).collect()
}

#[tokio::test]
async fn odd_bytes_get_what_a_provider_says_to_them_and_harm_nobody_else() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut neighbour = stage.caller().await;
    for Case { what, sent, statuses: expected } in cases(stage.secret(0)) {
        let mut caller = stage.caller().await;
        caller.send_what_is_taken(&sent).await;
        neighbour.send(&chat(stage.secret(0), PING)).await;
        assert_eq!(neighbour.reply().await.status, 200, "beside {what}");
        // What is whole is answered, whoever stops to send then.
        caller.sends_no_more().await;
        let came = caller.rest_of_bytes().await;
        assert_eq!(statuses(&came), expected, "{what}: {}", String::from_utf8_lossy(&came));
    }
    assert_eq!(stage.statuses(&[0]).await, [200]);
}

#[tokio::test]
async fn a_request_with_two_ways_to_end_smuggles_nothing_in() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let smuggled = request("GET /v1/models", stage.secret(0), "");
    let hidden = format!("0\r\n\r\n{smuggled}");
    let asked = chat(stage.secret(0), &hidden)
        .replace("host: upstream", "host: upstream\r\ntransfer-encoding: chunked");
    let mut caller = stage.caller().await;
    caller.send(&asked).await;
    caller.sends_no_more().await;
    let came = String::from_utf8(caller.rest_of_bytes().await).unwrap();
    assert_eq!((statuses(came.as_bytes()), stage.leave().await.rows.len()), (vec![400], 1), "{came}");
}

#[tokio::test]
async fn bodies_that_are_no_request_are_refused_in_every_dialect() {
    for dialect in Dialect::ALL {
        let stage = Stage::set(json!({ "dialect": dialect.name(), "keys": 1 })).await;
        let usual = ask(*dialect, Surface::Chat, false, stage.secret(0));
        let (head, body) = usual.split_once("\r\n\r\n").unwrap();
        let length = format!("content-length: {}", body.len());
        let nested = |bracket: &str| {
            body.replacen('{', &format!("{{\"x\":{},", bracket.repeat(100_000)), 1).into_bytes()
        };
        let mut no_text = body.as_bytes().to_vec();
        *no_text.iter_mut().rev().find(|byte| byte.is_ascii_alphabetic()).unwrap() = 0xff;
        let mut caller = stage.caller().await;
        for (what, sent) in [
            ("no UTF-8", no_text),
            ("100,000 lists", nested("[")),
            ("100,000 objects", nested("{\"x\":")),
            ("half of it", body.as_bytes()[..body.len() / 2].to_vec()),
            ("nothing", Vec::new()),
        ] {
            let head = head.replace(&length, &format!("content-length: {}", sent.len()));
            caller.send(&format!("{head}\r\n\r\n")).await;
            caller.send_what_is_taken(&sent).await;
            let reply = caller.reply().await;
            assert!(
                (400..=422).contains(&reply.status),
                "{dialect:?} {what}: {} {}",
                reply.status,
                reply.body
            );
            assert!(
                !reply.json()["error"].is_null() || !reply.json()["object"].is_null(),
                "{dialect:?} {what}: {}",
                reply.body
            );
        }
        caller.send(&usual).await;
        assert_eq!(caller.reply().await.status, 200, "{dialect:?}");
    }
}
