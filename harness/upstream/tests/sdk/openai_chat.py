"""Chats of every provider that speaks OpenAI's dialect, plain and streamed, through the library `openai`."""

import json

import openai

from checks import DOORS, STRANGE, TEXT, check, raised, same
from openai_clients import CLIENTS

PING = [{"role": "user", "content": "ping pong"}]
WEATHER = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]

# What the usage of the world's usual answer is to this library: cached tokens are a part of the prompt's, those of reasoning
# a part of the completion's. None is what a provider does not tell.
USAGES = {
    "openai": dict(prompt=47, completion=9, cached=30, written=5, reasoning=4),
    "azure": dict(prompt=47, completion=9, cached=30, written=5, reasoning=4),
    "vllm": dict(prompt=47, completion=9, cached=30, written=None, reasoning=None),
    "ollama": dict(prompt=47, completion=9, cached=None, written=None, reasoning=None),
}


def usage(told):
    prompt, completion = told.prompt_tokens_details, told.completion_tokens_details
    same(told.total_tokens, told.prompt_tokens + told.completion_tokens)
    return dict(
        prompt=told.prompt_tokens,
        completion=told.completion_tokens,
        cached=prompt and prompt.cached_tokens,
        written=prompt and prompt.cache_write_tokens,
        reasoning=completion and completion.reasoning_tokens,
    )


def plain(client, model, **more):
    return client.chat.completions.create(model=model, messages=PING, **more)


def streamed(client, model, **more):
    with plain(client, model, stream=True, **more) as stream:
        return list(stream)


def said(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


@check
def plain_answers_are_read():
    for name, client in CLIENTS.items():
        answer = plain(client, "chat")
        [choice] = answer.choices
        same((answer.object, answer.model, choice.index), ("chat.completion", "chat", 0), name)
        same((choice.message.role, choice.message.content), ("assistant", TEXT), name)
        same((choice.finish_reason, choice.message.tool_calls), ("stop", None), name)
        same(usage(answer.usage), USAGES[name], name)
        same(answer.id.startswith("chatcmpl-"), True, answer.id)


@check
def finishes_are_read():
    for name, client in CLIENTS.items():
        for model, finish in [("length", "length"), ("filtered", "content_filter"), ("tools", "tool_calls")]:
            same(plain(client, model).choices[0].finish_reason, finish, f"{name} {model}")
            same(streamed(client, model)[-1].choices[0].finish_reason, finish, f"{name} {model} streamed")


@check
def calls_are_read():
    for name, client in CLIENTS.items():
        message = plain(client, "tools", tools=WEATHER).choices[0].message
        calls = [(call.type, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]
        expected = [("function", "weather", {"city": "Zürich", "days": 3}), ("function", "clock", {})]
        same(calls, expected, name)
        same(len({call.id for call in message.tool_calls}), 2, name)
        same(plain(client, "said-and-called").choices[0].message.content, "let me look", name)


@check
def streams_are_read():
    for name, client in CLIENTS.items():
        chunks = streamed(client, "chat")
        same(said(chunks), TEXT, name)
        same({chunk.object for chunk in chunks}, {"chat.completion.chunk"}, name)
        same(len({chunk.id for chunk in chunks}), 1, name)
        same([chunk.usage for chunk in chunks if chunk.usage], [], name)
        # Azure begins with a chunk that tells of its filters alone.
        first, second, *_ = chunks
        same(first.choices == [], name == "azure", name)
        same((first.choices or second.choices)[0].delta.role, "assistant", name)


@check
def the_usage_of_a_stream_stands_on_a_last_chunk_without_choices():
    for name, client in CLIENTS.items():
        chunks = streamed(client, "chat", stream_options={"include_usage": True})
        *others, last = chunks
        same((last.choices, usage(last.usage)), ([], USAGES[name]), name)
        same([chunk.usage for chunk in others if chunk.usage], [], name)


@check
def vllm_counts_up_on_every_chunk_where_it_is_asked_to():
    told = {"include_usage": True, "continuous_usage_stats": True}
    chunks = streamed(CLIENTS["vllm"], "chat", stream_options=told)
    counted = [chunk.usage.completion_tokens for chunk in chunks]
    same((counted, counted[-1], len(set(counted)) > 2), (sorted(counted), 9, True))


@check
def calls_are_streamed_in_fragments_but_by_ollama():
    for name, client in CLIENTS.items():
        deltas = [choice.delta for chunk in streamed(client, "tools") for choice in chunk.choices]
        pieces = [call for delta in deltas for call in delta.tool_calls or []]
        same([call.function.name for call in pieces if call.function.name], ["weather", "clock"], name)
        same({call.index for call in pieces}, {0, 1}, name)
        same(len(pieces) == 2, name == "ollama", name)


@check
def streamed_calls_assemble():
    for name, client in CLIENTS.items():
        with client.chat.completions.stream(model="tools", messages=PING) as stream:
            for _ in stream:
                pass
            message = stream.get_final_completion().choices[0].message
        calls = [(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls]
        same([call[1:] for call in calls], [("weather", {"city": "Zürich", "days": 3}), ("clock", {})], name)
        same(len({call[0] for call in calls}), 2, name)


@check
def streams_that_are_strangely_written_are_read():
    for name, client in CLIENTS.items():
        for model in STRANGE:
            same(said(streamed(client, model)), "one two three", f"{name} {model}")


def broken(client, model):
    """What of a stream's text came, and the exception that ended it."""
    text = []
    try:
        with plain(client, model, stream=True) as stream:
            for chunk in stream:
                text += [choice.delta.content or "" for choice in chunk.choices]
    except Exception as error:
        return "".join(text), error
    return "".join(text), None


@check
def an_error_in_a_stream_is_raised_but_ollama_swallows_it():
    for name, client in CLIENTS.items():
        for model in ["error-midway", "error-then-done"]:
            text, error = broken(client, model)
            if name == "ollama":
                same((text, error), ("one two", None), f"{name} {model}")
                continue
            same((text, type(error)), ("one two", openai.APIError), f"{name} {model}: {error!r}")
            same(bool(error.message), True, name)
    text, error = broken(CLIENTS["openai"], "error-midway")
    same((error.type, error.code), ("service_unavailable_error", "server_is_overloaded"))


@check
def what_a_stream_lacks_is_not_noticed_and_what_is_cut_is():
    for name, client in CLIENTS.items():
        same(broken(client, "ended-midway"), ("one two", None), name)
        text, error = broken(client, "closed-midway")
        same((text, type(error)), ("one two", openai.APIConnectionError), f"{name}: {error!r}")
        text, error = broken(client.with_options(timeout=1), "stalled-midway")
        same((text, type(error)), ("one two", openai.APITimeoutError), f"{name}: {error!r}")
        text, error = broken(client, "garbage-midway")
        same((text, error is not None), ("one two", True), name)


@check
def models_are_listed():
    for name, client in CLIENTS.items():
        models = list(client.models.list())
        same([(model.id, model.object) for model in models], [("chat", "model")], name)


@check
def azure_below_its_v1_is_as_openai():
    client = openai.OpenAI(base_url=f"{DOORS['azure']['url']}/openai/v1", api_key=DOORS["azure"]["key"], max_retries=0)
    same(plain(client, "chat").choices[0].message.content, TEXT)
    same(said(streamed(client, "chat")), TEXT)
    same(client.responses.create(model="chat", input="ping").output_text, TEXT)
    same([model.id for model in client.models.list()], ["chat"])


@check
def an_unknown_key_is_refused():
    stranger = openai.OpenAI(base_url=f"{DOORS['openai']['url']}/v1", api_key="sk-stranger", max_retries=0)
    error = raised(openai.AuthenticationError, lambda: plain(stranger, "chat"))
    same((error.code, error.type), ("invalid_api_key", "invalid_request_error"))
