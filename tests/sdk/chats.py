"""Chats through the library `openai`, plain and streamed, of every provider that the router has."""

import json

from checks import TEXT, check, same
from clients import CALLS, SPEAK_OPENAI, USAGE, each, of_openai

PING = [{"role": "user", "content": "ping pong"}]
WEATHER = {"name": "weather", "description": "What it is like.", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
TOOLS = [{"type": "function", "function": WEATHER}, {"type": "function", "function": {"name": "clock"}}]


def plain(client, model, messages=PING, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


def streamed(client, model, **more):
    with plain(client, model, stream=True, **more) as stream:
        return list(stream)


def said(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def usage(told):
    same(told.total_tokens, told.prompt_tokens + told.completion_tokens)
    details = told.prompt_tokens_details
    return told.prompt_tokens, details.cached_tokens if details else 0, told.completion_tokens


def calls(message):
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]


@check
def plain_answers_are_read():
    for client, provider, where in each(of_openai):
        answer = plain(client, f"{provider}-chat")
        [choice] = answer.choices
        same((answer.object, answer.model, choice.index), ("chat.completion", "chat", 0), where)
        same((choice.message.role, choice.message.content), ("assistant", TEXT), where)
        same((choice.finish_reason, choice.message.tool_calls, choice.message.refusal), ("stop", None, None), where)
        same(usage(answer.usage), USAGE[provider], where)
        same((bool(answer.id), answer.created > 0, bool(answer._request_id)), (True, True, True), where)


@check
def every_common_parameter_is_taken():
    for client, provider, where in each(of_openai):
        answer = plain(
            client,
            f"{provider}-chat",
            [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": [{"type": "text", "text": "ping"}]},
                {"role": "assistant", "content": "pong"},
                {"role": "user", "content": "ping"},
            ],
            max_tokens=50,
            temperature=0.2,
            top_p=0.9,
            stop=["END"],
            seed=7,
            user="u-1",
        )
        same(answer.choices[0].message.content, TEXT, where)


@check
def finishes_are_read():
    for client, provider, where in each(of_openai):
        for model, finish in [("length", "length"), ("filtered", "content_filter"), ("tools", "tool_calls")]:
            same(plain(client, f"{provider}-{model}").choices[0].finish_reason, finish, f"{where}: {model}")
            finishes = [choice.finish_reason for chunk in streamed(client, f"{provider}-{model}") for choice in chunk.choices]
            same([one for one in finishes if one], [finish], f"{where}: {model} streamed")


@check
def a_tool_is_called_and_its_result_is_sent():
    for client, provider, where in each(of_openai):
        message = plain(client, f"{provider}-tools", tools=TOOLS, tool_choice="auto").choices[0].message
        same(calls(message), CALLS, where)
        same(len({call.id for call in message.tool_calls}), 2, where)
        told = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in message.tool_calls]
        # The library's own answer goes back as it is, as its users send it.
        again = plain(client, f"{provider}-chat", [*PING, message, *told], tools=TOOLS)
        same(again.choices[0].message.content, TEXT, where)
        both = plain(client, f"{provider}-said-and-called", tools=TOOLS).choices[0].message
        same((both.content, calls(both)), ("let me look", [("weather", {"city": "Bern"})]), where)


@check
def streams_are_read():
    for client, provider, where in each(of_openai):
        chunks = streamed(client, f"{provider}-chat")
        same(said(chunks), TEXT, where)
        same({chunk.object for chunk in chunks}, {"chat.completion.chunk"}, where)
        same((len({chunk.id for chunk in chunks}), {chunk.model for chunk in chunks}), (1, {"chat"}), where)
        same(chunks[0].choices[0].delta.role, "assistant", where)
        same([chunk.usage for chunk in chunks if chunk.usage], [], where)


@check
def the_usage_of_a_stream_stands_on_a_last_chunk_without_choices():
    for client, provider, where in each(of_openai):
        *others, last = streamed(client, f"{provider}-chat", stream_options={"include_usage": True})
        same((last.choices, usage(last.usage)), ([], USAGE[provider]), where)
        same([chunk.usage for chunk in others if chunk.usage], [], where)


@check
def streamed_calls_assemble():
    for client, provider, where in each(of_openai):
        with client.chat.completions.stream(model=f"{provider}-tools", messages=PING, tools=TOOLS) as stream:
            for _ in stream:
                pass
            choice = stream.get_final_completion().choices[0]
        same((calls(choice.message), choice.finish_reason), (CALLS, "tool_calls"), where)
        same(len({call.id for call in choice.message.tool_calls}), 2, where)


@check
def an_answer_by_a_schema_is_read_where_the_provider_has_a_word_for_it():
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    for client, provider, where in each(of_openai):
        if provider != "anthropic":
            same(plain(client, f"{provider}-chat", response_format=form).choices[0].message.content, TEXT, where)


@check
def raw_responses_and_request_ids_are_there():
    for client, provider, where in each(of_openai):
        raw = client.chat.completions.with_raw_response.create(model=f"{provider}-chat", messages=PING)
        same(raw.headers["x-router-provider"], f"{provider}-chat", where)
        same((raw.headers["x-router-attempts"], raw.parse().choices[0].message.content), ("1", TEXT), where)


@check
def what_speaks_openai_keeps_what_the_library_knows_beside_the_answer():
    for client, provider, where in each(of_openai):
        answer = plain(client, f"{provider}-chat")
        if provider in SPEAK_OPENAI:
            same(answer.id.startswith("chatcmpl-"), True, where)
