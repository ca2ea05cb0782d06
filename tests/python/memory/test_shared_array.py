"""SharedArray: numbers in shared memory, with and without NumPy."""

import array
import copy
import ctypes
import gc
import hashlib
import itertools
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import atoll
from atoll import SharedArray, SharedBuffer, interpreters
from atoll.interpreters import Interpreter, InterpreterError, create_queue

DTYPES = [
    "bool",
    *(f"int{bits}" for bits in (8, 16, 32, 64)),
    *(f"uint{bits}" for bits in (8, 16, 32, 64)),
    *(f"float{bits}" for bits in (16, 32, 64)),
    "complex64",
    "complex128",
]


@pytest.fixture
def interp() -> Iterator[Interpreter]:
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


def filled(shape: tuple[int, ...], dtype: str = "int32") -> SharedArray:
    """0, 1, 2, ..."""
    made = SharedArray(shape, dtype)
    np.asarray(made)[...] = np.arange(made.size).reshape(shape).astype(dtype)
    return made


class TestMaking:
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_every_type(self, dtype: str) -> None:
        made = SharedArray((2, 3), dtype)
        plain = np.zeros((2, 3), dtype)
        assert made.dtype == dtype
        assert made.shape == (2, 3)
        assert made.strides == plain.strides
        assert made.itemsize == plain.itemsize
        assert (made.ndim, made.size, made.nbytes) == (2, 6, plain.nbytes)
        view = np.asarray(made)
        assert view.dtype == plain.dtype
        assert view.dtype.char == plain.dtype.char, "the type, and not one that is as long"
        assert not view.any()
        assert view.ctypes.data % 64 == 0
        view[1, 2] = 1
        assert made[1, 2] == 1
        made[0, 0] = 1
        assert view[0, 0] == 1

    @pytest.mark.parametrize("shape", [0, 5, (), (0,), (3, 0, 2), (1,) * 64, [2, 3], np.int64(4)])
    def test_every_shape(self, shape: Any) -> None:
        made = SharedArray(shape)
        plain = np.zeros(shape)
        assert made.shape == plain.shape
        assert made.size == plain.size
        assert made.tolist() == plain.tolist()
        if plain.ndim:
            assert len(made) == len(plain)

    @pytest.mark.parametrize(
        ("dtype", "name"),
        [
            (bool, "bool"),
            (int, "int64"),
            (float, "float64"),
            (complex, "complex128"),
            (np.float32, "float32"),
            (np.bool_, "bool"),
            (np.dtype("u2"), "uint16"),
            (np.dtype(bool), "bool"),
            (np.dtype("c8"), "complex64"),
            ("f4", "float32"),
            ("<i8", "int64"),
            ("=i2", "int16"),
            ("|b1", "bool"),
            ("b", "int8"),
            ("d", "float64"),
            ("D", "complex128"),
            ("l", f"int{8 * ctypes.sizeof(ctypes.c_long)}"),
        ],
    )
    def test_names_of_types(self, dtype: Any, name: str) -> None:
        assert SharedArray(1, dtype).dtype == name
        assert SharedArray(1, dtype=dtype).dtype == name

    def test_types_that_numpy_has_too(self) -> None:
        for char in "?bhilqBHILQefdFD":
            assert SharedArray(1, char).dtype == np.dtype(char).name

    def test_on_a_buffer(self) -> None:
        buffer = SharedBuffer(100)
        made = SharedArray((3, 4), "int32", buffer=buffer[8:])
        made[0, 0] = 258
        assert buffer[8:10] == b"\2\1"
        assert SharedArray(4, buffer=buffer.toreadonly()).readonly

    @pytest.mark.parametrize(
        "source",
        [
            array.array("h", range(10)),
            array.array("d", [1.5]),
            b"bytes",
            bytearray(b"more bytes"),
            memoryview(bytearray(range(24))).cast("I", (2, 3)),
            np.arange(24.0).reshape(2, 3, 4),
            np.arange(24).reshape(4, 6)[::2, ::-1].T,
            np.asfortranarray(np.ones((3, 4), np.complex64)),
            np.array(7, np.uint8),
            np.zeros((0, 3), bool),
            np.ones(3, np.float16),
            (ctypes.c_double * 3)(1, 2, 3),
            SharedBuffer.of(b"abc"),
            SharedArray((2, 2)),
        ],
        ids=lambda source: type(source).__name__,
    )
    @pytest.mark.parametrize("readonly", [False, True])
    def test_of(self, source: Any, readonly: bool) -> None:
        made = SharedArray.of(source, readonly=readonly)
        expected = np.asarray(memoryview(source))
        view = np.asarray(made)
        assert view.dtype == expected.dtype
        np.testing.assert_array_equal(view, expected)
        assert made.readonly is readonly
        assert view.flags.writeable is not readonly
        assert view.flags.c_contiguous


class TestElements:
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_go_in_and_come_out(self, dtype: str) -> None:
        made = SharedArray(4, dtype)
        plain = np.zeros(4, dtype)
        for index, value in enumerate([0, 1, 5, 100]):
            made[index] = value
            plain[index] = value
        assert made.tolist() == plain.tolist()
        assert [type(item) for item in made] == [type(item) for item in plain.tolist()]
        assert made.tobytes() == plain.tobytes()

    @pytest.mark.parametrize("dtype", [d for d in DTYPES if "int" in d])
    def test_integers_have_limits(self, dtype: str) -> None:
        made = SharedArray(1, dtype)
        limits = np.iinfo(dtype)
        for value in (int(limits.min), int(limits.max), 1):
            made[0] = value
            assert made[0] == value
        for value in (int(limits.min) - 1, int(limits.max) + 1, 1 << 200, -(1 << 200)):
            with pytest.raises(OverflowError, match=dtype):
                made[0] = value
        for wrong in (1.5, "1", None, b"1"):
            with pytest.raises(TypeError):
                made[0] = wrong
        assert made[0] == 1

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    def test_floats(self, dtype: str) -> None:
        made = SharedArray(1, dtype)
        for value in (1.5, -0.0, math.inf, -math.inf, 7, True, np.float32(2)):
            made[0] = value
            assert math.copysign(1, made[0]) == math.copysign(1, value)
            assert made[0] == value
        made[0] = math.nan
        assert math.isnan(made[0])
        with pytest.raises(TypeError):
            made[0] = "1"
        with pytest.raises(TypeError):
            made[0] = 1j
        if dtype != "float64":
            with pytest.raises(OverflowError):
                made[0] = 1e300

    def test_complex(self) -> None:
        made = SharedArray(2, complex)
        made[0] = 1 + 2j
        made[1] = 3
        assert made.tolist() == [1 + 2j, 3 + 0j]
        with pytest.raises(TypeError):
            made[0] = "1"

    def test_what_is_written_shows_everywhere(self) -> None:
        made = filled((3, 4))
        row, column = made[1], made[:, 2]
        assert isinstance(row, SharedArray)
        row[2] = 100
        assert made[1, 2] == column[1] == 100
        assert row.tolist() == [4, 5, 100, 7]
        assert column.tolist() == [2, 100, 10]

    INDICES = st.one_of(st.integers(-5, 4), st.slices(5), st.just(...))

    @given(st.one_of(INDICES, st.lists(INDICES, max_size=4).map(tuple)))
    def test_indices_are_those_of_numpy(self, key: Any) -> None:
        made = filled((3, 4, 2))
        plain = np.asarray(made)
        try:
            expected = plain[key]
        except IndexError:
            with pytest.raises(IndexError):
                made[key]
            return
        got = made[key]
        if isinstance(got, SharedArray):
            np.testing.assert_array_equal(np.asarray(got), expected)
            assert got.shape == expected.shape
            made[key] = 7
            assert (plain[key] == 7).all()
        else:
            assert got == expected

    def test_assigning_parts(self) -> None:
        made = filled((4, 3))
        made[1] = 0
        made[2:] = np.full((2, 3), 9, np.int32)
        made[:, 0] = array.array("i", [1, 2, 3, 4])
        assert made.tolist() == [[1, 1, 2], [2, 0, 0], [3, 9, 9], [4, 9, 9]]
        made[...] = np.int32(5)
        assert made.tolist() == [[5] * 3] * 4
        made[0:0] = 1
        made[0:0] = np.zeros((0, 3), np.int32)

    def test_assigning_overlapping_parts(self) -> None:
        made = filled((10,))
        made[1:] = made[:-1]
        assert made.tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
        made = filled((10,))
        made[::-1] = made
        assert made.tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]

    def test_reshape(self) -> None:
        made = filled((4, 6))
        for shape in [(24,), (2, 12), (2, 3, 4), (-1, 8), (1, 24, 1)]:
            other = made.reshape(shape)
            assert other == made.reshape(*shape)
            np.testing.assert_array_equal(np.asarray(other), np.asarray(made).reshape(shape))
        other[0, 5, 0] = 99
        assert made[0, 5] == 99
        assert made[1:3].reshape(12)[0] == 6
        assert SharedArray(1).reshape(()).tolist() == 0
        assert SharedArray((0, 3)).reshape(3, 0).shape == (3, 0)
        assert SharedArray((0, 3)).reshape(-1, 3).shape == (0, 3)
        assert made.toreadonly().reshape(24).readonly

    def test_readonly(self) -> None:
        made = filled((2, 2))
        frozen = made.toreadonly()
        for view in (frozen, frozen[0:1], frozen[0], frozen.reshape(4)):
            assert view.readonly
            with pytest.raises(TypeError, match="read-only"):
                view[0] = 1
        assert frozen.buffer.readonly
        assert memoryview(frozen).readonly
        made[0, 0] = 5
        assert frozen[0, 0] == 5

    def test_equality(self) -> None:
        made = filled((2, 3))
        assert made == filled((2, 3))
        assert made == made[:]
        assert made[:, ::2] == SharedArray.of(np.asarray(made)[:, ::2])
        assert made != filled((3, 2))
        assert made != filled((2, 3), "int64")
        assert made != [[0, 1, 2], [3, 4, 5]]
        other = filled((2, 3))
        other[1, 1] = 0
        assert made != other
        nan = SharedArray(1)
        nan[0] = math.nan
        assert nan != SharedArray.of(np.asarray(nan))
        zeros = SharedArray(1)
        zeros[0] = -0.0
        assert zeros == SharedArray(1)
        with pytest.raises(TypeError, match="unhashable"):
            hash(made)

    def test_repr_and_truth(self) -> None:
        made = SharedArray((2, 3), "int8")
        assert repr(made) == "<atoll.SharedArray of int8, shape (2, 3)>"
        assert repr(made.toreadonly()) == "<atoll.SharedArray of int8, shape (2, 3), read-only>"
        assert made
        assert not SharedArray(0)
        assert SharedArray(())


class TestProtocols:
    @pytest.mark.parametrize("key", [..., slice(1, None), np.s_[:, 1], np.s_[::-1, ::2], (1, 1)])
    def test_buffer(self, key: Any) -> None:
        made = filled((3, 4, 2), "float32")[key]
        plain = np.asarray(filled((3, 4, 2), "float32"))[key]
        view = memoryview(made)
        assert (view.format, view.itemsize, view.readonly) == ("f", 4, False)
        assert (view.shape, view.strides) == (plain.shape, plain.strides)
        assert view.tolist() == plain.tolist() == made.tolist()
        assert view.c_contiguous == plain.flags.c_contiguous
        assert made.tobytes() == plain.tobytes()

    def test_buffer_that_is_not_contiguous(self) -> None:
        made = filled((3, 4))[:, 1]
        with pytest.raises(BufferError, match="contiguous"):
            hashlib.sha256(made)
        with pytest.raises(ValueError, match="next to each other"):
            made.buffer  # noqa: B018
        with pytest.raises(ValueError, match="next to each other"):
            made.reshape(3, 1)

    def test_buffer_attribute(self) -> None:
        made = filled((3, 4))
        assert made.buffer == made.tobytes()
        assert made[1].buffer == made[1].tobytes()
        made[1].buffer[0] = 200
        assert made[1, 0] == 200

    def test_array_interface(self) -> None:
        class Only:
            """Shows nothing but the interface."""

            def __init__(self, made: SharedArray) -> None:
                self.__array_interface__ = made.__array_interface__
                self.made = made

        for dtype in DTYPES:
            made = filled((3, 4), dtype)[::2]
            view = np.asarray(Only(made))
            np.testing.assert_array_equal(view, np.asarray(made))
            assert view.dtype == np.dtype(dtype)
            assert np.shares_memory(view, np.asarray(made))
        assert not np.asarray(Only(made.toreadonly())).flags.writeable

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_dlpack(self, dtype: str) -> None:
        made = filled((3, 4), dtype)
        for part in (made, made[1:], made[::-2, 1::2], made[:, 1], SharedArray((0, 2), dtype)):
            view = np.from_dlpack(part)
            np.testing.assert_array_equal(view, np.asarray(part))
            assert view.dtype == np.dtype(dtype)
            assert view.strides == part.strides
        view[...] = 1
        assert made.__dlpack_device__() == (1, 0)

    def test_dlpack_keeps_the_memory(self) -> None:
        gc.collect()
        before = SharedBuffer.total_bytes()
        view = np.from_dlpack(filled((1000,)))
        assert SharedBuffer.total_bytes() == before + 4000
        assert view.tolist() == list(range(1000))
        del view
        gc.collect()
        assert SharedBuffer.total_bytes() == before

    def test_dlpack_capsules_that_nobody_takes(self) -> None:
        gc.collect()
        before = SharedBuffer.total_bytes()
        for options in ({}, {"max_version": (1, 0)}, {"copy": True}):
            assert "dltensor" in repr(SharedArray(1000).__dlpack__(**options))
        gc.collect()
        assert SharedBuffer.total_bytes() == before

    def test_dlpack_versions_and_copies(self) -> None:
        made = SharedArray(3)
        assert "dltensor_versioned" in repr(made.__dlpack__(max_version=(1, 1)))
        assert "dltensor_versioned" not in repr(made.__dlpack__(max_version=(0, 8)))
        frozen = made.toreadonly()
        with pytest.raises(BufferError, match="read-only"):
            frozen.__dlpack__()
        assert not np.from_dlpack(frozen).flags.writeable
        copied = np.from_dlpack(made, copy=True)
        copied[0] = 5
        assert made[0] == 0
        assert np.from_dlpack(made, device="cpu", copy=False)[0] == 0

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"stream": 1}, BufferError),
            ({"dl_device": (2, 0)}, BufferError),
            ({"dl_device": 3}, TypeError),
            ({"max_version": "x"}, TypeError),
            ({"other": 1}, TypeError),
        ],
    )
    def test_dlpack_refusals(self, options: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            SharedArray(1).__dlpack__(**options)


class TestErrors:
    @pytest.mark.parametrize(
        ("make", "error", "text"),
        [
            (lambda: SharedArray(), TypeError, "shape"),
            (lambda: SharedArray(-1), ValueError, "negative"),
            (lambda: SharedArray((2, -1)), ValueError, "negative"),
            (lambda: SharedArray(1.5), TypeError, "shape"),
            (lambda: SharedArray("ab"), TypeError, "integer"),
            (lambda: SharedArray((1, None)), TypeError, "integer"),
            (lambda: SharedArray((1 << 40, 1 << 40)), ValueError, "too large"),
            (lambda: SharedArray((0, 1 << 40, 1 << 40)), ValueError, "too large"),
            (lambda: SharedArray(1 << 59), MemoryError, None),
            (lambda: SharedArray(1 << 100), OverflowError, None),
            (lambda: SharedArray((1,) * 65), ValueError, "64 dimensions"),
            (lambda: SharedArray(1, "float65"), TypeError, "float65"),
            (lambda: SharedArray(1, "i16"), TypeError, "element type"),
            (lambda: SharedArray(1, ">i4"), TypeError, "element type"),
            (lambda: SharedArray(1, ""), TypeError, "element type"),
            (lambda: SharedArray(1, "\udc00"), TypeError, "element type"),
            (lambda: SharedArray(1, object), TypeError, "element type"),
            (lambda: SharedArray(1, None), TypeError, "element type"),
            (lambda: SharedArray(1, np.dtype("U3")), TypeError, "element type"),
            (lambda: SharedArray(1, np.dtype("i4,f4")), TypeError, "element type"),
            (lambda: SharedArray(1, np.datetime64), TypeError, "element type"),
            (lambda: SharedArray(1, np.longdouble), TypeError, "element type"),
            (lambda: SharedArray(2, buffer=b"12345678"), TypeError, "SharedBuffer"),
            (lambda: SharedArray(2, buffer=SharedBuffer(15)), ValueError, "16 bytes"),
            (lambda: SharedArray(1, buffer=SharedBuffer(15)[1:]), ValueError, "begin"),
            (lambda: SharedArray.of([1, 2]), TypeError, "bytes-like"),
            (lambda: SharedArray.of(np.array(["a"])), TypeError, "numbers"),
            (lambda: SharedArray.of(np.zeros(1, ">i4")), TypeError, "numbers"),
            (lambda: SharedArray.of(np.zeros(1, "i4,f8")), TypeError, "numbers"),
            (lambda: SharedArray.of(np.zeros(1, np.longdouble)), TypeError, "numbers"),
            (lambda: SharedArray(3)[3], IndexError, "out of range"),
            (lambda: SharedArray(3)[0, 0], IndexError, "too many"),
            (lambda: SharedArray((3, 3))[..., ...], IndexError, "more than one"),
            (lambda: SharedArray(3)["x"], TypeError, "integers"),
            (lambda: SharedArray(3)[None], TypeError, "integers"),
            (lambda: SharedArray(3)[[0]], TypeError, "integers"),
            (lambda: SharedArray(3)[::0], ValueError, "zero"),
            (lambda: SharedArray(3).__delitem__(0), TypeError, "deleted"),
            (lambda: SharedArray(3).__setitem__(..., "x"), TypeError, None),
            (lambda: SharedArray(3).__setitem__(..., np.ones(4)), ValueError, "shapes"),
            (lambda: SharedArray(3).__setitem__(..., np.ones(3, "i4")), TypeError, "int32"),
            (lambda: SharedArray(4).reshape(3), ValueError, "4 elements"),
            (lambda: SharedArray(4).reshape(-1, -1), ValueError, "only one"),
            (lambda: SharedArray(4).reshape(-1, 3), ValueError, "4 elements"),
            (lambda: SharedArray(4).reshape(-2, -2), ValueError, "negative"),
            (lambda: SharedArray(0).reshape(-1, 0), ValueError, "0 elements"),
            (lambda: SharedArray(4).reshape(1 << 62, 1 << 62), ValueError, "4 elements"),
            (lambda: SharedArray(4).reshape("ab"), TypeError, "integer"),
            (lambda: len(SharedArray(())), TypeError, "no length"),
            (lambda: iter(SharedArray(())), TypeError, "no length"),
            (lambda: pickle.dumps(SharedArray(3)), TypeError, "pickle"),
            (lambda: copy.copy(SharedArray(3)), TypeError, "pickle"),
        ],
    )
    def test_says_what_is_wrong(
        self, make: Callable[[], object], error: type[Exception], text: str | None
    ) -> None:
        with pytest.raises(error, match=text):
            make()


def _add_one(numbers: Any) -> Any:
    for i in range(len(numbers)):
        numbers[i] += 1
    return numbers[1:]


class TestTravel:
    def test_through_a_queue(self) -> None:
        assert interpreters.is_shareable(SharedArray(1))
        queue = create_queue()
        made = filled((3, 4))
        for part in (made, made[1:], made[:, ::2], made[1], made.reshape((1,) * 10 + (12,))):
            queue.put(part)
            arrived = queue.get()
            assert arrived == part
            assert arrived.strides == part.strides
        arrived[(0,) * 11] = 77
        assert made[0, 0] == 77
        queue.put(made.toreadonly())
        assert queue.get().readonly

    def test_without_numpy(self, interp: Interpreter) -> None:
        made = filled((5,), "float64")
        result = interp.call(_add_one, made)
        assert made.tolist() == [1, 2, 3, 4, 5]
        np.asarray(result)[:] = 0
        assert made.tolist() == [1, 0, 0, 0, 0]
        interp.prepare_main(made=made)
        interp.exec("view = memoryview(made); view[2] = 2.5")
        assert made[2] == 2.5

    def test_outlives_its_interpreter(self, interp: Interpreter) -> None:
        gc.collect()
        before = SharedBuffer.total_bytes()
        made = interp.call(eval, "__import__('atoll').SharedArray((100, 10), 'int16')")
        interp.close()
        made[99, 9] = 7
        assert np.asarray(made).sum() == 7
        del made
        gc.collect()
        assert SharedBuffer.total_bytes() == before

    def test_interpreters_divide_the_work(self, background: Callable[..., Any]) -> None:
        squares = SharedArray((2, 1000), "int64")
        made = [interpreters.create() for _ in range(2)]
        for number, each in enumerate(made):
            each.prepare_main(mine=squares[number], start=1000 * number)
        code = "for i in range(len(mine)): mine[i] = (start + i) ** 2"
        for running in [background(each.exec, code) for each in made]:
            running.result()
        assert squares.reshape(-1).tolist() == [n * n for n in range(2000)]
        for each in made:
            each.close()

    def test_numpy_arrays_on_it_are_copied(self) -> None:
        """An array is a value; who wants to share sends the SharedArray."""
        queue = create_queue()
        made = filled((100, 100))
        queue.put(np.asarray(made))
        arrived = queue.get()
        arrived[0, 0] = 5
        assert made[0, 0] == 0

    def test_containers(self) -> None:
        tx, rx = atoll.channel(1)
        made = filled((3,))
        tx.send({"a": [made, made], "b": made[1:]})
        arrived = rx.recv()
        assert arrived["a"][0] is arrived["a"][1]
        arrived["b"][0] = 9
        assert made.tolist() == [0, 9, 2]

    def test_dtypes_and_shapes_arrive(self) -> None:
        queue = create_queue()
        for dtype, shape in itertools.product(DTYPES, [(), (0,), (2, 3), (1, 2, 1, 3, 1)]):
            queue.put(filled(shape, dtype))
            arrived = queue.get()
            assert (arrived.dtype, arrived.shape) == (dtype, shape)
            np.testing.assert_array_equal(np.asarray(arrived), np.asarray(filled(shape, dtype)))
