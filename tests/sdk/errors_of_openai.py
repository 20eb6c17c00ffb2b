"""What the library `openai` raises for each error of every provider that the router has."""

import openai

from checks import at_once, check, raised, same
from clients import DOORS, of_openai
from error_statuses import places, status_of

OPENAI = {
    400: openai.BadRequestError,
    404: openai.NotFoundError,
    408: openai.APIStatusError,
    409: openai.ConflictError,
    413: openai.APIStatusError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}


@check
def openai_raises_its_classes():
    clients = {door: of_openai(door) for door in DOORS}

    def look(place):
        door, provider, name = place
        status = status_of(provider, name)
        kind = OPENAI.get(status, openai.InternalServerError)
        for stream in [False, True]:
            messages = [{"role": "user", "content": "ping"}]
            ask = lambda: clients[door].chat.completions.create(model=f"{provider}-{name}", messages=messages, stream=stream)
            error = raised(kind, ask)
            same((error.status_code, bool(error.type), bool(error.body["message"])), (status, True, True))
            same(isinstance(error.code, str | None), True)

    at_once(look, places())
