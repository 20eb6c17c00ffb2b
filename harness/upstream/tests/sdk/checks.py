"""What the scripts share: where the upstreams are, how something is checked, and how long a library would have slept."""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

# Each upstream's address and key, by its name.
DOORS = {}
# Every check of the script, in its order.
ALL = []

# The world's streams that are strangely written, each of which says `one two three`.
STRANGE = ["pings", "crlf", "cr", "tight", "multi-line", "comments", "split", "strangers"]

# What the world's usual answer says.
TEXT = 'Grüße, 世界! one two "three"'


def check(function):
    """Notes a check that is to be made."""
    ALL.append(function)
    return function


def same(found, expected, where=""):
    """Fails, and shows both, where something else was found than was expected."""
    if found != expected:
        raise AssertionError(f"{where}\n  found    {found!r}\n  expected {expected!r}")


def raised(kind, work):
    """The exception of exactly that kind that some work raises."""
    try:
        result = work()
    except Exception as error:
        if type(error) is not kind:
            raise AssertionError(f"{type(error).__module__}.{type(error).__name__} instead of {kind.__name__}: {error}") from error
        return error
    raise AssertionError(f"{result!r} instead of {kind.__name__}")


def at_once(work, several):
    """Does some work on several things at once, and fails with everything that fails."""

    def failure(thing):
        try:
            work(thing)
        except Exception as error:
            return f"{thing}: {error or repr(error)}"

    with ThreadPoolExecutor(max_workers=32) as pool:
        failures = [told for told in pool.map(failure, several) if told]
    if failures:
        raise AssertionError("\n".join(failures))


def nobody():
    """An address at which nobody listens."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{door.getsockname()[1]}"


@contextlib.contextmanager
def sleepless():
    """Notes how long the library would sleep, and lets it sleep no longer than a moment."""
    slept, sleep = [], time.sleep

    def note(seconds):
        slept.append(seconds)
        sleep(min(seconds, 0.01))

    time.sleep = note
    try:
        yield slept
    finally:
        time.sleep = sleep
