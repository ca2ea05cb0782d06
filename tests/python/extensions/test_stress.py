"""Real packages under load: interpreters that come and go, and processes that end in the middle."""

from __future__ import annotations

from typing import Any

import pytest

import atoll
from atoll import interpreters
from tests.python.extensions.conftest import at_once, needs_private_copies

pytestmark = needs_private_copies
pytest.importorskip("numpy")

WORK = """
import numpy as np
a = np.arange(100.0)
for i in range({count}):
    assert a[i % 100] == i % 100
    assert (a + i).sum() == 4950 + 100 * i
"""


@pytest.mark.slow
def test_interpreters_that_come_and_go() -> None:
    def use() -> None:
        for _ in range(3):
            with interpreters.create() as interpreter:
                interpreter.exec(WORK.format(count=5000))

    at_once(4, use)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(3)", "import os; os._exit(4)"])
def test_processes_that_end_in_the_middle(run_python: Any, ending: str) -> None:
    source = (
        "import atoll, threading\n"
        "from atoll import interpreters\n"
        "sender, receiver = atoll.channel(2)\n"
        f"work = 'import numpy; begun.send(None)\\n' + {WORK.format(count=10**9)!r}\n"
        "for _ in range(2):\n"
        "    i = interpreters.create()\n"
        "    i.prepare_main(begun=sender)\n"
        "    threading.Thread(target=i.exec, args=(work,), daemon=True).start()\n"
        "receiver.recv(), receiver.recv()\n"
        f"{ending}\n"
    )
    expected = {"pass": 0, "raise SystemExit(3)": 3}.get(ending, 4)
    for _ in range(5):
        done = run_python("-W", "ignore", "-c", source)
        assert done.returncode == expected, done.stderr


def arrays(n: int) -> Any:
    import numpy as np

    return np.full(n, n), {"nested": [np.arange(n, dtype=np.int16)]}


def test_arrays_travel_in_both_directions() -> None:
    import numpy as np

    with atoll.Pool(2) as pool:
        for whole, nested in pool.map(arrays, [3, 200_000], chunksize=1):
            n = len(whole)
            assert (whole == n).all()
            assert nested["nested"][0].dtype == np.int16
            whole[0] = 1  # what arrives can be written to
        big = np.arange(1_000_000)
        assert pool.run(np.sum, big) == big.sum()
        shared = atoll.SharedArray(1000, "float64")
        np.asarray(shared)[:] = 2
        assert pool.run(total, shared) == 2000


def total(shared: Any) -> float:
    import numpy as np

    view = np.asarray(shared)
    assert not view.flags.owndata
    return float(view.sum())
