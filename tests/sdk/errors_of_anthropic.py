"""What the library `anthropic` raises for each error of every provider that the router has."""

import anthropic

from checks import at_once, check, raised, same
from clients import DOORS, of_anthropic
from error_statuses import OVERLOADS, places, status_of

ANTHROPIC = {
    400: (anthropic.BadRequestError, "invalid_request_error"),
    404: (anthropic.NotFoundError, "not_found_error"),
    408: (anthropic.RequestTimeoutError, "invalid_request_error"),
    409: (anthropic.ConflictError, "invalid_request_error"),
    413: (anthropic.ContentTooLargeError, "request_too_large"),
    422: (anthropic.UnprocessableEntityError, "invalid_request_error"),
    429: (anthropic.RateLimitError, "rate_limit_error"),
    500: (anthropic.InternalServerError, "api_error"),
    502: (anthropic.InternalServerError, "api_error"),
    503: (anthropic.ServiceUnavailableError, "api_error"),
    504: (anthropic.GatewayTimeoutError, "timeout_error"),
    529: (anthropic.OverloadedError, "overloaded_error"),
}


@check
def anthropic_raises_its_classes():
    clients = {door: of_anthropic(door) for door in DOORS}

    def look(place):
        door, provider, name = place
        overload = name == "overloaded" or (provider, name) in OVERLOADS
        kind, word = ANTHROPIC[529 if overload else status_of(provider, name)]
        for stream in [False, True]:
            messages = [{"role": "user", "content": "ping"}]
            ask = lambda: clients[door].messages.create(model=f"{provider}-{name}", max_tokens=9, messages=messages, stream=stream)
            error = raised(kind, ask)
            same((error.type, error.body["type"], bool(error.body["error"]["message"])), (word, "error", True))

    at_once(look, places())
