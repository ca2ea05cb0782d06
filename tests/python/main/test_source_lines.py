"""Functions and classes that travel keep their lines of source: tracebacks, inspect, pdb."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DEFINITIONS = """
import dataclasses, functools, inspect, traceback
import atoll

class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a}-{b}")
        self.a = a
    def act(self):
        raise self  # act

def plain(x):
    raise Odd(1, 2)  # plain

short = lambda x: 1 / 0  # short

def outer(y=0):
    def inner(x):
        return x / y  # inner
    return inner

@dataclasses.dataclass
class Record:
    x: int
    def method(self):
        return self.x / 0  # method
    @property
    def value(self):
        return self.x / 0  # value
    @staticmethod
    def static():
        return 1 / 0  # static

class Meta(type):
    def build(cls):
        return 1 / 0  # build

class Built(metaclass=Meta):
    pass

@functools.cache
def cached(x):
    return x / 0  # cached

def generator(x):
    yield x / 0  # generator

def method(x): return Record(x).method()
def value(x): return Record(x).value
def static(x): return Record.static()
def build(x): return Built.build()
def act(x): Odd(1, 2).act()
def generated(x): return list(generator(x))

def source_of(function):
    return inspect.getsource(function), function.__code__.co_filename

def class_source(cls):
    return inspect.getsource(cls)

def check(file):
    with atoll.Pool(1) as pool:
        for function, line in {
            plain: "raise Odd(1, 2)  # plain",
            short: "short = lambda x: 1 / 0  # short",
            outer(): "return x / y  # inner",
            method: "return self.x / 0  # method",
            value: "return self.x / 0  # value",
            static: "return 1 / 0  # static",
            build: "return 1 / 0  # build",
            act: "raise self  # act",
            cached: "return x / 0  # cached",
            generated: "yield x / 0  # generator",
            functools.partial(plain): "raise Odd(1, 2)  # plain",
        }.items():
            try:
                pool.run(function, 1)
            except (Odd, ZeroDivisionError) as error:
                text = "".join(traceback.format_exception(error))
            assert line in text, (line, text)
            assert text.count(f'File "{file}"') >= 2, text
            assert "dynamic-code" not in text, text
        for function in [plain, short, outer(), Record.method, Odd.__init__]:
            assert pool.run(source_of, function) == source_of(function), function
        if hasattr(__import__("__main__"), "__file__"):
            for cls in [Odd, Record, Meta]:
                assert pool.run(class_source, cls) == inspect.getsource(cls), cls
    print("checked")
"""

GUARDED = DEFINITIONS + 'if __name__ == "__main__":\n    check(__file__)\n'
UNGUARDED = DEFINITIONS + "check(__file__)\n"


@pytest.mark.parametrize("script", [GUARDED, UNGUARDED], ids=["guarded", "unguarded"])
def test_scripts(script: str, tmp_path: Path, run_python: Callable[..., Any]) -> None:
    file = tmp_path / "script.py"
    file.write_text(script)
    done = run_python(file)
    assert done.stdout == "checked\n", done.stderr


@pytest.mark.skipif("sys.version_info < (3, 13)", reason="CPython keeps no lines of commands")
def test_a_command(run_python: Callable[..., Any]) -> None:
    done = run_python("-c", DEFINITIONS + "check('<string>')\n")
    assert done.stdout == "checked\n", done.stderr


PDB = """
import sys
import atoll

def stops(x):
    double = 2 * x
    breakpoint()
    return double

def outer():
    y = 5
    def inner(x):
        both = x + y
        breakpoint()
        return both
    return inner

if __name__ == "__main__":
    with atoll.Pool(1) as pool:
        print("got", pool.run(eval(sys.argv[1]), 21))
"""


@pytest.mark.parametrize(
    ("function", "variable", "result", "line"),
    [("stops", "double", 42, "double = 2 * x"), ("outer()", "both", 26, "both = x + y")],
)
def test_breakpoint(
    function: str,
    variable: str,
    result: int,
    line: str,
    tmp_path: Path,
    run_python: Callable[..., Any],
) -> None:
    file = tmp_path / "script.py"
    file.write_text(PDB)
    done = run_python(file, function, input=f"p {variable}\nl\nc\n")
    assert f"(Pdb) {result}\n" in done.stdout, (done.stdout, done.stderr)
    assert line in done.stdout, "the list of lines"
    assert f"got {result}\n" in done.stdout, (done.stdout, done.stderr)


REPL = """
import atoll
def fail(x):
    return 1 / x  # fail

class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(a)
    def act(self):
        raise self  # act

def act(x):
    Odd(1, 2).act()

pool = atoll.Pool(1)
pool.run(fail, 0)
pool.run(act, 0)
pool.shutdown()
"""


@pytest.mark.skipif("sys.version_info < (3, 13)", reason="this REPL keeps no lines")
def test_the_interactive_interpreter(run_python: Callable[..., Any]) -> None:
    done = run_python("-i", "-q", input=textwrap.dedent(REPL).lstrip())
    assert "return 1 / x  # fail" in done.stderr, done.stderr
    assert "raise self  # act" in done.stderr, done.stderr
    assert "dynamic-code" not in done.stderr
