"""Modules of the standard library that serve the main interpreter only."""

from __future__ import annotations

import faulthandler

import pytest

from atoll import interpreters
from tests.python.extensions.conftest import needs_private_copies

pytestmark = needs_private_copies


def test_faulthandler() -> None:
    was_enabled = faulthandler.is_enabled()
    with interpreters.create() as interpreter:
        interpreter.exec("""
import faulthandler, io, sys
faulthandler.enable(file=sys.stderr, all_threads=True)
assert not faulthandler.is_enabled() and faulthandler.disable() is False
faulthandler.dump_traceback_later(0.001, exit=True)
faulthandler.cancel_dump_traceback_later()
out = io.StringIO()
def show(): faulthandler.dump_traceback(out)
show()
assert "in show" in out.getvalue() and "Current thread" in out.getvalue(), out.getvalue()
""")
    assert faulthandler.is_enabled() == was_enabled


def test_tracemalloc() -> None:
    with interpreters.create() as interpreter:
        interpreter.exec("""
import tracemalloc
assert not tracemalloc.is_tracing() and tracemalloc.get_traced_memory() == (0, 0)
tracemalloc.stop()
assert tracemalloc.get_object_traceback(tracemalloc) is None
try: tracemalloc.start()
except RuntimeError as error: assert "main interpreter" in str(error)
else: raise AssertionError
""")


def test_readline() -> None:
    with interpreters.create() as interpreter:
        interpreter.exec("""
import readline, rlcompleter
readline.parse_and_bind("tab: complete")
readline.set_completer_delims(" ")
assert readline.get_completer_delims() == " " and readline.get_history_item(1) is None
""")


@pytest.mark.parametrize("name", ["faulthandler", "tracemalloc"])
def test_without_copies_they_refuse(name: str) -> None:
    with (
        interpreters.create(extensions="declared") as interpreter,
        pytest.raises(interpreters.ExecutionFailed, match="does not support"),
    ):
        interpreter.exec(f"import {name}")
