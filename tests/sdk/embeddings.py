"""Embeddings through the library `openai`, which asks for base64 unless it is told otherwise."""

import math

import openai

from checks import check, raised, same
from clients import SPEAK_OPENAI, each, of_openai

# What each of these numbers becomes as a float of 32 bits is not what it was.
NEARLY = 1e-6


def embed(client, provider, texts, **more):
    return client.embeddings.create(model=f"{provider}-embed", input=texts, **more)


@check
def vectors_are_read_in_both_encodings_and_agree():
    for client, provider, where in each(of_openai):
        if provider not in SPEAK_OPENAI:
            continue
        usual = embed(client, provider, ["one two", "three"])
        floats = embed(client, provider, ["one two", "three"], encoding_format="float")
        same((usual.object, usual.model, [item.index for item in usual.data]), ("list", "embed", [0, 1]), where)
        for one, other in zip(usual.data, floats.data, strict=True):
            pairs = zip(one.embedding, other.embedding, strict=True)
            same(all(math.isclose(a, b, abs_tol=NEARLY) for a, b in pairs), True, where)
        same((usual.usage.prompt_tokens, usual.usage.total_tokens), (3, 3), where)
        [item] = embed(client, provider, "one", dimensions=8).data
        same(len(item.embedding), 8, where)


@check
def who_makes_none_is_refused_by_the_model_s_name():
    for client, provider, where in each(of_openai):
        if provider not in SPEAK_OPENAI:
            error = raised(openai.BadRequestError, lambda: embed(client, provider, "one"))
            same(error.param, "model", where)


@check
def errors_are_raised():
    for client, provider, where in each(of_openai):
        if provider in SPEAK_OPENAI:
            raised(openai.RateLimitError, lambda: client.embeddings.create(model=f"{provider}-rate_limit", input="one"))
