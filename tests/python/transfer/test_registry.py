"""atoll.register(): types whose way of travelling the user tells."""

import datetime
import gc
import re
import weakref

import pytest

import atoll
from atoll._atoll import NotShareableError, get_crossinterp_data, restore_crossinterp_data


def send(obj):
    return restore_crossinterp_data(get_crossinterp_data(obj, "fallback"))


class Handle:
    """Nothing that pickle would take."""

    def __init__(self, name):
        self.name = name
        self.lock = (x for x in ())


class Child(Handle):
    pass


class Unpicklable:
    def __reduce__(self):
        raise TypeError("never")


def encode(handle):
    return {"name": handle.name}


def decode(value):
    return Handle(value["name"])


@pytest.fixture
def registered():
    atoll.register(Handle, encode, decode)
    yield
    atoll.unregister(Handle)


@pytest.mark.usefixtures("registered")
def test_travels_as_what_encode_makes_of_it():
    got = send(Handle("a"))
    assert type(got) is Handle
    assert got.name == "a"
    shared = Handle("b")
    first, second, other = send([shared, shared, Handle("c")])
    assert first is second
    assert (first.name, other.name) == ("b", "c")
    assert send({"k": (Handle("d"),)})["k"][0].name == "d"


@pytest.mark.usefixtures("registered")
def test_beside_what_is_pickled():
    got = send([Handle("a"), re.compile("x"), Handle("b")])
    assert [got[0].name, got[2].name] == ["a", "b"]
    with pytest.raises(
        NotShareableError, match=r"^\[1\]: test_transfer_registry\.Unpicklable|Unpicklable"
    ):
        send([Handle("a"), Unpicklable()])


@pytest.mark.usefixtures("registered")
def test_only_exact_instances():
    with pytest.raises(NotShareableError, match="generator"):
        send([Child("a")])


def test_until_unregistered():
    atoll.register(Handle, encode, decode)
    atoll.register(Handle, lambda handle: "other", decode_text)
    assert send([Handle("x")])[0].name == "other"
    atoll.unregister(Handle)
    with pytest.raises(NotShareableError):
        send([Handle("x")])
    with pytest.raises(KeyError):
        atoll.unregister(Handle)


def decode_text(text):
    return Handle(text)


def test_decode_may_be_a_function_without_a_name():
    atoll.register(Handle, encode, lambda value: ("decoded", value))
    try:
        assert send([Handle("x")]) == [("decoded", {"name": "x"})]
    finally:
        atoll.unregister(Handle)


@pytest.mark.parametrize("kind", [int, str, dict, type(None), memoryview, datetime.date, type])
def test_what_is_native_stays_so(kind):
    with pytest.raises(ValueError, match="natively"):
        atoll.register(kind, encode, decode)


def test_arguments():
    with pytest.raises(TypeError, match="class"):
        atoll.register(1, encode, decode)
    with pytest.raises(TypeError, match="callable"):
        atoll.register(Handle, None, decode)
    with pytest.raises(KeyError):
        atoll.unregister(1)


def test_encode_that_fails():
    def broken(handle):
        raise RuntimeError("not today")

    atoll.register(Handle, broken, decode)
    try:
        with pytest.raises(NotShareableError, match=r"\[1\].*Handle object") as caught:
            send([0, Handle("x")])
        assert str(caught.value.__cause__) == "not today"
    finally:
        atoll.unregister(Handle)


def test_encode_that_gives_the_object_back():
    atoll.register(Handle, lambda handle: [handle], decode)
    try:
        with pytest.raises(NotShareableError):
            send(Handle("x"))
    finally:
        atoll.unregister(Handle)


def test_decode_that_fails():
    atoll.register(Handle, encode, fail_to_decode)
    try:
        data = get_crossinterp_data([Handle("x")], "fallback")
        with pytest.raises(NotShareableError) as caught:
            restore_crossinterp_data(data)
        assert str(caught.value.__cause__) == "cannot decode"
    finally:
        atoll.unregister(Handle)


def fail_to_decode(value):
    raise RuntimeError("cannot decode")


def encode_meddler(handle):
    return handle.record


def decode_meddler(record):
    record["last"] = "meddled"
    return Handle("meddler")


def test_decode_that_changes_the_record_around_it():
    """What was sent is what arrives, in records of any number and in those of a known shape."""

    def record():
        row = dict.fromkeys(("first", "a", "b", "c", "d", "e", "last"))
        row["first"] = Handle("meddler")
        row["first"].record = row
        return row

    atoll.register(Handle, encode_meddler, decode_meddler)
    try:
        got = send([record() for _ in range(4)])
    finally:
        atoll.unregister(Handle)
    assert [row["last"] for row in got] == [None] * 4


def test_a_registered_class_is_let_go():
    cls = type("Passing", (), {})
    atoll.register(cls, lambda obj: 1, decode_text)
    assert type(send([cls()])[0]) is Handle
    ref = weakref.ref(cls)
    atoll.unregister(cls)
    del cls
    gc.collect()
    assert ref() is None


def test_the_receiver_need_not_register(run_python, tmp_path):
    (tmp_path / "things.py").write_text(
        "class Thing:\n"
        "    def __init__(self, n): self.n = n; self.lock = open('/dev/null')\n"
        "def to_number(thing): return thing.n\n"
        "def from_number(n): return Thing(n + 1)\n"
    )
    run_python(
        "-c",
        """
import sys
sys.path.insert(0, ".")
import atoll, things
from atoll import interpreters

atoll.register(things.Thing, things.to_number, things.from_number)
interp = interpreters.create()
tx, rx = atoll.channel(1)
interp.prepare_main(rx=rx)
tx.send([things.Thing(1)])
interp.exec("got, = rx.recv(); assert type(got).__name__ == 'Thing' and got.n == 2")
interp.close()
""",
        check=True,
    )
