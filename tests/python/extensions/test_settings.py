"""``extensions=``, wherever it can be said."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import atoll
from atoll import interpreters
from atoll.futures import InterpreterPoolExecutor
from tests.python.extensions.conftest import SINGLE_PHASE, Build, needs_private_copies

MODULE = "atoll_setting"


def works() -> bool:
    import importlib

    try:
        importlib.import_module("atoll_setting")
    except ImportError:
        return False
    return True


@pytest.fixture
def module(build: Build) -> str:
    build(MODULE, SINGLE_PHASE)
    return MODULE


@needs_private_copies
@pytest.mark.parametrize(
    ("extensions", "expected"),
    [(None, True), ("auto", True), ("private", True), ("declared", False)],
)
def test_everywhere(module: str, extensions: str | None, expected: bool) -> None:
    with atoll.Pool(1, extensions=extensions) as pool:
        assert pool.run(works) is expected
    with InterpreterPoolExecutor(1, extensions=extensions) as executor:
        assert executor.submit(works).result() is expected
    with interpreters.create(extensions=extensions) as interpreter:
        assert interpreter.call(works) is expected


@needs_private_copies
def test_configurations(module: str) -> None:
    for config, expected in (("isolated", True), ("legacy", True)):
        interpreter = interpreters.create(config)
        assert interpreter.call(works) is expected
        interpreter.close()
    object_ = atoll.lowlevel.interpreters.new_config("isolated")
    interpreter = interpreters.create(object_)
    assert not interpreter.call(works)
    interpreter.close()
    with atoll.Pool(1, config=object_, extensions="auto") as pool:
        assert pool.run(works)


@needs_private_copies
@pytest.mark.parametrize(
    ("variable", "program", "expected"),
    [
        ("", "", "True"),
        ("declared", "", "False"),
        ("private", "", "True"),
        ("", "atoll.install()", "False"),
        ("auto", "atoll.install()", "True"),
        ("", "atoll.install(extensions='auto')", "True"),
    ],
)
def test_the_environment(
    module: str,
    run_python: Any,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    program: str,
    expected: str,
) -> None:
    if variable:
        monkeypatch.setenv("ATOLL_EXTENSIONS", variable)
    source = (
        f"import sys; sys.path[:0] = {sys.path[:1]!r}\n"
        f"import atoll; from atoll import interpreters\n{program}\n"
        "i = interpreters.create()\n"
        "def works():\n"
        "    try: import atoll_setting\n"
        "    except ImportError: return False\n"
        "    return True\n"
        "print(i.call(works))\n"
    )
    assert run_python("-c", source, check=True).stdout.strip() == expected


@needs_private_copies
@pytest.mark.parametrize(("option", "expected"), [("auto", "True"), ("declared", "False")])
def test_the_command_that_runs(module: str, run_python: Any, option: str, expected: str) -> None:
    source = (
        f"import sys; sys.path[:0] = {sys.path[:1]!r}\n"
        "from concurrent import interpreters\n"
        "i = interpreters.create()\n"
        "try: i.exec('import atoll_setting')\n"
        "except interpreters.ExecutionFailed: print(False)\n"
        "else: print(True)\n"
    )
    done = run_python("-m", "atoll", f"--extensions={option}", "-c", source, check=True)
    assert done.stdout.strip() == expected


def test_wrong_values(run_python: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for make in (
        lambda: atoll.Pool(1, extensions="some"),
        lambda: InterpreterPoolExecutor(1, extensions="some"),
        lambda: interpreters.create(extensions="some"),
        lambda: atoll.install(extensions="some"),
    ):
        with pytest.raises(ValueError, match="'auto', 'private' or 'declared'"):
            make()
    done = run_python("-m", "atoll", "--extensions=some", "-c", "pass")
    assert done.returncode == 1
    assert "'auto', 'private' or 'declared'" in done.stderr
    monkeypatch.setenv("ATOLL_EXTENSIONS", "some")
    done = run_python("-c", "from atoll import interpreters; interpreters.create()")
    assert "the environment variable ATOLL_EXTENSIONS: unsupported extensions 'some'" in done.stderr


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="works")
def test_3_12_refuses() -> None:
    with pytest.raises(ValueError, match=r"needs CPython 3\.13"):
        atoll.Pool(1, extensions="auto")
    interpreters.create().close()
