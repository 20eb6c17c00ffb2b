"""What the library `anthropic` raises for each error, and the provider's own words that it finds there."""

import anthropic

from anthropic_client import CLIENT, ask
from checks import at_once, check, raised, same

INVALID, LIMIT = "invalid_request_error", "rate_limit_error"

# Each error's class and status, with the type that Anthropic has for it.
ERRORS = {
    "rate_limit": (anthropic.RateLimitError, 429, LIMIT),
    "slow_down": (anthropic.RampLimitExceededError, 429, LIMIT),
    "concurrency": (anthropic.RateLimitError, 429, LIMIT),
    "daily_limit": (anthropic.RateLimitError, 429, LIMIT),
    "zero_quota": (anthropic.RateLimitError, 429, LIMIT),
    "spend_cap": (anthropic.EnforcedSpendLimitReachedError, 429, LIMIT),
    "insufficient_quota": (anthropic.BadRequestError, 400, INVALID),
    "payment_required": (anthropic.PaymentRequiredError, 402, "billing_error"),
    "invalid_key": (anthropic.AuthenticationError, 401, "authentication_error"),
    "forbidden": (anthropic.PermissionDeniedError, 403, "permission_error"),
    "bad_request": (anthropic.BadRequestError, 400, INVALID),
    "context_overflow": (anthropic.BadRequestError, 400, INVALID),
    "content_policy": (anthropic.BadRequestError, 400, INVALID),
    "model_not_found": (anthropic.NotFoundError, 404, "not_found_error"),
    "request_timeout": (anthropic.RequestTimeoutError, 408, INVALID),
    "conflict": (anthropic.ConflictError, 409, INVALID),
    "too_large": (anthropic.ContentTooLargeError, 413, "request_too_large"),
    "unprocessable": (anthropic.UnprocessableEntityError, 422, INVALID),
    "server_error": (anthropic.InternalServerError, 500, "api_error"),
    "bad_gateway": (anthropic.InternalServerError, 502, "api_error"),
    "unavailable": (anthropic.ServiceUnavailableError, 503, "api_error"),
    "overloaded": (anthropic.OverloadedError, 529, "overloaded_error"),
    "gateway_timeout": (anthropic.GatewayTimeoutError, 504, "timeout_error"),
}


# What was raised for each.
RAISED = {}


@check
def errors_are_told_apart():
    def look(name):
        kind, status, word = ERRORS[name]
        error = RAISED[name] = raised(kind, lambda: ask(name))
        same((error.status_code, error.type), (status, word), name)
        same((bool(error.api_message), error.body["request_id"]), (True, error.request_id), name)

    at_once(look, ERRORS)


@check
def a_spend_cap_is_told_by_its_code_alone():
    error = RAISED["spend_cap"]
    same(isinstance(error, anthropic.RateLimitError), True)
    same(error.body["error"]["details"], {"error_code": "enforced_spend_limit_reached"})
    same([name for name in error.response.headers if name.startswith("retry-after")], [])


@check
def an_overload_with_the_status_of_another_provider_keeps_its_type():
    error = raised(anthropic.ServiceUnavailableError, lambda: ask("overloaded-as-503"))
    same((error.status_code, error.type), (503, "overloaded_error"))


@check
def a_broken_connection_and_silence_have_classes_of_their_own():
    for model in ["closed", "garbage"]:
        raised(anthropic.APIConnectionError, lambda: ask(model))
    raised(anthropic.APITimeoutError, lambda: ask("silent", CLIENT.with_options(timeout=1)))
