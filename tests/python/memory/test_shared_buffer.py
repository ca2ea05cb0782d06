"""SharedBuffer: memory that every interpreter sees, and how long it lives."""

import array
import copy
import ctypes
import gc
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import atoll
from atoll import SharedBuffer, interpreters
from atoll.interpreters import Interpreter, InterpreterError, create_queue

type InThread = Callable[..., Any]


@pytest.fixture
def interp() -> Iterator[Interpreter]:
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


@pytest.fixture
def freed() -> Iterator[Callable[[], int]]:
    """Bytes in use now, above those at the start of the test; none may be left at its end."""
    gc.collect()
    before = SharedBuffer.total_bytes()
    yield lambda: SharedBuffer.total_bytes() - before
    gc.collect()
    assert SharedBuffer.total_bytes() == before


def address(buffer: Any) -> int:
    return int(np.frombuffer(buffer, np.uint8).__array_interface__["data"][0])


class TestMemory:
    @pytest.mark.parametrize("size", [0, 1, 63, 4096, 100_000, 20 << 20])
    def test_is_zero_and_aligned(self, size: int) -> None:
        buffer = SharedBuffer(size)
        assert len(buffer) == buffer.nbytes == size
        assert buffer.tobytes() == bytes(size)
        assert address(buffer) % 64 == 0

    def test_is_zero_when_memory_is_used_again(self) -> None:
        for _ in range(3):
            buffer = SharedBuffer(10 << 20)
            view = np.asarray(buffer)
            assert not view.any()
            view[:] = 255
            del view, buffer

    def test_is_writable(self) -> None:
        buffer = SharedBuffer(10)
        view = memoryview(buffer)
        assert (view.format, view.itemsize, view.ndim, view.readonly) == ("B", 1, 1, False)
        view[3] = 200
        assert buffer[3] == buffer[-7] == 200
        buffer[4] = 7
        buffer[5:8] = b"abc"
        assert view.tobytes() == b"\0\0\0\xc8\x07abc\0\0"
        assert list(buffer) == list(view)
        assert 200 in buffer

    def test_of_copies(self) -> None:
        source = bytearray(b"hello")
        buffer = SharedBuffer.of(source)
        source[0] = 0
        assert buffer == b"hello"
        assert not buffer.readonly

    @pytest.mark.parametrize(
        "source",
        [
            b"bytes",
            bytearray(b"bytearray"),
            memoryview(b"0123456789")[::3],
            memoryview(bytearray(range(24))).cast("B", (4, 6)),
            array.array("d", [1.5, 2.5]),
            np.arange(12).reshape(3, 4).T,
            np.zeros((0, 3)),
            SharedBuffer.of(b"another"),
            (ctypes.c_int * 3)(1, 2, 3),
        ],
        ids=lambda source: type(source).__name__,
    )
    @pytest.mark.parametrize("readonly", [False, True])
    def test_of_anything_with_bytes(self, source: Any, readonly: bool) -> None:
        buffer = SharedBuffer.of(source, readonly=readonly)
        assert buffer.tobytes() == memoryview(source).tobytes()
        assert buffer.readonly is readonly

    def test_of_much_lets_others_run(self) -> None:
        source = bytes(range(256)) * (1 << 14)
        copies: list[SharedBuffer] = []
        threads = [
            threading.Thread(target=lambda: copies.append(SharedBuffer.of(source)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(each == source for each in copies)
        assert len(copies) == 4

    @given(st.binary(max_size=40), st.slices(40), st.slices(40))
    def test_slices_are_those_of_bytes(self, data: bytes, first: slice, second: slice) -> None:
        def plain(part: slice) -> slice:
            return slice(part.start, part.stop)

        buffer = SharedBuffer.of(data)[plain(first)][plain(second)]
        assert buffer == data[plain(first)][plain(second)]

    def test_a_slice_is_the_same_memory(self) -> None:
        buffer = SharedBuffer(100)
        part = buffer[10:20][2:4]
        assert isinstance(part, SharedBuffer)
        part[0] = 9
        assert buffer[12] == 9
        assert address(part) == address(buffer) + 12
        del buffer
        gc.collect()
        assert part[0] == 9

    def test_readonly(self) -> None:
        buffer = SharedBuffer.of(b"abc")
        frozen = buffer.toreadonly()
        assert frozen.readonly
        assert not buffer.readonly
        assert memoryview(frozen).readonly
        assert frozen[1:].readonly
        with pytest.raises(TypeError, match="read-only"):
            frozen[0] = 1
        with pytest.raises(TypeError, match="read-only"):
            frozen[1:][0:1] = b"x"
        with pytest.raises(ValueError, match="read-only"):
            np.asarray(frozen)[0] = 1
        with pytest.raises(TypeError, match="not writable"):
            ctypes.c_char.from_buffer(frozen)
        buffer[0] = ord("x")
        assert frozen == b"xbc"

    def test_equality_is_of_content(self) -> None:
        buffer = SharedBuffer.of(b"abc")
        for same in (b"abc", bytearray(b"abc"), memoryview(b"abc"), buffer, buffer[:]):
            assert buffer == same
            assert same == buffer
            assert (buffer != same) is False
        for other in (b"abd", b"ab", b"", "abc", None, 3):
            assert buffer != other
        with pytest.raises(TypeError, match="unhashable"):
            hash(buffer)
        with pytest.raises(TypeError):
            buffer < b"x"  # type: ignore[operator]  # noqa: B015

    def test_repr(self) -> None:
        buffer = SharedBuffer(7)
        assert repr(buffer) == "<atoll.SharedBuffer of 7 bytes>"
        assert repr(buffer.toreadonly()) == "<atoll.SharedBuffer of 7 bytes, read-only>"

    def test_numpy(self) -> None:
        buffer = SharedBuffer(80)
        numbers = np.frombuffer(buffer, dtype=np.float64)
        numbers[:] = np.arange(10)
        again = np.asarray(memoryview(buffer).cast("d"))
        assert again.sum() == 45
        assert np.shares_memory(numbers, again)
        assert np.asarray(buffer).dtype == np.uint8

    def test_weak_references(self) -> None:
        buffer = SharedBuffer(1)
        reference = weakref.ref(buffer)
        assert reference() is buffer
        del buffer
        gc.collect()
        assert reference() is None


class TestErrors:
    @pytest.mark.parametrize(
        ("make", "error", "text"),
        [
            (lambda: SharedBuffer(-1), ValueError, "negative"),
            (lambda: SharedBuffer(1 << 62), MemoryError, None),
            (lambda: SharedBuffer(2**63 - 1), MemoryError, None),
            (lambda: SharedBuffer(1 << 100), OverflowError, None),
            (lambda: SharedBuffer("x"), TypeError, "integer"),
            (lambda: SharedBuffer(1.0), TypeError, "integer"),
            (lambda: SharedBuffer(b"x"), TypeError, r"SharedBuffer\.of\(\)"),
            (lambda: SharedBuffer(), TypeError, "size"),
            (lambda: SharedBuffer(1, 2), TypeError, "size"),
            (lambda: SharedBuffer(size=1), TypeError, "size"),
            (lambda: SharedBuffer.of(), TypeError, None),
            (lambda: SharedBuffer.of(5), TypeError, "bytes-like"),
            (lambda: SharedBuffer.of("text"), TypeError, "bytes-like"),
            (lambda: SharedBuffer(3)[3], IndexError, "range"),
            (lambda: SharedBuffer(3)[-4], IndexError, "range"),
            (lambda: SharedBuffer(3)[1 << 100], IndexError, None),
            (lambda: SharedBuffer(3)["a"], TypeError, "integers or slices"),
            (lambda: SharedBuffer(3)[::2], ValueError, "one piece"),
            (lambda: SharedBuffer(3)[::-1], ValueError, "one piece"),
            (lambda: SharedBuffer(3).__setitem__(0, 256), ValueError, "range"),
            (lambda: SharedBuffer(3).__setitem__(0, -1), ValueError, "range"),
            (lambda: SharedBuffer(3).__setitem__(0, b"a"), TypeError, "integer"),
            (lambda: SharedBuffer(3).__setitem__(slice(0, 2), b"a"), ValueError, "1 bytes"),
            (lambda: SharedBuffer(3).__setitem__(slice(0, 2), 0), TypeError, "bytes-like"),
            (lambda: SharedBuffer(3).__delitem__(0), TypeError, "deleted"),
            (lambda: type("Sub", (SharedBuffer,), {}), TypeError, "base type"),
            (lambda: pickle.dumps(SharedBuffer(3)), TypeError, "pickle"),
            (lambda: copy.copy(SharedBuffer(3)), TypeError, "pickle"),
        ],
    )
    def test_says_what_is_wrong(
        self, make: Callable[[], object], error: type[Exception], text: str | None
    ) -> None:
        with pytest.raises(error, match=text):
            make()


@dataclass
class Frame:
    """Goes by pickle, and carries memory."""

    number: int
    pixels: SharedBuffer


def _scribble(buffer: Any) -> Any:
    buffer[0] = 42
    return buffer[1:]


class TestTravel:
    def test_is_shareable(self) -> None:
        assert interpreters.is_shareable(SharedBuffer(1))

    def test_through_a_queue(self) -> None:
        queue = create_queue()
        buffer = SharedBuffer(1 << 30)
        queue.put(buffer)
        arrived = queue.get()
        assert arrived is not buffer
        arrived[0] = 5
        assert buffer[0] == 5

    def test_readonly_stays_so(self) -> None:
        queue = create_queue()
        queue.put(SharedBuffer.of(b"abc", readonly=True)[1:])
        arrived = queue.get()
        assert arrived == b"bc"
        assert arrived.readonly

    def test_prepare_main_and_back(self, interp: Interpreter) -> None:
        buffer = SharedBuffer(10)
        interp.prepare_main(buffer=buffer)
        interp.exec("buffer[2:4] = b'hi'; view = memoryview(buffer)")
        assert buffer[2:4] == b"hi"
        buffer[2] = ord("H")
        assert interp.call(eval, "bytes(view)") == b"\0\0Hi" + bytes(6)

    def test_call_and_result(self, interp: Interpreter) -> None:
        buffer = SharedBuffer.of(b"0123")
        result = interp.call(_scribble, buffer)
        assert buffer == b"*123"
        result[0] = ord("x")
        assert buffer == b"*x23"

    def test_through_a_channel_inside_of_containers(self, interp: Interpreter) -> None:
        tx, rx = atoll.channel(1)
        buffer = SharedBuffer(10)
        tx.send({"frames": [buffer, buffer, (buffer[5:],)]})
        first, second, (part,) = rx.recv()["frames"]
        assert first is second
        part[0] = 1
        assert buffer[5] == first[5] == 1

    def test_inside_of_what_is_pickled(self) -> None:
        queue = create_queue()
        frame = Frame(3, SharedBuffer(10))
        queue.put([frame])
        [arrived] = queue.get()
        arrived.pixels[0] = 1
        assert (arrived.number, frame.pixels[0]) == (3, 1)

    def test_two_interpreters_write_to_it(self, background: InThread) -> None:
        buffer = SharedBuffer(8 * 1000)
        made = [interpreters.create() for _ in range(2)]
        code = "for i in range(1000): words[2 * (i // 2) + number] += 1"
        for number, each in enumerate(made):
            each.prepare_main(buffer=buffer, number=number)
            each.exec("words = memoryview(buffer).cast('q')")
        for running in [background(each.exec, code) for each in made]:
            running.result()
        assert memoryview(buffer).cast("q").tolist() == [2] * 1000
        for each in made:
            each.close()


class TestLife:
    def test_counts(self, freed: Callable[[], int]) -> None:
        buffer = SharedBuffer(1000)
        part = buffer[5:]
        assert freed() == 1000
        del buffer
        assert freed() == 1000
        del part
        assert freed() == 0

    def test_views_keep_it(self, freed: Callable[[], int]) -> None:
        view = memoryview(SharedBuffer(1000))
        array = np.frombuffer(SharedBuffer(800), np.float64)[10:]
        assert freed() == 1800
        view.release()
        assert freed() == 800
        del array

    def test_outlives_the_interpreter_that_made_it(
        self, interp: Interpreter, freed: Callable[[], int]
    ) -> None:
        queue = create_queue()
        interp.prepare_main(queue=queue)
        interp.exec(
            "import atoll\n"
            "queue.put(atoll.SharedBuffer.of(b'in a queue'))\n"
            "kept = atoll.SharedBuffer.of(b'kept')\n"
            "view = memoryview(atoll.SharedBuffer(1000))\n"
        )
        kept = interp.call(eval, "kept")
        queue.put(kept[1:])
        assert freed() == 10 + 4 + 1000
        interp.close()
        assert freed() == 4, "what was in the queue went with its sender, as its policy says"
        assert kept == b"kept"
        queue.get()
        assert queue.get() == b"ept"

    def test_outlives_sender_and_queue(self, freed: Callable[[], int]) -> None:
        queue = create_queue()
        queue.put(SharedBuffer.of(b"content"))
        gc.collect()
        arrived = queue.get()
        del queue
        gc.collect()
        assert arrived == b"content"

    def test_goes_with_an_undelivered_message(self, freed: Callable[[], int]) -> None:
        tx, rx = atoll.channel(1)
        tx.send([SharedBuffer(100), np.zeros(10_000)])
        assert freed() > 80_000
        rx.close()
        assert freed() == 0

    def test_close_frees_everything(self, freed: Callable[[], int]) -> None:
        for _ in range(3):
            made = interpreters.create()
            buffer = SharedBuffer(1000)
            made.prepare_main(buffer=buffer)
            made.exec(
                "import atoll\n"
                "mine = [atoll.SharedBuffer(100), memoryview(buffer), buffer[1:]]\n"
                "mine.append(mine)\n"
                "views = [memoryview(atoll.SharedBuffer(1 << 20)) for _ in range(4)]\n"
            )
            del buffer
            assert freed() == 1000 + 100 + (4 << 20)
            made.close()
            assert freed() == 0

    def test_the_last_reference_may_go_in_any_thread(
        self, background: InThread, freed: Callable[[], int]
    ) -> None:
        queue = create_queue()

        def drop(count: int) -> None:
            for _ in range(count):
                queue.get()

        running = [background(drop, 500) for _ in range(2)]
        for size in range(1000):
            queue.put(SharedBuffer(size * 100))
        for each in running:
            each.result()
        assert freed() == 0

    def test_many_transfers_leave_nothing(self, freed: Callable[[], int]) -> None:
        queue = create_queue()
        buffer = SharedBuffer(1000)
        for _ in range(20_000):
            queue.put(buffer)
            buffer = queue.get()[:]
        assert freed() == 1000
