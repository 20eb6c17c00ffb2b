"""Calls of the library `anthropic` as it comes, which tries twice more. How long it waits, the upstream sees."""

import anthropic

from anthropic_client import ask, client
from checks import at_once, check, nobody, raised, same, sleepless

PATIENT = client()


def patiently(model):
    return ask(model, PATIENT)


@check
def it_sleeps_as_long_as_it_is_told_to():
    with sleepless() as slept:
        for model, sleeps in [
            ("a-minute", [60]),
            ("more-than-a-minute", [61]),
            ("two-minutes", [120]),
            ("more-than-two-minutes", [121]),
            ("a-day", [86_400]),
            ("too-long-and-told-to", [121]),
        ]:
            patiently(model)
            same(slept, sleeps, model)
            slept.clear()


@check
def it_comes_back_where_nobody_listens():
    with sleepless() as slept:
        raised(anthropic.APIConnectionError, lambda: ask("chat", client(base_url=nobody())))
    same([0.375 <= slept[0] <= 0.5, 0.75 <= slept[1] <= 1], [True, True], slept)


@check
def it_gives_up_where_it_is_told_to():
    raised(anthropic.OverloadedError, lambda: patiently("told-not-to"))


@check
def it_comes_back_once():
    several = ["seconds", "fraction", "millis", "date", "overloaded-for-a-second", "two-hints", "reset", "in-words"]
    several += ["azure-millis", "at-once", "reset-duration", "reset-seconds", "reset-timestamp", "reset-epoch"]
    several += ["reset-unknown", "quota-reset", "no-hint"]
    several += ["past", "negative", "nonsense", "told-to", "conflict-once", "status-501-once"]
    at_once(patiently, several + ["closed-once", "cut-once", "garbage-once"])


@check
def it_comes_back_behind_silence():
    ask("silent-once", PATIENT.with_options(timeout=3))


@check
def it_gives_up_behind_the_third_try():
    raised(anthropic.ServiceUnavailableError, lambda: patiently("never"))
