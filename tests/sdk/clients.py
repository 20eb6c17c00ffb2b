"""The three libraries as clients of the router, at each of its doors. None of them tries anything again by itself."""

import anthropic
import openai
from google import genai
from google.genai import types

from checks import DOORS

# The router's providers, whatever they speak. A model is asked for as PROVIDER-MODEL.
PROVIDERS = ["openai", "azure", "vllm", "ollama", "anthropic", "gemini"]
# Those that are asked in OpenAI's own words, so that an answer passes as it came.
SPEAK_OPENAI = ["openai", "azure", "vllm", "ollama"]

# The tokens of the world's usual answer: the whole prompt, how much of it came from a cache, the answer.
USAGE = {provider: (47, 30, 9) for provider in PROVIDERS}
# It tells of no cache.
USAGE["ollama"] = (47, 0, 9)

CALLS = [("weather", {"city": "Zürich", "days": 3}), ("clock", {})]


def of_openai(door, **more):
    settings = {"base_url": f"{DOORS[door]['url']}/v1", "api_key": DOORS[door]["key"], "max_retries": 0, **more}
    return openai.OpenAI(**settings)


def of_anthropic(door, **more):
    settings = {"base_url": DOORS[door]["url"], "api_key": DOORS[door]["key"], "max_retries": 0, **more}
    return anthropic.Anthropic(**settings)


# A client of this library closes its connections when nobody holds it any more, also when its models are still asked for.
HELD = []


def of_google(door, key=None, **more):
    options = types.HttpOptions(base_url=DOORS[door]["url"], **more)
    client = genai.Client(api_key=key or DOORS[door]["key"], http_options=options)
    HELD.append(client)
    return client


def each(make):
    """Each door's client with each provider, and where that is."""
    for door in DOORS:
        client = make(door)
        for provider in PROVIDERS:
            yield client, provider, f"{provider} through the door `{door}`"
