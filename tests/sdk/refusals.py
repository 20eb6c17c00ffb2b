"""What the router itself refuses, and the words for it that each library finds."""

import anthropic
import openai
from google.genai import errors as google

from checks import check, raised, same
from clients import DOORS, of_anthropic, of_google, of_openai


@check
def a_model_that_is_not_there_is_one_in_every_dialect():
    for door in DOORS:
        messages = [{"role": "user", "content": "ping"}]
        ask = lambda: of_openai(door).chat.completions.create(model="nobody", messages=messages)
        error = raised(openai.NotFoundError, ask)
        same((error.code, error.param), ("model_not_found", "model"), door)
        ask = lambda: of_anthropic(door).messages.create(model="nobody", max_tokens=9, messages=messages)
        same(raised(anthropic.NotFoundError, ask).type, "not_found_error", door)
        ask = lambda: of_google(door).models.generate_content(model="nobody", contents="ping")
        same(raised(google.ClientError, ask).status, "NOT_FOUND", door)


@check
def what_has_no_word_at_the_provider_is_a_wrong_request_in_every_dialect():
    for door in DOORS:
        messages = [{"role": "user", "content": "ping"}]
        ask = lambda: of_openai(door).chat.completions.create(model="anthropic-chat", messages=messages, logprobs=True)
        error = raised(openai.BadRequestError, ask)
        same((error.code, error.param), ("unsupported_parameter", "logprobs"), door)
        more = {"top_k": 3}
        ask = lambda: of_anthropic(door).messages.create(model="openai-chat", max_tokens=9, messages=messages, extra_body=more)
        error = raised(anthropic.BadRequestError, ask)
        same((error.type, "`top_k`" in error.body["error"]["message"]), ("invalid_request_error", True), door)
        config = {"top_k": 3}
        ask = lambda: of_google(door).models.generate_content(model="openai-chat", contents="ping", config=config)
        error = raised(google.ClientError, ask)
        same((error.status, "`topK`" in error.message), ("INVALID_ARGUMENT", True), door)
