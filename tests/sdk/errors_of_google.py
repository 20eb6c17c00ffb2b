"""What the library `google-genai` raises for each error of every provider that the router has."""

from google.genai import errors as google

from checks import at_once, check, raised, same
from clients import DOORS, of_google
from error_statuses import places, status_of

GOOGLE = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}


@check
def google_raises_its_classes():
    clients = {door: of_google(door) for door in DOORS}

    def look(place):
        door, provider, name = place
        status = status_of(provider, name)
        kind = google.ClientError if status < 500 else google.ServerError
        client, model = clients[door].models, f"{provider}-{name}"
        error = raised(kind, lambda: client.generate_content(model=model, contents="ping"))
        same((error.code, error.status, bool(error.message)), (status, GOOGLE[status], True))
        error = raised(kind, lambda: list(client.generate_content_stream(model=model, contents="ping")))
        same((error.code, error.status, bool(error.message)), (status, GOOGLE[status], True), "streamed")

    at_once(look, places())
