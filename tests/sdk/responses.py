"""The surface of responses through the library `openai`, plain and streamed, of every provider that the router has."""

import json

import openai

from checks import TEXT, check, raised, same
from clients import CALLS, USAGE, each, of_openai

TOOLS = [
    {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}},
    {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}},
]


def usage(told):
    same(told.total_tokens, told.input_tokens + told.output_tokens)
    return told.input_tokens, told.input_tokens_details.cached_tokens, told.output_tokens


def plain(client, model, told="ping pong", **more):
    return client.responses.create(model=model, input=told, **more)


def streamed(client, model):
    with plain(client, model, stream=True) as stream:
        return list(stream)


def calls(response):
    items = [item for item in response.output if item.type == "function_call"]
    return [(item.name, json.loads(item.arguments)) for item in items]


@check
def plain_responses_are_read():
    for client, provider, where in each(of_openai):
        response = plain(client, f"{provider}-chat", instructions="be brief", max_output_tokens=50, temperature=0.5)
        same((response.object, response.status, response.error), ("response", "completed", None), where)
        same((response.output_text, response.model), (TEXT, "chat"), where)
        same((response.output[0].role, usage(response.usage)), ("assistant", USAGE[provider] if provider != "ollama" else (47, 30, 9)), where)


@check
def what_is_incomplete_says_why():
    for client, provider, where in each(of_openai):
        for model, reason in [("length", "max_output_tokens"), ("filtered", "content_filter")]:
            response = plain(client, f"{provider}-{model}")
            same((response.status, response.incomplete_details.reason), ("incomplete", reason), f"{where}: {model}")
            last = streamed(client, f"{provider}-{model}")[-1]
            same((last.type, last.response.incomplete_details.reason), ("response.incomplete", reason), where)


@check
def a_tool_is_called_and_its_result_is_sent():
    for client, provider, where in each(of_openai):
        response = plain(client, f"{provider}-tools", tools=TOOLS, parallel_tool_calls=True)
        same(calls(response), CALLS, where)
        called = [item for item in response.output if item.type == "function_call"]
        results = [{"type": "function_call_output", "call_id": item.call_id, "output": "sunny"} for item in called]
        again = plain(client, f"{provider}-chat", [{"role": "user", "content": "ping"}, *response.output, *results], tools=TOOLS)
        same(again.output_text, TEXT, where)


@check
def streams_are_read_event_by_event():
    for client, provider, where in each(of_openai):
        events = streamed(client, f"{provider}-chat")
        types = [event.type for event in events]
        deltas = types.count("response.output_text.delta")
        expected = ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
        expected += ["response.output_text.delta"] * deltas
        expected += ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"]
        same(types, expected, where)
        same([event.sequence_number for event in events], list(range(len(events))), where)
        same("".join(event.delta for event in events if event.type == "response.output_text.delta"), TEXT, where)
        same(usage(events[-1].response.usage), USAGE[provider] if provider != "ollama" else (47, 30, 9), where)
        same([type(event).__name__ for event in events if type(event).__name__ == "BaseModel"], [], where)


@check
def streams_assemble():
    for client, provider, where in each(of_openai):
        for model, text, called in [("chat", TEXT, []), ("tools", "", CALLS)]:
            with client.responses.stream(model=f"{provider}-{model}", input="ping pong") as stream:
                for _ in stream:
                    pass
                final = stream.get_final_response()
            same((final.output_text, calls(final), final.status), (text, called, "completed"), f"{where}: {model}")


@check
def what_would_have_to_be_remembered_is_refused_by_name():
    for client, provider, where in each(of_openai):
        for field, value in [("previous_response_id", "resp_1"), ("store", True), ("background", True)]:
            error = raised(openai.BadRequestError, lambda: plain(client, f"{provider}-chat", **{field: value}))
            same(error.param, field, where)
