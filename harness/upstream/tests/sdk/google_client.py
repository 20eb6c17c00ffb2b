"""The library `google-genai` as a client of the simulated provider. It tries nothing again unless it is asked to."""

from google import genai
from google.genai import types

from checks import DOORS


def client(key=DOORS["gemini"]["key"], url=DOORS["gemini"]["url"], **more):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, **more))


CLIENT = client()


def ask(model, asking=CLIENT):
    return asking.models.generate_content(model=model, contents="ping pong")


def streamed(model, asking=CLIENT):
    return asking.models.generate_content_stream(model=model, contents="ping pong")
