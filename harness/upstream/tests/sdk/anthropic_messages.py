"""Messages, plain and streamed, through the library `anthropic`."""

import anthropic

from checks import STRANGE, TEXT, check, raised, same
from anthropic_client import CLIENT, ask, client


def usage(told):
    """Tokens of the cache are counted beside those of the input."""
    details = told.output_tokens_details
    return (
        told.input_tokens,
        told.cache_read_input_tokens,
        told.cache_creation_input_tokens,
        told.output_tokens,
        details and details.thinking_tokens,
    )


USAGE = (12, 30, 5, 9, 4)


def calls(message):
    return [(block.name, block.input) for block in message.content if block.type == "tool_use"]


CALLS = [("weather", {"city": "Zürich", "days": 3}), ("clock", {})]


@check
def plain_messages_are_read():
    message = ask("chat")
    same((message.type, message.role, message.model), ("message", "assistant", "chat"))
    same([(block.type, block.text) for block in message.content], [("text", TEXT)])
    same((message.stop_reason, message.stop_sequence), ("end_turn", None))
    same(usage(message.usage), USAGE)
    same(message.usage.cache_creation.ephemeral_5m_input_tokens, 5)
    same((message.id.startswith("msg_"), bool(message._request_id)), (True, True))


@check
def finishes_are_read():
    for model, finish in [("length", "max_tokens"), ("filtered", "refusal"), ("tools", "tool_use")]:
        same(ask(model).stop_reason, finish, model)


@check
def calls_are_read():
    same(calls(ask("tools")), CALLS)
    same([block.type for block in ask("said-and-called").content], ["text", "tool_use"])
    same(len({block.id for block in ask("tools").content}), 2)


def assembled(model):
    with CLIENT.messages.stream(model=model, max_tokens=100, messages=[{"role": "user", "content": "ping"}]) as stream:
        text = "".join(stream.text_stream)
        return text, stream.get_final_message()


@check
def streams_assemble():
    text, message = assembled("chat")
    same((text, message.content[0].text, message.stop_reason), (TEXT, TEXT, "end_turn"))
    same(usage(message.usage), USAGE)
    text, message = assembled("tools")
    same((text, calls(message), message.stop_reason), ("", CALLS, "tool_use"))
    text, message = assembled("said-and-called")
    same((text, calls(message)), ("let me look", [("weather", {"city": "Bern"})]))


@check
def calls_are_streamed_in_fragments():
    events = list(ask("tools", stream=True))
    fragments = [event.delta.partial_json for event in events if event.type == "content_block_delta"]
    same("".join(fragments), '{"city":"Zürich","days":3}{}')
    begun = [event.content_block for event in events if event.type == "content_block_start"]
    same([(block.type, block.name, block.input) for block in begun], [("tool_use", name, {}) for name, _ in CALLS])
    same(len(fragments) > len(begun), True)


@check
def the_usage_is_told_at_both_ends_of_a_stream():
    events = list(ask("chat", stream=True))
    types = [event.type for event in events]
    deltas = types.count("content_block_delta")
    expected = ["message_start", "content_block_start"] + ["content_block_delta"] * deltas
    same(types, expected + ["content_block_stop", "message_delta", "message_stop"])
    same(usage(events[0].message.usage)[:3], USAGE[:3])
    same(events[-2].usage.output_tokens, 9)


@check
def streams_that_are_strangely_written_are_read():
    for model in STRANGE:
        same(assembled(model)[0], "one two three", model)


def broken(model, asking=CLIENT):
    """What of a stream's text came, and the exception that ended it."""
    text = []
    try:
        for event in ask(model, asking, stream=True):
            text += [event.delta.text] if event.type == "content_block_delta" else []
    except Exception as error:
        return "".join(text), error
    return "".join(text), None


@check
def an_error_in_a_stream_is_raised_with_its_type():
    for model, kind in [("error-midway", "overloaded_error"), ("refusal-midway", "rate_limit_error")]:
        text, error = broken(model)
        # The library goes by the status, which is that of the stream.
        same((text, type(error), error.status_code), ("one two", anthropic.APIStatusError, 200), f"{model}: {error!r}")
        same((error.type, error.body["type"]), (kind, "error"), model)


@check
def what_a_stream_lacks_is_not_noticed_and_what_is_cut_is():
    same(broken("ended-midway"), ("one two", None))
    text, error = broken("closed-midway")
    same((text, type(error).__name__), ("one two", "RemoteProtocolError"), repr(error))
    text, error = broken("stalled-midway", client(max_retries=0, timeout=1))
    same((text, type(error).__name__), ("one two", "ReadTimeout"), repr(error))


@check
def models_are_listed():
    same([(model.id, model.type) for model in CLIENT.models.list()], [("chat", "model")])


@check
def an_unknown_key_is_refused():
    error = raised(anthropic.AuthenticationError, lambda: ask("chat", client(api_key="sk-stranger", max_retries=0)))
    same(error.type, "authentication_error")
