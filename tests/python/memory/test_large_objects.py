"""Objects with large buffers: what is copied, what is shared, and that all of it is freed."""

import array
import gc
import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import atoll
from atoll import SharedArray, SharedBuffer, interpreters
from atoll._atoll import get_crossinterp_data, restore_crossinterp_data
from atoll.interpreters import NotShareableError, create_queue

SIZES = [0, 1, 255, 256, 4096, 100_000, (8 << 20) - 100, 8 << 20, 20 << 20]


@pytest.fixture
def freed() -> Iterator[Callable[[], int]]:
    """Bytes in use now, above those at the start of the test; none may be left at its end."""
    gc.collect()
    before = SharedBuffer.total_bytes()
    yield lambda: SharedBuffer.total_bytes() - before
    gc.collect()
    assert SharedBuffer.total_bytes() == before


def send(value: Any) -> Any:
    queue = create_queue()
    queue.put(value)
    return queue.get()


@dataclass
class Holder:
    """Goes by pickle."""

    data: Any
    again: Any = None


class TestBytes:
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("kind", [bytes, bytearray])
    def test_all_sizes(self, kind: Any, size: int) -> None:
        data = kind(np.arange(size, dtype=np.uint8))
        got = send([data, data])
        assert got[0] == data
        assert type(got[0]) is kind
        assert got[0] is got[1]

    def test_a_message_of_many(self) -> None:
        data = [bytes([n]) * (n * 300_000) for n in range(20)]
        assert send(data) == data

    def test_after_a_large_message_a_small_one(self) -> None:
        tx, rx = atoll.channel(1)
        for value in (bytes(50 << 20), "small", [1, 2], bytes(9 << 20), {"a": 1}):
            tx.send(value)
            assert rx.recv() == value

    def test_what_was_written_in_vain(self) -> None:
        """A large list is given up when its last item turns out to need pickle."""
        data = [bytes(12 << 20), Holder(1)]
        for _ in range(3):
            got = send(data)
            assert (len(got[0]), got[1]) == (12 << 20, Holder(1))


class TestNumPy:
    @pytest.mark.parametrize("size", SIZES)
    def test_arrives_as_an_equal_array_of_its_own(self, size: int) -> None:
        data = np.arange(size, dtype=np.uint8)
        got = send(data)
        np.testing.assert_array_equal(got, data)
        assert got.flags.writeable
        if size:
            got[0] += 1
            assert got[0] != data[0]

    def test_large_ones_arrive_as_views_of_aligned_memory(self, freed: Callable[[], int]) -> None:
        data = np.ones((500, 1000))
        got = send(data)
        assert freed() == data.nbytes
        assert not got.flags.owndata
        assert got.ctypes.data % 64 == 0
        part = got[10:]
        del got
        gc.collect()
        assert freed() == data.nbytes
        assert part.sum() == 490_000

    def test_kinds_of_arrays(self) -> None:
        base = np.arange(100_000.0).reshape(100, 1000)
        frozen = base.copy()
        frozen.flags.writeable = False
        for data in (base.T, base[::2, ::3], np.asfortranarray(base), frozen, base.astype("M8[s]")):
            got = send(data)
            np.testing.assert_array_equal(got, data)
            assert got.flags.writeable == pickle.loads(pickle.dumps(data, 5)).flags.writeable

    def test_in_containers_and_objects(self, freed: Callable[[], int]) -> None:
        data = np.arange(100_000)
        got = send({"a": Holder(data, data), "b": [data]})
        assert got["a"].data is got["a"].again is got["b"][0]
        assert freed() == data.nbytes, "it is sent once"

    def test_in_a_legacy_interpreter(self, run_python: Callable[..., Any]) -> None:
        """NumPy can be imported once per process, and not in an isolated interpreter."""
        run_python("-c", LEGACY, check=True)

    def test_messages_that_are_received_twice(self, freed: Callable[[], int]) -> None:
        data = get_crossinterp_data(np.zeros(10_000), "fallback")
        first, second = restore_crossinterp_data(data), restore_crossinterp_data(data)
        first[0] = 1
        assert second[0] == 0


LEGACY = """
import atoll
from atoll import interpreters
from atoll.lowlevel.interpreters import new_config

table = atoll.SharedArray((100, 1000))
legacy = interpreters.create(new_config("legacy"))
legacy.prepare_main(table=table, queue=interpreters.create_queue())
legacy.exec('''
import numpy
view = numpy.asarray(table)
view[:] = numpy.arange(100_000).reshape(100, 1000)
queue.put(view)
got = queue.get()
assert (got == view).all() and not numpy.shares_memory(got, view)
''')
assert table[99, 999] == 99_999
isolated = interpreters.create()
isolated.prepare_main(row=table[99])
isolated.exec("assert sum(row) == sum(range(99_000, 100_000)); row[0] = -1")
legacy.exec("assert view[99, 0] == -1")
legacy.close()
isolated.close()
"""


class TestArray:
    @pytest.mark.parametrize("code", "bBhHiIlLqQfd")
    def test_every_type(self, code: str) -> None:
        data = array.array(code, range(100))
        got = send(data)
        assert got == data
        assert got.typecode == code
        got[0] = 5
        assert data[0] == 0

    @pytest.mark.parametrize("size", SIZES)
    def test_every_size(self, size: int, freed: Callable[[], int]) -> None:
        data = array.array("B", bytes(size))
        assert send(data) == data

    def test_text(self) -> None:
        code = "w" if sys.version_info >= (3, 13) else "u"
        data = array.array(code, "h\N{GREEK SMALL LETTER ALPHA}\U0001f600")
        assert send(data) == data

    def test_aliases_survive(self) -> None:
        data = array.array("d", [1, 2])
        first, (second, _) = send([data, (data, 5)])
        assert first is second
        got, holder = send((data, Holder(data)))
        assert got is holder.data
        interp = interpreters.create()
        assert interp.call(_are_one, [data], data)
        interp.close()

    def test_aliases_in_calls(self) -> None:
        """Also in the first message of an interpreter, which has not met an array yet."""
        made = interpreters.create()
        made.exec(
            "from array import array\n"
            "from types import SimpleNamespace\n"
            "from atoll.interpreters import create_queue\n"
            "queue = create_queue()\n"
            "data = array('i', [1])\n"
            "queue.put((SimpleNamespace(data=data), data))\n"
            "space, got = queue.get()\n"
            "assert space.data is got and got == data\n"
        )
        made.close()

    def test_in_another_interpreter(self) -> None:
        made = interpreters.create()
        data = array.array("i", range(1000))
        assert made.call(sum, data) == sum(data)
        assert made.call(_reversed, data) == data[::-1]
        made.close()

    def test_is_not_shareable_by_pep_734(self) -> None:
        assert not interpreters.is_shareable(array.array("i"))
        made = interpreters.create()
        with pytest.raises(NotShareableError):
            made.prepare_main(data=array.array("i"))
        made.close()

    def test_subclasses(self) -> None:
        got = send(Series("d", [1, 2]))
        assert type(got) is Series
        assert got.tolist() == [1, 2]


class Series(array.array):  # type: ignore[type-arg]
    """Goes by pickle."""


def _reversed(data: Any) -> Any:
    return data[::-1]


def _are_one(first: Any, second: Any) -> bool:
    return first[0] is second


class TestMemoryviews:
    def test_of_shared_memory_outlive_the_interpreter(self, freed: Callable[[], int]) -> None:
        made = interpreters.create()
        made.exec(
            "import atoll\n"
            "buffer = atoll.SharedBuffer.of(bytes(range(200)))\n"
            "array = atoll.SharedArray((10, 20), 'int16')\n"
        )
        view = made.call(eval, "memoryview(buffer)")
        part = made.call(eval, "memoryview(array[:, 3])")
        made.close()
        assert freed() == 600
        assert bytes(view) == bytes(range(200))
        part[5] = 7
        assert (part.format, part.shape, part.strides) == ("h", (10,), (40,))
        again = send(part)
        again[6] = 8
        assert part.tolist() == [0] * 5 + [7, 8, 0, 0, 0]
        del view, part, again
        gc.collect()
        assert freed() == 0

    def test_keep_what_they_are(self) -> None:
        array = SharedArray((3, 4), "float32")
        for view in (
            memoryview(array),
            memoryview(array)[::2],
            memoryview(array.toreadonly()),
            memoryview(array).cast("B"),
            memoryview(SharedBuffer(12)).cast("i", (3, 1)),
            memoryview(SharedBuffer(0)),
        ):
            got = send(view)
            assert got == view
            for name in ("format", "itemsize", "shape", "strides", "readonly", "ndim", "nbytes"):
                assert getattr(got, name) == getattr(view, name)

    def test_of_arrays_that_arrived(self, freed: Callable[[], int]) -> None:
        data = send(np.zeros(1000))
        view = send(memoryview(data))
        view[0] = 1.0
        assert data[0] == 1.0
