"""How a stream that breaks off ends in each library, whichever provider it came from: with an exception, and never as if it were whole."""

import anthropic
import openai
from google.genai import errors as google

from checks import STRANGE, at_once, check, same
from clients import DOORS, PROVIDERS, of_anthropic, of_google, of_openai

PING = [{"role": "user", "content": "ping"}]
CUT = ["closed-midway", "ended-midway", "garbage-midway", "stalled-midway"]


def openai_s(door, model):
    with of_openai(door).chat.completions.create(model=model, messages=PING, stream=True) as stream:
        for chunk in stream:
            yield "".join(choice.delta.content or "" for choice in chunk.choices)


def anthropic_s(door, model):
    with of_anthropic(door).messages.create(model=model, max_tokens=9, messages=PING, stream=True) as stream:
        for event in stream:
            yield event.delta.text if event.type == "content_block_delta" else ""


def google_s(door, model):
    for chunk in of_google(door).models.generate_content_stream(model=model, contents="ping"):
        yield chunk.text or ""


READERS = {"openai": openai_s, "anthropic": anthropic_s, "google": google_s}


def heard(library, door, model):
    """What came of a stream's text, and the exception that ended it."""
    text = []
    try:
        for part in READERS[library](door, model):
            text.append(part)
    except Exception as error:
        return "".join(text), error
    return "".join(text), None


def places(names):
    return [(library, door, provider, name) for library in READERS for door in DOORS for provider in PROVIDERS for name in names]


@check
def an_error_in_a_stream_is_raised_with_its_meaning():
    def look(place):
        library, door, provider, name = place
        text, error = heard(library, door, f"{provider}-{name}")
        same(text, "one two", f"{place}: {error!r}")
        if provider == "ollama":
            # Its OpenAI surface swallows the error and ends without a word: a stream that is cut, and nothing else is known.
            same(error is not None, True, f"{place}")
            return
        overloaded = name == "error-midway"
        match library:
            case "openai":
                same((type(error), bool(error.message)), (openai.APIError, True), f"{place}: {error!r}")
            case "anthropic":
                word = "overloaded_error" if overloaded else "rate_limit_error"
                same((type(error), error.type), (anthropic.APIStatusError, word), f"{place}: {error!r}")
            case _:
                status = "UNAVAILABLE" if overloaded else "RESOURCE_EXHAUSTED"
                kind = google.ServerError if overloaded else google.ClientError
                same((type(error), error.status), (kind, status), f"{place}: {error!r}")

    at_once(look, places(["error-midway", "refusal-midway"]))


@check
def a_stream_that_is_cut_is_no_whole_one():
    def look(place):
        library, door, provider, name = place
        text, error = heard(library, door, f"{provider}-{name}")
        same((text, error is not None), ("one two", True), f"{place}: {text!r} {error!r}")

    at_once(look, places(CUT))


@check
def streams_that_are_strangely_written_are_read():
    def look(place):
        library, door, provider, name = place
        # What the library cannot read of its own provider it cannot read of the same words here.
        if (library, provider) == ("google", "gemini") and name in ["pings", "comments", "tight"]:
            return
        same(heard(library, door, f"{provider}-{name}"), ("one two three", None), f"{place}")

    at_once(look, places(STRANGE))
