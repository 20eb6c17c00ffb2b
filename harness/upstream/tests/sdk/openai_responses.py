"""The surface of responses, plain and streamed, through the library `openai`."""

import json

import openai

from checks import STRANGE, TEXT, check, raised, same
from openai_clients import CLIENTS

def usage(told):
    same(told.total_tokens, told.input_tokens + told.output_tokens)
    inside, outside = told.input_tokens_details, told.output_tokens_details
    return (told.input_tokens, inside.cached_tokens, inside.cache_write_tokens, told.output_tokens, outside.reasoning_tokens)


USAGE = (47, 30, 5, 9, 4)


def plain(client, model, **more):
    return client.responses.create(model=model, input="ping pong", **more)


def streamed(client, model):
    with plain(client, model, stream=True) as stream:
        return list(stream)


def calls(response):
    items = [item for item in response.output if item.type == "function_call"]
    return [(item.name, json.loads(item.arguments), item.status) for item in items]


CALLS = [("weather", {"city": "Zürich", "days": 3}, "completed"), ("clock", {}, "completed")]


@check
def plain_responses_are_read():
    for name, client in CLIENTS.items():
        response = plain(client, "chat")
        same((response.object, response.status, response.error), ("response", "completed", None), name)
        same((response.output_text, response.model), (TEXT, "chat"), name)
        same(response.output[0].role, "assistant", name)
        same(usage(response.usage), USAGE, name)
        same(calls(plain(client, "tools")), CALLS, name)


@check
def what_is_incomplete_says_why():
    for name, client in CLIENTS.items():
        for model, reason in [("length", "max_output_tokens"), ("filtered", "content_filter")]:
            response = plain(client, model)
            same((response.status, response.incomplete_details.reason), ("incomplete", reason), f"{name} {model}")
            last = streamed(client, model)[-1]
            same((last.type, last.response.incomplete_details.reason), ("response.incomplete", reason), name)


@check
def streams_are_read_event_by_event():
    for name, client in CLIENTS.items():
        events = streamed(client, "chat")
        types = [event.type for event in events]
        deltas = types.count("response.output_text.delta")
        expected = ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
        expected += ["response.output_text.delta"] * deltas
        expected += ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"]
        same(types, expected, name)
        same([event.sequence_number for event in events], list(range(len(events))), name)
        same("".join(event.delta for event in events if event.type == "response.output_text.delta"), TEXT, name)
        same(usage(events[-1].response.usage), USAGE, name)
        same([type(event).__name__ for event in events if type(event).__name__ == "BaseModel"], [], name)


@check
def calls_are_streamed_in_fragments():
    for name, client in CLIENTS.items():
        events = streamed(client, "tools")
        fragments = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
        done = [event.arguments for event in events if event.type == "response.function_call_arguments.done"]
        same("".join(fragments), "".join(done), name)
        same([json.loads(arguments) for arguments in done], [call[1] for call in CALLS], name)
        same(len(fragments) > len(done), True, name)
        items = [event.item.name for event in events if event.type == "response.output_item.added"]
        same(items, [call[0] for call in CALLS], name)


@check
def streams_assemble():
    for name, client in CLIENTS.items():
        for model, text, called in [("chat", TEXT, []), ("tools", "", CALLS)]:
            with client.responses.stream(model=model, input="ping pong") as stream:
                for _ in stream:
                    pass
                final = stream.get_final_response()
            same((final.output_text, calls(final), final.status), (text, called, "completed"), f"{name} {model}")


@check
def streams_that_are_strangely_written_are_read():
    for name, client in CLIENTS.items():
        for model in STRANGE:
            deltas = [event.delta for event in streamed(client, model) if event.type == "response.output_text.delta"]
            same("".join(deltas), "one two three", f"{name} {model}")


@check
def a_failure_in_a_stream_is_an_event_and_a_refusal_is_one_of_that_name():
    for name, client in CLIENTS.items():
        last = streamed(client, "error-midway")[-1]
        same((last.type, last.response.status), ("response.failed", "failed"), name)
        same((bool(last.response.error.code), bool(last.response.error.message)), (True, True), name)
        last = streamed(client, "refusal-midway")[-1]
        same((last.type, bool(last.message)), ("error", True), f"{name}: {last!r}")


@check
def errors_are_raised():
    for name, client in CLIENTS.items():
        for model, kind in [
            ("rate_limit", openai.RateLimitError),
            ("bad_request", openai.BadRequestError),
            ("overloaded", openai.InternalServerError),
        ]:
            raised(kind, lambda: plain(client, model))
            raised(kind, lambda: plain(client, model, stream=True))
