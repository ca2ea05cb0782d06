"""NumPy refuses isolated interpreters: each gets private copies of its extension modules."""

from __future__ import annotations

import sys
import threading

import pytest

from atoll import interpreters

pytest.importorskip("numpy")

if sys.version_info < (3, 13):
    pytest.skip("private copies need CPython 3.13", allow_module_level=True)

SCRIPT = """
import numpy as np
from numpy.random import default_rng
assert np.arange(10).sum() == 45
assert np.allclose(np.linalg.inv(np.eye(3) + 1) @ (np.eye(3) + 1), np.eye(3))
assert 0 <= default_rng(1).random() < 1
"""


def test_two_interpreters_at_once() -> None:
    failures: list[BaseException] = []

    def use() -> None:
        interpreter = interpreters.create(extensions="auto")
        try:
            interpreter.exec(SCRIPT)
        except BaseException as error:
            failures.append(error)
        interpreter.close()

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_declared_refuses() -> None:
    interpreter = interpreters.create(extensions="declared")
    with pytest.raises(interpreters.ExecutionFailed, match="does not support loading"):
        interpreter.exec("import numpy._core._multiarray_umath")
    interpreter.close()


def test_unknown_setting() -> None:
    with pytest.raises(ValueError, match="'auto', 'private' or 'declared'"):
        interpreters.create(extensions="some")
