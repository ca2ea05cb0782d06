"""tracemalloc beside other interpreters: refused on the version of CPython that crashes."""

import sys

import pytest

CRASHES = sys.version_info[:2] in {(3, 12), (3, 14)}
where_it_crashes = pytest.mark.skipif(not CRASHES, reason="other versions can do both")

CREATE = """
import atoll, tracemalloc
from atoll import interpreters
def attempt(call, *args):
    try:
        call(*args)
    except (interpreters.InterpreterError, RuntimeError, atoll.BrokenInterpreterPool) as error:
        return str(error.__cause__ or error)
"""


@where_it_crashes
@pytest.mark.parametrize("options", [(), ("-X", "tracemalloc")])
def test_no_interpreter_while_it_traces(run_python, options):
    source = """
tracemalloc.start()
for _ in range(2):
    assert 'tracemalloc.stop()' in attempt(interpreters.create)
    assert 'tracemalloc.stop()' in attempt(atoll.Pool(1).submit(abs, -1).result)
tracemalloc.stop()
interpreters.create().close()
tracemalloc.start()
assert 'tracemalloc.stop()' in attempt(interpreters.create)
tracemalloc.take_snapshot()
tracemalloc.stop()
i = interpreters.create()
i.exec('from atoll import interpreters; interpreters.create().close()')
i.close()
"""
    done = run_python(*options, "-c", CREATE + source)
    assert (done.returncode, done.stderr) == (0, "")


@where_it_crashes
def test_no_tracing_while_interpreters_are_open(run_python):
    source = """
try: from concurrent import interpreters as standard
except ImportError: standard = interpreters
for module in interpreters, standard:
    i = module.create()
    assert 'close them first' in attempt(tracemalloc.start)
    assert not tracemalloc.is_tracing()
    i.close()
tracemalloc.start(3)
assert tracemalloc.get_traceback_limit() == 3
tracemalloc.stop()
"""
    done = run_python("-c", CREATE + "interpreters.create().close()" + source)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(CRASHES, reason="refused there")
def test_both_at_once(run_python):
    source = """
tracemalloc.start()
for _ in range(3):
    i = interpreters.create()
    i.exec('import json')
    i.close()
tracemalloc.take_snapshot()
"""
    done = run_python("-c", CREATE + source)
    assert (done.returncode, done.stderr) == (0, "")
