"""Embeddings through the library `openai`, which asks for base64 unless it is told otherwise."""

import math

import openai

from checks import check, raised, same
from openai_clients import CLIENTS

# What each of these numbers becomes as a float of 32 bits is not what it was.
NEARLY = 1e-6


def embed(client, texts, **more):
    return client.embeddings.create(model="embed", input=texts, **more)


@check
def vectors_are_read_in_both_encodings_and_agree():
    for name, client in CLIENTS.items():
        usual = embed(client, ["one two", "three"])
        floats = embed(client, ["one two", "three"], encoding_format="float")
        same((usual.object, usual.model, [item.index for item in usual.data]), ("list", "embed", [0, 1]), name)
        for one, other in zip(usual.data, floats.data, strict=True):
            same((one.object, {type(number) for number in one.embedding}), ("embedding", {float}), name)
            pairs = zip(one.embedding, other.embedding, strict=True)
            same(all(math.isclose(a, b, abs_tol=NEARLY) for a, b in pairs), True, name)
        same(usual.data[0].embedding == usual.data[1].embedding, False, name)
        same((usual.usage.prompt_tokens, usual.usage.total_tokens), (3, 3), name)


@check
def a_vector_is_as_long_as_is_asked_for():
    for name, client in CLIENTS.items():
        for encoding in ["base64", "float"]:
            [item] = embed(client, "one", dimensions=8, encoding_format="float").data
            same(len(item.embedding), 8, f"{name} {encoding}")


@check
def errors_are_raised():
    for client in CLIENTS.values():
        raised(openai.RateLimitError, lambda: client.embeddings.create(model="rate_limit", input="one"))
