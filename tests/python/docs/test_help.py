"""What help() and editors show of the public names."""

import inspect

import pytest

import atoll
from atoll.futures import InterpreterPoolExecutor

FUNCTIONS = [
    name
    for name in atoll.__all__
    if callable(value := getattr(atoll, name))
    and not (isinstance(value, type) and issubclass(value, BaseException))
]
#: Nobody calls these: pools, ends and select() make them.
MADE_ELSEWHERE = {"Future", "PoolStats", "Receiver", "Selected", "Sender", "TaskOptions"}


@pytest.mark.parametrize("name", [*FUNCTIONS, "BrokenInterpreterPool", "TaskTimedOut"])
def test_public_names_say_what_they_are(name):
    assert inspect.getdoc(getattr(atoll, name))


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - MADE_ELSEWHERE))
def test_functions_have_a_signature(name):
    assert inspect.signature(getattr(atoll, name)) is not None


def test_some_signatures():
    assert str(inspect.signature(atoll.channel)) == "(capacity=0)"
    assert list(inspect.signature(atoll.select).parameters) == [
        *("cases", "timeout", "default", "order")
    ]
    assert list(inspect.signature(atoll.Pool.submit).parameters) == [
        *("self", "function", "args", "kwargs")
    ]


def test_the_executor_says_what_BROKEN_is():  # noqa: N802
    assert "``BROKEN``" in InterpreterPoolExecutor.__doc__
