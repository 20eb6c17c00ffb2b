"""The lists of models in each library's own words, and who may ask at the door that wants a key."""

import anthropic
import openai
from google.genai import errors as google

from checks import DOORS, check, raised, same
from clients import PROVIDERS, of_anthropic, of_google, of_openai

CHATS = [f"{provider}-chat" for provider in PROVIDERS]
PING = [{"role": "user", "content": "ping"}]


def chats(names):
    """Of all names those of the usual models, each as often as it is listed."""
    return sorted(name for name in names if name in CHATS)


@check
def openai_lists_the_models():
    for door in DOORS:
        listed = list(of_openai(door).models.list())
        same(chats(model.id for model in listed), sorted(CHATS), door)
        same({model.object for model in listed}, {"model"}, door)
        same(of_openai(door).models.retrieve("gemini-chat").id, "gemini-chat", door)
        raised(openai.NotFoundError, lambda: of_openai(door).models.retrieve("nobody"))


@check
def anthropic_lists_the_models():
    for door in DOORS:
        listed = list(of_anthropic(door).models.list())
        same(chats(model.id for model in listed), sorted(CHATS), door)
        same({(model.type, bool(model.display_name), model.created_at is not None) for model in listed}, {("model", True, True)}, door)
        same(of_anthropic(door).models.retrieve("openai-chat").id, "openai-chat", door)
        raised(anthropic.NotFoundError, lambda: of_anthropic(door).models.retrieve("nobody"))


@check
def anthropic_turns_the_pages():
    for door in DOORS:
        client = of_anthropic(door)
        first = client.models.list(limit=2)
        same((len(first.data), first.has_more, first.last_id), (2, True, first.data[-1].id), door)
        second = client.models.list(limit=2, after_id=first.last_id)
        same(second.data[0].id > first.last_id, True, door)
        back = client.models.list(limit=2, before_id=second.data[0].id)
        same([model.id for model in back.data], [model.id for model in first.data], door)


@check
def google_lists_the_models():
    for door in DOORS:
        listed = list(of_google(door).models.list())
        same(chats(model.name.removeprefix("models/") for model in listed), sorted(CHATS), door)
        same({"generateContent" in model.supported_actions for model in listed}, {True}, door)
        same(of_google(door).models.get(model="anthropic-chat").name, "models/anthropic-chat", door)
        error = raised(google.ClientError, lambda: of_google(door).models.get(model="nobody"))
        same(error.status, "NOT_FOUND", door)


@check
def google_turns_the_pages():
    for door in DOORS:
        pages = of_google(door).models.list(config={"page_size": 50})
        same(len(pages.page), 50, door)
        same(chats(model.name.removeprefix("models/") for model in pages), sorted(CHATS), door)


@check
def a_stranger_is_told_so_in_each_library_s_own_words():
    stranger = "sk-stranger"
    ask = lambda: of_openai("tenants", api_key=stranger).chat.completions.create(model="openai-chat", messages=PING)
    error = raised(openai.AuthenticationError, ask)
    same((error.code, error.type), ("invalid_api_key", "invalid_request_error"))
    ask = lambda: of_anthropic("tenants", api_key=stranger).messages.create(model="openai-chat", max_tokens=9, messages=PING)
    same(raised(anthropic.AuthenticationError, ask).type, "authentication_error")
    ask = lambda: of_google("tenants", stranger).models.generate_content(model="openai-chat", contents="ping")
    same(raised(google.ClientError, ask).status, "UNAUTHENTICATED")
    raised(openai.AuthenticationError, lambda: of_openai("tenants", api_key=stranger).models.list())
    raised(anthropic.AuthenticationError, lambda: of_anthropic("tenants", api_key=stranger).models.list())
    raised(google.ClientError, lambda: of_google("tenants", stranger).models.list())
