"""The library `anthropic` as a client of the simulated provider."""

import anthropic

from checks import DOORS


def client(**more):
    settings = {"base_url": DOORS["anthropic"]["url"], "api_key": DOORS["anthropic"]["key"], **more}
    return anthropic.Anthropic(**settings)


CLIENT = client(max_retries=0)


def ask(model, asking=CLIENT, **more):
    messages = [{"role": "user", "content": "ping pong"}]
    return asking.messages.create(model=model, max_tokens=100, messages=messages, **more)
