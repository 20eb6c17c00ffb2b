"""What the library `openai` raises for each error, and the provider's own words that it finds there."""

import openai

from checks import at_once, check, raised, same
from openai_clients import CLIENTS

PING = [{"role": "user", "content": "ping"}]

CLASSES = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    402: openai.APIStatusError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    408: openai.APIStatusError,
    409: openai.ConflictError,
    413: openai.APIStatusError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
    504: openai.InternalServerError,
}

# Each error's status, with the type and the code that OpenAI has for it.
OPENAI = {
    "rate_limit": (429, "requests", "rate_limit_exceeded"),
    "slow_down": (429, "rate_limit_error", "slow_down"),
    "concurrency": (429, "requests", "rate_limit_exceeded"),
    "daily_limit": (429, "requests", "rate_limit_exceeded"),
    "zero_quota": (429, "insufficient_quota", "credit_balance_exhausted"),
    "spend_cap": (429, "insufficient_quota", "organization_spend_limit_exceeded"),
    "insufficient_quota": (429, "insufficient_quota", "insufficient_quota"),
    "payment_required": (402, "insufficient_quota", "payment_required"),
    "invalid_key": (401, "invalid_request_error", "invalid_api_key"),
    "forbidden": (403, "request_forbidden", "unsupported_country_region_territory"),
    "bad_request": (400, "invalid_request_error", None),
    "context_overflow": (400, "invalid_request_error", "context_length_exceeded"),
    "content_policy": (400, "invalid_request_error", "content_policy_violation"),
    "model_not_found": (404, "invalid_request_error", "model_not_found"),
    "request_timeout": (408, "invalid_request_error", "request_timeout"),
    "conflict": (409, "invalid_request_error", "conflict"),
    "too_large": (413, "invalid_request_error", "request_too_large"),
    "unprocessable": (422, "invalid_request_error", "unprocessable_entity"),
    "server_error": (500, "server_error", None),
    "bad_gateway": (502, "server_error", "bad_gateway"),
    "unavailable": (503, "server_error", "service_unavailable"),
    "overloaded": (503, "service_unavailable_error", "server_is_overloaded"),
    "gateway_timeout": (504, "server_error", "gateway_timeout"),
}

# Where another provider has another status, or where its code is worth a look. The code is always a text to this library.
OTHERS = {
    "azure": {"rate_limit": (429, "429"), "content_policy": (400, "content_filter"),
              "model_not_found": (404, "DeploymentNotFound"), "invalid_key": (401, "401"), "spend_cap": (403, "403")},
    "vllm": {"rate_limit": (429, "429"), "bad_request": (400, "400"), "invalid_key": (401, None)},
    "ollama": {},
}


def error_of(client, name, status):
    return raised(CLASSES[status], lambda: client.chat.completions.create(model=name, messages=PING))


@check
def openai_s_errors_are_told_apart():
    def look(name):
        status, kind, code = OPENAI[name]
        error = error_of(CLIENTS["openai"], name, status)
        same((error.status_code, error.type, error.code), (status, kind, code), name)
        same((bool(error.body["message"]), bool(error.request_id)), (True, True), name)

    at_once(look, OPENAI)


@check
def the_others_errors_have_their_classes():
    def look(place):
        provider, name = place
        usual = OPENAI[name][0]
        status, *code = OTHERS[provider].get(name, (usual,))
        error = error_of(CLIENTS[provider], name, status)
        same(error.status_code, status, f"{provider} {name}")
        if code:
            same([error.code], code, f"{provider} {name}")

    at_once(look, [(provider, name) for provider in OTHERS for name in OPENAI])


@check
def an_overload_with_the_status_of_another_provider_is_one_of_the_server():
    def look(name):
        error = raised(openai.InternalServerError, lambda: CLIENTS[name].chat.completions.create(model="overloaded-as-529", messages=PING))
        same((error.status_code, error.code), (529, "529" if name == "vllm" else error.code), name)

    at_once(look, CLIENTS)


@check
def a_broken_connection_and_silence_have_classes_of_their_own():
    client = CLIENTS["openai"]
    for model in ["closed", "garbage"]:
        raised(openai.APIConnectionError, lambda: client.chat.completions.create(model=model, messages=PING))
    hasty = client.with_options(timeout=1)
    raised(openai.APITimeoutError, lambda: hasty.chat.completions.create(model="silent", messages=PING))
