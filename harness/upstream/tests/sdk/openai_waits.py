"""Calls of the library `openai` as it comes, which tries twice more. How long it waits, the upstream sees."""

import openai

from checks import at_once, check, nobody, raised, same, sleepless
from openai_clients import client

PATIENT = client("openai")
PING = [{"role": "user", "content": "ping"}]


def ask(model, asking=PATIENT):
    return asking.chat.completions.create(model=model, messages=PING)


@check
def it_sleeps_as_long_as_it_is_told_to_unless_that_is_too_long():
    with sleepless() as slept:
        for model, sleeps in [("a-minute", [60]), ("more-than-a-minute", [61]), ("two-minutes", [120])]:
            ask(model)
            same(slept, sleeps, model)
            slept.clear()
        for model in ["more-than-two-minutes", "a-day", "too-long-and-told-to"]:
            raised(openai.RateLimitError, lambda: ask(model))
            same(slept, [], model)


@check
def it_comes_back_where_nobody_listens():
    with sleepless() as slept:
        raised(openai.APIConnectionError, lambda: ask("chat", PATIENT.with_options(base_url=nobody())))
    same([0.375 <= slept[0] <= 0.5, 0.75 <= slept[1] <= 1], [True, True], slept)


@check
def it_gives_up_where_it_is_told_to():
    raised(openai.InternalServerError, lambda: ask("told-not-to"))


@check
def it_comes_back_once():
    several = ["seconds", "fraction", "millis", "date", "overloaded-for-a-second", "two-hints", "reset", "in-words"]
    several += ["azure-millis", "at-once", "reset-duration", "reset-seconds", "reset-timestamp", "reset-epoch"]
    several += ["reset-unknown", "quota-reset", "no-hint"]
    several += ["past", "negative", "nonsense", "told-to", "conflict-once", "status-501-once"]
    at_once(ask, several + ["closed-once", "cut-once", "garbage-once"])


@check
def it_comes_back_behind_silence():
    ask("silent-once", PATIENT.with_options(timeout=3))


@check
def it_gives_up_behind_the_third_try():
    raised(openai.InternalServerError, lambda: ask("never"))
