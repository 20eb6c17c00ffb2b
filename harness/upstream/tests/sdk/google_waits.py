"""Calls of the library `google-genai` that is asked to try again, with its own defaults. How long it waits, the upstream sees."""

from google.genai import errors, types

from checks import at_once, check, nobody, raised, same, sleepless
from google_client import ask, client

PATIENT = client(retry_options=types.HttpRetryOptions())


def patiently(model):
    return ask(model, PATIENT)


@check
def without_being_asked_it_tries_nothing_again():
    raised(errors.ClientError, lambda: ask("in-words"))


@check
def it_comes_back_where_nobody_listens():
    with sleepless() as slept:
        try:
            ask("chat", client(url=nobody(), retry_options=types.HttpRetryOptions()))
        except Exception as error:
            same(type(error).__name__, "ConnectError")
    same([int(seconds) for seconds in slept], [1, 2, 4, 8])


@check
def it_comes_back_once_whatever_wait_it_is_told():
    at_once(patiently, ["no-hint", "at-once", "a-day", "azure-millis", "quota-reset", "reset-timestamp"])
    at_once(patiently, ["seconds", "millis", "two-hints", "nonsense", "more-than-two-minutes", "told-not-to"])


@check
def it_comes_back_behind_silence():
    ask("silent-once", client(retry_options=types.HttpRetryOptions(), timeout=3000))


@check
def some_things_it_does_not_try_again():
    def look(place):
        model, kind = place
        try:
            patiently(model)
        except Exception as error:
            same(type(error).__name__, kind, model)
        else:
            raise AssertionError(f"{model} raised nothing")

    broken = [("closed-once", "RemoteProtocolError"), ("garbage-once", "RemoteProtocolError"), ("cut-once", "ReadError")]
    refused = [("told-to", "ClientError"), ("conflict-once", "ClientError"), ("status-501-once", "ServerError")]
    at_once(look, broken + refused)


@check
def it_gives_up_behind_the_fifth_try():
    raised(errors.ServerError, lambda: patiently("never"))
