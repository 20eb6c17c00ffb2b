"""Messages through the library `anthropic`, plain and streamed, of every provider that the router has."""

from checks import TEXT, check, same
from clients import CALLS, USAGE, each, of_anthropic

PING = [{"role": "user", "content": "ping pong"}]
TOOLS = [
    {"name": "weather", "description": "What it is like.", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
    {"name": "clock", "input_schema": {"type": "object", "properties": {}}},
]


def plain(client, model, messages=PING, **more):
    return client.messages.create(model=model, max_tokens=100, messages=messages, **more)


def calls(message):
    return [(block.name, block.input) for block in message.content if block.type == "tool_use"]


def assembled(client, model, **more):
    with client.messages.stream(model=model, max_tokens=100, messages=PING, **more) as stream:
        text = "".join(stream.text_stream)
        return text, stream.get_final_message()


def usage(told):
    """Tokens that were read from a cache, or written to it, stand beside those of the input; some providers name no writes."""
    written = told.cache_creation_input_tokens or 0
    read = told.cache_read_input_tokens or 0
    return told.input_tokens + written + read, read, told.output_tokens


@check
def plain_messages_are_read():
    for client, provider, where in each(of_anthropic):
        message = plain(client, f"{provider}-chat")
        same((message.type, message.role, message.model), ("message", "assistant", "chat"), where)
        same([(block.type, block.text) for block in message.content], [("text", TEXT)], where)
        same((message.stop_reason, message.stop_sequence), ("end_turn", None), where)
        same(usage(message.usage), USAGE[provider], where)
        same((bool(message.id), bool(message._request_id)), (True, True), where)


@check
def every_common_parameter_is_taken():
    for client, provider, where in each(of_anthropic):
        message = plain(
            client,
            f"{provider}-chat",
            [*PING, {"role": "assistant", "content": "pong"}, {"role": "user", "content": [{"type": "text", "text": "ping"}]}],
            system=[{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
            stop_sequences=["END"],
            metadata={"user_id": "u-1"},
            # What this version has no argument for, and models of this day still take.
            extra_body={"temperature": 0.2, "top_p": 0.9},
        )
        same(message.content[0].text, TEXT, where)


@check
def finishes_are_read():
    for client, provider, where in each(of_anthropic):
        for model, finish in [("length", "max_tokens"), ("filtered", "refusal"), ("tools", "tool_use")]:
            same(plain(client, f"{provider}-{model}").stop_reason, finish, f"{where}: {model}")
            same(assembled(client, f"{provider}-{model}")[1].stop_reason, finish, f"{where}: {model} streamed")


@check
def a_tool_is_called_and_its_result_is_sent():
    for client, provider, where in each(of_anthropic):
        message = plain(client, f"{provider}-tools", tools=TOOLS, tool_choice={"type": "auto"})
        same(calls(message), CALLS, where)
        used = [block for block in message.content if block.type == "tool_use"]
        same(len({block.id for block in used}), 2, where)
        results = [{"type": "tool_result", "tool_use_id": block.id, "content": "sunny"} for block in used]
        turns = [*PING, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
        same(plain(client, f"{provider}-chat", turns, tools=TOOLS).content[0].text, TEXT, where)
        both = plain(client, f"{provider}-said-and-called", tools=TOOLS)
        same([block.type for block in both.content], ["text", "tool_use"], where)


@check
def streams_assemble():
    for client, provider, where in each(of_anthropic):
        text, message = assembled(client, f"{provider}-chat")
        same((text, message.content[0].text, message.stop_reason), (TEXT, TEXT, "end_turn"), where)
        same((message.model, usage(message.usage)), ("chat", USAGE[provider]), where)
        text, message = assembled(client, f"{provider}-tools", tools=TOOLS)
        same((text, calls(message), message.stop_reason), ("", CALLS, "tool_use"), where)
        text, message = assembled(client, f"{provider}-said-and-called")
        same((text, calls(message)), ("let me look", [("weather", {"city": "Bern"})]), where)


@check
def the_events_of_a_stream_come_in_the_dialect_s_order():
    for client, provider, where in each(of_anthropic):
        types = [event.type for event in plain(client, f"{provider}-chat", stream=True)]
        deltas = types.count("content_block_delta")
        expected = ["message_start", "content_block_start"] + ["content_block_delta"] * deltas
        same(types, expected + ["content_block_stop", "message_delta", "message_stop"], where)
