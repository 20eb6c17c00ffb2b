"""A client that tries again as its library does by itself, and waits as it is told, comes through: the key is back by then."""

from google.genai import types

from checks import TEXT, at_once, check, same
from clients import DOORS, PROVIDERS, of_anthropic, of_google, of_openai

PING = [{"role": "user", "content": "ping"}]
# At the first request the provider says to come back after a second, in one of these forms.
ONCE = {"openai": "seconds", "anthropic": "millis", "google": "fraction"}


@check
def each_library_comes_through():
    def look(place):
        library, door, provider = place
        model = f"{provider}-{ONCE[library]}"
        match library:
            case "openai":
                answer = of_openai(door, max_retries=1).chat.completions.create(model=model, messages=PING)
                text = answer.choices[0].message.content
            case "anthropic":
                answer = of_anthropic(door, max_retries=1).messages.create(model=model, max_tokens=9, messages=PING)
                text = answer.content[0].text
            case _:
                # It reads no hint, and waits a second at the least: its second try may come too early, and its third does not.
                patient = of_google(door, retry_options=types.HttpRetryOptions(attempts=3))
                text = patient.models.generate_content(model=model, contents="ping").text
        same(text, TEXT, f"{place}")

    # The provider refuses the first request alone, so each door needs a provider's model of its own.
    doors = dict(zip(ONCE, [list(DOORS)[0], list(DOORS)[1], list(DOORS)[0]], strict=True))
    at_once(look, [(library, doors[library], provider) for library in ONCE for provider in PROVIDERS])
