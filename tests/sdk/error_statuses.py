"""The status with which each error of each provider reaches a client of the router."""

from clients import DOORS, PROVIDERS

# The status with which each error of a provider reaches a client. What speaks of the router's own key or account never looks
# like something that the client's key has to answer for.
USUAL = {
    "rate_limit": 429,
    "slow_down": 429,
    "concurrency": 429,
    "daily_limit": 429,
    "zero_quota": 503,
    "spend_cap": 503,
    "insufficient_quota": 503,
    "payment_required": 503,
    "invalid_key": 502,
    "forbidden": 502,
    "bad_request": 400,
    "context_overflow": 400,
    "content_policy": 400,
    "model_not_found": 404,
    "request_timeout": 408,
    "conflict": 409,
    "too_large": 413,
    "unprocessable": 422,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "overloaded": 503,
    "gateway_timeout": 504,
    "closed": 502,
    "garbage": 502,
    "silent": 504,
}

# Where a provider says something else.
OTHERWISE = {
    # There is no code for a quota of nothing.
    ("anthropic", "zero_quota"): 429,
    ("anthropic", "overloaded"): 529,
    # A quota is a limit there, and nothing tells it from one.
    ("gemini", "spend_cap"): 429,
    ("gemini", "insufficient_quota"): 429,
    ("vllm", "zero_quota"): 429,
    ("vllm", "spend_cap"): 429,
    ("vllm", "insufficient_quota"): 429,
    ("ollama", "zero_quota"): 429,
    ("ollama", "spend_cap"): 429,
    ("ollama", "insufficient_quota"): 429,
    ("azure", "zero_quota"): 429,
}

# What a client of Anthropic's is told with that provider's own status for an overload: those have no other word for a 503.
OVERLOADS = {(provider, "unavailable") for provider in ["azure", "vllm", "ollama", "gemini"]}

def places():
    return [(door, provider, name) for door in DOORS for provider in PROVIDERS for name in USUAL]


def status_of(provider, name):
    return OTHERWISE.get((provider, name), USUAL[name])
