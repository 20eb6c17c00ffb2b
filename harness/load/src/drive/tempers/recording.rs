//! What is recorded of answers beside their rows: events up to a cap, how they ended, and which tools they call.

use std::io::Write;

use hdrhistogram::Histogram;
use record::{FinishWord, tools_hash};

use super::ground::{Driven, Server, histograms, job, read_request, reply, run_recording};
use crate::{Recorded, Schedule, StopSignal};

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// A phase of one request to a server that answers these bytes and closes.
fn recording(answer: Vec<u8>, recorded: Recorded) -> Driven {
    let server = Server::start(move |mut stream| {
        drop(read_request(&mut stream));
        drop(stream.write_all(&answer));
    });
    let once = job(server.address(), Schedule::Burst { count: 1 });
    run_recording(once, &StopSignal::default(), recorded).unwrap()
}

fn stream(events: &[String]) -> Vec<u8> {
    let events: String = events.iter().map(|data| format!("data: {data}\n\n")).collect();
    [STREAM_HEAD, events.as_bytes()].concat()
}

/// A piece of a call of a tool, in the format of OpenAI.
fn call(index: u32, id: &str, arguments: &str) -> String {
    let begun = if id.is_empty() { String::new() } else { format!(r#""id":"{id}","type":"function","#) };
    let name = if id.is_empty() { "" } else { r#""name":"look","# };
    let arguments = arguments.replace('"', "\\\"");
    format!(
        r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":{index},{begun}"function":{{{name}"arguments":"{arguments}"}}}}]}}}}]}}"#
    )
}

#[test]
fn calls_of_tools_are_put_together_from_a_stream_and_from_a_plain_answer_alike() {
    let end = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#;
    let streamed = stream(&[
        call(0, "a", ""),
        call(1, "b", "{\"y\""),
        call(0, "", "{\"x\":1}"),
        call(1, "", ":2}"),
        end.to_owned(),
        "[DONE]".to_owned(),
    ]);
    let whole = r#"{"choices":[{"message":{"tool_calls":[
        {"id":"a","type":"function","function":{"name":"look","arguments":"{ \"x\": 1 }"}},
        {"id":"b","type":"function","function":{"name":"look","arguments":"{\"y\":2}"}}]},
        "finish_reason":"tool_calls"}]}"#;
    let plain = reply("200 OK", "application/json", whole);
    let tools = Recorded { tools: true, ..Recorded::default() };
    for answer in [streamed, plain] {
        let driven = recording(answer.clone(), tools);
        assert_eq!(driven.said.len(), 1);
        let said = &driven.said[0];
        assert_eq!((said.exchange, said.finish), (driven.only_row().id, Some(FinishWord::Tool)));
        assert_eq!((said.tool_calls, said.tools_distinct), (2, true));
        assert_eq!(said.tools_hash, tools_hash([("look", "{\"x\":1}"), ("look", "{\"y\":2}")]));
        assert!(recording(answer, Recorded::default()).said.is_empty(), "nobody asks");
    }
    let refused = reply("500 Internal Server Error", "application/json", "{}");
    assert!(recording(refused, tools).said.is_empty(), "what is no answer says nothing");
}

#[test]
fn a_stream_of_very_many_events_is_told_up_to_a_cap_and_said_to_be_cut() {
    let event = r#"{"choices":[{"delta":{"content":"x"}}]}"#.to_owned();
    let events = Recorded { events: true, ..Recorded::default() };
    for (count, told, cut) in [(10_000, 10_000, 0), (10_003, 10_000, 1)] {
        let driven = recording(stream(&vec![event.clone(); count]), events);
        assert_eq!((driven.events.len(), driven.cut.len()), (told, cut));
        assert!(driven.cut.iter().all(|exchange| *exchange == driven.only_row().id));
        assert_eq!(driven.only_row().contents as usize, count, "each of them counts");
    }
}

#[test]
fn a_phase_that_records_nothing_sends_as_much_and_tells_none_of_it() {
    let answer = reply("200 OK", "application/json", "{}");
    let driven = recording(answer, Recorded { nothing: true, ..Recorded::default() });
    let figures = &driven.report.figures;
    assert_eq!((figures.sent, figures.failed, driven.rows.len()), (1, 0, 0));
    assert!(histograms(figures).iter().all(Histogram::is_empty));
}
