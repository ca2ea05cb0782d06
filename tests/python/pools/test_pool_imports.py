"""Several threads of one interpreter that meet in the import of a module."""

import sys
from pathlib import Path

import pytest

import atoll

MODULE = """\
from atoll import interpreters

if interpreters.get_current() != interpreters.get_main():
    import gate

    gate.entered.set()
    gate.opened.wait()
late = 1
def f(): return late
"""
GATE = """\
import threading

entered, opened = threading.Event(), threading.Event()
wait, open = entered.wait, opened.set
"""


def test_a_function_of_a_module_that_another_thread_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_imported.py").write_text(MODULE)
    (tmp_path / "gate.py").write_text(GATE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import gate  # type: ignore[import-not-found]
    import half_imported  # type: ignore[import-not-found]

    try:
        with atoll.Pool(1, threads=4) as pool:
            first = pool.submit(half_imported.f)
            pool.run(_wait)
            others = [pool.submit(half_imported.f) for _ in range(2)]
            pool.run(_open)
            assert [each.result() for each in (first, *others)] == [1, 1, 1]
    finally:
        del sys.modules["half_imported"], sys.modules["gate"], gate, half_imported


def _wait() -> None:
    import gate

    gate.entered.wait()


def _open() -> None:
    import gate

    gate.opened.set()
