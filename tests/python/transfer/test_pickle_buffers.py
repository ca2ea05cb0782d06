"""Buffers that objects hand to pickle out of band: their type, and how often they are copied."""

import gc
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import atoll
from atoll import SharedBuffer, interpreters

SIZES = [0, 1, 10, 255, 256, 4096, 100_000, 9_000_000]


class Owner:
    """Arrives as what `rebuild` makes of its buffer."""

    def __init__(self, data: Any, rebuild: Callable[[Any], Any]) -> None:
        self.data = data
        self.rebuild = rebuild

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.rebuild, (pickle.PickleBuffer(self.data),)


def same(data: Any) -> Any:
    return data


def as_bytes(data: Any) -> bytes:
    return bytes(data)


def memory_in_use(data: Any) -> int:
    return SharedBuffer.total_bytes()


def describe(data: Any) -> Any:
    return type(data).__name__, len(data), data.readonly, data.format


def memory_in_call(before: int, data: Any) -> int:
    return data - before


def make_owner(size: int) -> Owner:
    return Owner(bytearray(size), memory_in_use)


@pytest.fixture
def interpreter() -> Iterator[interpreters.Interpreter]:
    made = interpreters.create()
    yield made
    made.close()


def send(value: Any) -> Any:
    queue = interpreters.create_queue()
    queue.put(value)
    return queue.get()


@pytest.mark.parametrize("size", SIZES)
class TestType:
    @pytest.mark.parametrize("kind", [bytes, bytearray])
    def test_is_memoryview_of_every_size(self, kind: Any, size: int) -> None:
        got = send(Owner(kind(b"x" * size), same))
        assert type(got) is memoryview
        assert got.readonly is (kind is bytes)
        assert (len(got), got.nbytes, got.format, got.ndim) == (size, size, "B", 1)
        assert got == b"x" * size
        assert bytes(got) == bytearray(got) == got.tobytes() == b"x" * size
        assert got[: size // 2] == b"x" * (size // 2)
        if size and kind is bytearray:
            got[0] = ord("y")
            assert bytes(got[:1]) == b"y"

    def test_as_argument_and_result(self, interpreter: interpreters.Interpreter, size: int) -> None:
        data = b"x" * size
        assert interpreter.call(as_bytes, Owner(bytearray(data), same)) == data
        assert interpreter.call(describe, Owner(data, same)) == ("memoryview", size, True, "B")

    def test_of_a_pool(self, size: int) -> None:
        with atoll.Pool(1) as pool:
            what = pool.submit(describe, Owner(bytearray(size), same)).result()
        assert what == ("memoryview", size, False, "B")


def test_the_sender_keeps_its_own() -> None:
    data = bytearray(10)
    got = send(Owner(data, same))
    got[0] = 1
    assert data[0] == 0


def test_views_of_other_formats_arrive_as_bytes() -> None:
    numbers = memoryview(bytearray(16)).cast("I", (2, 2))
    numbers[1, 1] = 7
    got = send(Owner(numbers, same))
    assert (got.format, got.shape) == ("B", (16,))
    assert got.cast("I").tolist() == [0, 0, 0, 7]


def test_a_view_that_arrived_travels_on() -> None:
    got = send(Owner(bytearray(b"xyz"), same))
    assert send(got) == b"xyz"


class TestCopies:
    """A message is consumed by who gets it: there is one buffer, which the receiver sees."""

    size = 1_000_000

    @pytest.fixture
    def before(self) -> int:
        gc.collect()
        return SharedBuffer.total_bytes()

    def test_queue(self, before: int) -> None:
        assert send(make_owner(self.size)) - before == self.size

    def test_arguments_of_a_call(self, interpreter: interpreters.Interpreter, before: int) -> None:
        owner = make_owner(self.size)
        assert interpreter.call(memory_in_call, before, owner) == self.size

    def test_result_of_a_call(self, interpreter: interpreters.Interpreter, before: int) -> None:
        assert interpreter.call(make_owner, self.size) - before == self.size
