"""What the library `google-genai` raises for each error, and the provider's own words that it finds there."""

from google.genai import errors

from checks import at_once, check, raised, same
from google_client import CLIENT, ask, client

INVALID, EXHAUSTED = "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"

# Each error's status, with the word that Google has for it.
ERRORS = {
    "rate_limit": (429, EXHAUSTED),
    "slow_down": (429, EXHAUSTED),
    "concurrency": (429, EXHAUSTED),
    "daily_limit": (429, EXHAUSTED),
    "zero_quota": (429, EXHAUSTED),
    "spend_cap": (429, EXHAUSTED),
    "insufficient_quota": (429, EXHAUSTED),
    "payment_required": (402, "FAILED_PRECONDITION"),
    "invalid_key": (400, INVALID),
    "forbidden": (403, "PERMISSION_DENIED"),
    "bad_request": (400, INVALID),
    "context_overflow": (400, INVALID),
    "content_policy": (400, INVALID),
    "model_not_found": (404, "NOT_FOUND"),
    "request_timeout": (408, "DEADLINE_EXCEEDED"),
    "conflict": (409, "ABORTED"),
    "too_large": (413, INVALID),
    "unprocessable": (422, INVALID),
    "server_error": (500, "INTERNAL"),
    "bad_gateway": (502, "UNAVAILABLE"),
    "unavailable": (503, "UNAVAILABLE"),
    "overloaded": (503, "UNAVAILABLE"),
    "gateway_timeout": (504, "DEADLINE_EXCEEDED"),
}


# What was raised for each.
RAISED = {}


@check
def errors_are_told_apart():
    def look(name):
        code, status = ERRORS[name]
        error = RAISED[name] = raised(errors.ClientError if code < 500 else errors.ServerError, lambda: ask(name))
        same((error.code, error.status, bool(error.message)), (code, status, True), name)

    at_once(look, ERRORS)


@check
def quotas_are_told_apart_by_their_violations_alone():
    def violation(name):
        details = RAISED[name].details["error"]["details"]
        [failure] = [detail for detail in details if detail["@type"].endswith("QuotaFailure")]
        return failure["violations"][0]

    same("PerMinute" in violation("rate_limit")["quotaId"], True)
    same("PerDay" in violation("daily_limit")["quotaId"], True)
    same(violation("zero_quota")["quotaValue"], "0")


@check
def an_overload_with_the_status_of_another_provider_is_one_of_the_server():
    error = raised(errors.ServerError, lambda: ask("overloaded-as-529"))
    same((error.code, error.status), (529, "UNAVAILABLE"))


@check
def a_broken_connection_and_silence_are_those_of_the_transport():
    for model, kind, asking in [
        ("closed", "RemoteProtocolError", CLIENT),
        ("garbage", "RemoteProtocolError", CLIENT),
        ("silent", "ReadTimeout", client(timeout=1000)),
    ]:
        try:
            ask(model, asking)
        except Exception as error:
            same(type(error).__name__, kind, model)
        else:
            raise AssertionError(f"{model} raised nothing")
