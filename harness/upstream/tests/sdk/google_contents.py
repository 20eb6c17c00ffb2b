"""Contents, plain and streamed, through the library `google-genai`."""

from google.genai import errors

from checks import STRANGE, TEXT, check, raised, same
from google_client import CLIENT, ask, client, streamed


def usage(told):
    """Tokens of the cache are a part of the prompt's, those of thoughts are counted beside the candidates'."""
    same(told.total_token_count, told.prompt_token_count + told.candidates_token_count + (told.thoughts_token_count or 0))
    return (
        told.prompt_token_count,
        told.cached_content_token_count,
        told.candidates_token_count,
        told.thoughts_token_count,
    )


USAGE = (47, 30, 5, 4)
CALLS = [("weather", {"city": "Zürich", "days": 3}), ("clock", {})]


def calls(response):
    return [(call.name, call.args) for call in response.function_calls or []]


@check
def plain_contents_are_read():
    response = ask("chat")
    [candidate] = response.candidates
    same((response.text, candidate.content.role, candidate.finish_reason.name), (TEXT, "model", "STOP"))
    same(usage(response.usage_metadata), USAGE)
    same((response.model_version, bool(response.response_id)), ("chat", True))


@check
def finishes_are_read():
    for model, finish in [("length", "MAX_TOKENS"), ("filtered", "SAFETY"), ("tools", "STOP")]:
        same(ask(model).candidates[0].finish_reason.name, finish, model)
        same(list(streamed(model))[-1].candidates[0].finish_reason.name, finish, model)


@check
def a_blocked_prompt_has_no_candidate_and_says_why():
    for response in [ask("blocked"), *streamed("blocked")]:
        same((response.candidates, response.prompt_feedback.block_reason.name), (None, "SAFETY"))


@check
def calls_are_read():
    same(calls(ask("tools")), CALLS)
    same([call for chunk in streamed("tools") for call in calls(chunk)], CALLS)
    response = ask("said-and-called")
    same((response.candidates[0].content.parts[0].text, calls(response)), ("let me look", [("weather", {"city": "Bern"})]))


@check
def streams_are_read():
    chunks = list(streamed("chat"))
    same("".join(chunk.text or "" for chunk in chunks), TEXT)
    same([chunk.candidates[0].finish_reason for chunk in chunks[:-1]], [None] * (len(chunks) - 1))
    same(len({chunk.response_id for chunk in chunks}), 1)


@check
def the_usage_stands_on_every_chunk_and_counts_up():
    told = [chunk.usage_metadata for chunk in streamed("chat")]
    same(usage(told[-1]), USAGE)
    counted = [one.candidates_token_count + (one.thoughts_token_count or 0) for one in told]
    same(counted, sorted(counted))
    same({one.prompt_token_count for one in told}, {47})


def broken(model, asking=CLIENT):
    """What of a stream's text came, and the exception that ended it."""
    text = []
    try:
        text += (chunk.text or "" for chunk in streamed(model, asking))
    except Exception as error:
        return "".join(text), error
    return "".join(text), None


@check
def an_error_in_a_stream_is_raised_with_its_status():
    for model, kind, code, status in [
        ("error-midway", errors.ServerError, 503, "UNAVAILABLE"),
        ("refusal-midway", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
    ]:
        text, error = broken(model)
        same((text, type(error)), ("one two", kind), f"{model}: {error!r}")
        same((error.code, error.status, bool(error.message)), (code, status, True), model)


@check
def what_a_stream_lacks_is_not_noticed_and_what_is_cut_is():
    same(broken("ended-midway"), ("one two", None))
    text, error = broken("closed-midway")
    same((text, type(error).__name__), ("one two", "RemoteProtocolError"), repr(error))
    text, error = broken("stalled-midway", client(timeout=1000))
    same((text, type(error).__name__), ("one two", "ReadTimeout"), repr(error))


@check
def models_are_listed():
    same([(model.name, model.display_name) for model in CLIENT.models.list()], [("models/chat", "chat")])


@check
def an_unknown_key_is_refused():
    error = raised(errors.ClientError, lambda: ask("chat", client("sk-stranger")))
    same((error.code, error.status), (400, "INVALID_ARGUMENT"))
    same(error.details["error"]["details"][0]["reason"], "API_KEY_INVALID")


@check
def streams_that_are_strangely_written_are_read_but_for_some():
    for model in STRANGE:
        text, error = broken(model)
        # Comments, and a `data:` without a blank behind it, end the library's reading: it takes such a line for an answer.
        if model in ["pings", "comments", "tight"]:
            same(type(error), errors.UnknownApiResponseError, f"{model}: {error!r}")
        else:
            same((text, error), ("one two three", None), model)
