"""Exceptions: as values, and as what a task raised."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import atoll
from atoll.futures import InterpreterPoolExecutor


class Odd(Exception):
    """Takes other arguments than it hands on."""

    def __init__(self, a: object, b: object) -> None:
        super().__init__(f"{a}-{b}")
        self.a = a


class WithSlots(OSError):
    __slots__ = ("extra",)

    def __init__(self, extra: object) -> None:
        super().__init__(2, "no", "file")
        self.extra = extra


class FieldsInC(SyntaxError):
    def __init__(self) -> None:
        super().__init__("bad", ("f.py", 3, 4, "text"))


class OwnNew(ExceptionGroup[ValueError]):
    def __new__(cls, n: int) -> "OwnNew":
        return super().__new__(cls, "group", [ValueError(n)])


class Says(Exception):
    def __init__(self, first: object, second: object) -> None:
        super().__init__("text")
        self.both = first, second

    def __reduce__(self) -> tuple[Any, ...]:
        return Says, self.both


class OwnSetState(Exception):
    def __init__(self, a: object, b: object) -> None:
        super().__init__(a)
        self.state = [b]

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        assert state
        self.state = [*state["state"], "set"]


def chained() -> Exception:
    try:
        try:
            raise KeyError("first")
        except KeyError as first:
            error = Odd(1, 2)
            error.add_note("note")
            raise error from first
    except Odd as raised:
        return raised


def by_channel(value: Any) -> Any:
    sender, receiver = atoll.channel(1)
    sender.send(value)
    return receiver.recv()


def raise_(make: Callable[[], BaseException]) -> None:
    raise make()


@pytest.fixture(params=["pool", "executor", "value"])
def carried(request: pytest.FixtureRequest) -> Iterator[Callable[..., BaseException]]:
    """Makes an exception in a worker and gives what arrives of it."""
    if request.param == "value":
        yield lambda make: by_channel(make())
        return
    kind = atoll.Pool if request.param == "pool" else InterpreterPoolExecutor
    with kind(1) as pool:
        yield lambda make: pool.submit(raise_, make).exception()


def test_constructors_are_not_called_with_other_arguments(carried: Any) -> None:
    error = carried(chained)
    assert type(error) is Odd
    assert (error.args, error.a, error.__notes__) == (("1-2",), 1, ["note"])
    assert type(error.__cause__) is KeyError
    assert error.__cause__.args == ("first",)
    assert error.__suppress_context__


def make_with_slots() -> WithSlots:
    return WithSlots(7)


def test_slots_and_fields_in_c(carried: Any) -> None:
    error = carried(make_with_slots)
    assert type(error) is WithSlots
    assert (error.extra, error.errno, error.filename, error.args) == (7, 2, "file", (2, "no"))
    error = carried(FieldsInC)
    assert type(error) is FieldsInC
    assert (error.msg, error.filename, error.lineno) == ("bad", "f.py", 3)


def make_own_new() -> OwnNew:
    return OwnNew(5)


def test_groups(carried: Any) -> None:
    error = carried(make_own_new)
    assert type(error) is OwnNew
    assert [each.args for each in error.exceptions] == [(5,)]


def make_says() -> Says:
    return Says(1, 2)


def make_own_setstate() -> OwnSetState:
    return OwnSetState(1, 2)


def test_what_classes_say_of_themselves_counts(carried: Any) -> None:
    error = carried(make_says)
    assert type(error) is Says
    assert error.both == (1, 2)
    assert carried(make_own_setstate).state == [2, "set"]


def make_attribute_error() -> AttributeError:
    return AttributeError("text", name="n")


def test_built_in_exceptions(carried: Any) -> None:
    error = carried(make_attribute_error)
    assert (type(error), error.args, error.name) == (AttributeError, ("text",), "n")


def test_identities_and_cycles_of_values() -> None:
    error, other = ValueError(1), ValueError(2)
    error.__context__, other.__context__ = other, error
    back, again = by_channel([error, {"again": (error,)}])
    assert again["again"][0] is back
    assert back.__context__.__context__ is back


def test_a_cause_that_cannot_be_sent_is_left_out() -> None:
    error = chained()
    error.__cause__ = ValueError(threading.Lock())
    back = by_channel(error)
    assert type(back) is Odd
    assert back.__cause__ is None


def test_an_exception_that_cannot_be_sent_is_refused() -> None:
    error = ValueError(threading.Lock())
    with pytest.raises(atoll.interpreters.NotShareableError, match="lock"):
        by_channel(error)


def test_a_long_chain() -> None:
    error = ValueError(0)
    for n in range(1, 3000):
        later = ValueError(n)
        later.__context__ = error
        error = later
    back = by_channel(error)
    assert back.args == (2999,)
