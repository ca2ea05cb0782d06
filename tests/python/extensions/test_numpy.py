"""NumPy refuses isolated interpreters: each gets private copies of its extension modules."""

from __future__ import annotations

import pytest

from atoll import interpreters
from tests.python.extensions.conftest import at_once, needs_private_copies

pytestmark = needs_private_copies
pytest.importorskip("numpy")

SCRIPT = """
import numpy as np
from numpy.random import default_rng
assert np.arange(10).sum() == 45
assert np.allclose(np.linalg.inv(np.eye(3) + 1) @ (np.eye(3) + 1), np.eye(3))
assert 0 <= default_rng(1).random() < 1
"""


def test_two_interpreters_at_once() -> None:
    def use() -> None:
        with interpreters.create(extensions="auto") as interpreter:
            interpreter.exec(SCRIPT)

    at_once(2, use)


def test_declared_refuses() -> None:
    interpreter = interpreters.create(extensions="declared")
    with pytest.raises(interpreters.ExecutionFailed, match="does not support loading"):
        interpreter.exec("import numpy._core._multiarray_umath")
    interpreter.close()


def test_unknown_setting() -> None:
    with pytest.raises(ValueError, match="'auto', 'private' or 'declared'"):
        interpreters.create(extensions="some")
