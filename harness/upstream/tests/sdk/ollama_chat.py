"""Ollama's own chat by plain HTTP, with nothing but what Python brings along."""

import json
import urllib.error
import urllib.request

from checks import DOORS, TEXT, check, same


def ask(model, stream):
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "ping pong"}]}
    headers = {"content-type": "application/json", "authorization": f"Bearer {DOORS['ollama']['key']}"}
    request = urllib.request.Request(f"{DOORS['ollama']['url']}/api/chat", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as reply:
        return [json.loads(line) for line in reply]


def counts(answer):
    return (answer["done"], answer["done_reason"], answer["prompt_eval_count"], answer["eval_count"])


@check
def a_plain_answer_is_one_object():
    [answer] = ask("chat", False)
    same((answer["message"]["role"], answer["message"]["content"]), ("assistant", TEXT))
    same(counts(answer), (True, "stop", 47, 9))
    [answer] = ask("tools", False)
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in answer["message"]["tool_calls"]]
    same(calls, [("weather", {"city": "Zürich", "days": 3}), ("clock", {})])


@check
def finishes_are_told():
    for model, reason in [("length", "length"), ("tools", "stop")]:
        same((ask(model, False)[0]["done_reason"], ask(model, True)[-1]["done_reason"]), (reason, reason), model)


@check
def calls_are_streamed_whole():
    lines = ask("tools", True)
    calls = [call["function"] for line in lines for call in line["message"].get("tool_calls", [])]
    same([(call["name"], call["arguments"]) for call in calls], [("weather", {"city": "Zürich", "days": 3}), ("clock", {})])


@check
def a_stream_is_an_object_a_line_and_the_last_one_counts():
    *others, last = ask("chat", True)
    same("".join(line["message"]["content"] for line in [*others, last]), TEXT)
    same(([line["done"] for line in others], counts(last)), ([False] * len(others), (True, "stop", 47, 9)))


@check
def an_error_in_a_stream_is_a_line_with_nothing_else():
    *others, last = ask("error-midway", True)
    same("".join(line["message"]["content"] for line in others), "one two")
    same((list(last), [line["done"] for line in others]), (["error"], [False, False]))


@check
def errors_are_a_status_and_a_text():
    for model, status in [("rate_limit", 429), ("model_not_found", 404), ("overloaded", 503)]:
        try:
            ask(model, False)
        except urllib.error.HTTPError as error:
            same((error.code, type(json.load(error)["error"])), (status, str), model)
        else:
            raise AssertionError(f"{model} raised nothing")
