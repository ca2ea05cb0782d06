"""Objects that do what they should not while they are sent."""

import _thread
import gc
import os
import pickle
import weakref
from pathlib import Path

import pytest

import atoll
from atoll import interpreters
from atoll._atoll import NotShareableError, get_crossinterp_data, restore_crossinterp_data


def send(obj):
    return restore_crossinterp_data(get_crossinterp_data(obj, "fallback"))


class Calling:
    """Its pickling calls a function."""

    def __init__(self, function):
        self.function = function

    def __reduce__(self):
        return self.function()


@pytest.fixture(params=["queue", "channel"])
def line(request):
    """put, get and the number of items of a queue, or of a channel."""
    if request.param == "queue":
        queue = interpreters.create_queue()
        yield queue.put, queue.get, queue.qsize
    else:
        tx, rx = atoll.channel(None)
        with tx, rx:
            yield tx.send, rx.recv, lambda: len(rx)


def test_reduce_that_raises(line):
    put, _, size = line

    def fail():
        raise RuntimeError("no")

    for value, path in (
        (Calling(fail), ""),
        ([1, {"k": Calling(fail)}], r"\[1\]\['k'\]: "),
        ((1, Calling(fail)), r"\[1\]: "),
    ):
        with pytest.raises(NotShareableError, match=f"^{path}Calling object") as caught:
            put(value)
        assert "no" in repr(caught.value.__cause__)
        assert size() == 0


def test_reduce_that_sends_on_the_same_line(line):
    put, get, size = line

    def send_more():
        put("inner")
        put([1, {"a": 2, "b": 3}] * 3)
        return list, ((1, 2),)

    rows = [{"a": i, "b": str(i)} for i in range(10)]
    put([rows, Calling(send_more), rows])
    assert get() == "inner"
    assert get() == [1, {"a": 2, "b": 3}] * 3
    got = get()
    assert got == [rows, [1, 2], rows]
    assert got[0] is got[2]
    assert size() == 0


def test_reduce_that_sends_itself_on_the_same_line(line):
    put, _, size = line

    def again():
        put(Calling(again))
        return list, ()

    with pytest.raises((NotShareableError, RecursionError)):
        put(Calling(again))
    assert size() == 0


def test_reduce_that_runs_forever_can_be_interrupted(line):
    put, get, size = line

    def forever():
        _thread.interrupt_main()
        while True:
            pass

    with pytest.raises(KeyboardInterrupt):
        put([1, Calling(forever)])
    assert size() == 0
    put("still works")
    assert get() == "still works"


def test_reduce_that_lies(line):
    put, _, size = line
    for answer in (
        1,
        (),
        (1,),
        (list, 1),
        ("no such name",),
        (list, (), None, None, None, None, 7),
    ):
        with pytest.raises(NotShareableError):
            put(Calling(lambda answer=answer: answer))
        assert size() == 0


def test_what_cannot_be_made_again(line):
    put, get, size = line
    put([Calling(lambda: (int, ("no number",)))])
    with pytest.raises(NotShareableError, match="could not be unpickled") as caught:
        get()
    assert isinstance(caught.value.__cause__, ValueError)
    assert size() == 0


def test_containers_that_change_meanwhile():
    for make in (list, dict, set):
        victims = []

        def change():
            for victim in victims:  # noqa: B023
                victim.clear()
            gc.collect()
            return int, ()

        items = [(i, "text" * i) for i in range(100)]
        victim = make(items)
        meddler = Calling(change)
        if make is dict:
            victim["last"] = meddler
        elif make is set:
            victim.add(meddler)
        else:
            victim.append(meddler)
        victims.append(victim)
        atoll.register(Calling, lambda calling: calling.function()[1], int_of)
        try:
            for value in (victim, [victim, victim], {"k": [victim], "l": 1, "m": (victim,)}):
                try:
                    send(value)
                except NotShareableError as error:
                    assert "changed size" in str(error.__cause__)  # noqa: PT017
        finally:
            atoll.unregister(Calling)


def int_of(value):
    return 0


def test_a_slice_that_contains_itself():
    parts = [1]
    parts.append(slice(parts, None))
    got = send(parts)
    assert got[0] == 1
    assert type(got[1]) is slice
    assert got[1].start is got


def test_a_class_that_changes_while_its_instances_are_sent():
    class Node:
        def __init__(self, value):
            self.value = value

    Node.__qualname__ = "ChangingNode"
    globals()["ChangingNode"] = Node

    def change(calling):
        Node.__reduce__ = lambda self: (str, ("reduced",))
        return 0

    atoll.register(Calling, change, int_of)
    try:
        got = send([Node(1), Calling(None), Node(2)])
        assert got == ["reduced", 0, "reduced"]
    finally:
        atoll.unregister(Calling)


def test_numbers_and_text_at_the_edges():
    for value in (
        (1 << 100_000) - 1,
        -(1 << 100_000),
        [1 << bits for bits in range(0, 200, 7)] + [-(1 << bits) for bits in range(0, 200, 7)],
        "\ud800\udfff lone",
        ["\udc80" * i for i in range(300)],
        ["a" * i + "\xff" for i in range(300)],
        ["\x7f" * i for i in range(300)],
        ["\U0010ffff" * i for i in range(300)],
        {"\ud800": 1, "\xe9": 2, "a" * 1000: 3, "": 4},
        [{"\xe9": i, "": i, "k" * 40: i} for i in range(5)],
        [{"k" * 41: i, "b": i} for i in range(5)],
        [{f"key{j}": i for j in range(64)} for i in range(5)],
        [{f"key{j}": i for j in range(65)} for i in range(5)],
        [{1: i, "b": i} for i in range(5)],
        [{}, [], (), set(), frozenset(), "", b"", bytearray()],
    ):
        assert send(value) == value


@pytest.mark.parametrize("depth", [62, 63, 64, 65, 66, 67, 130])
def test_where_recursion_ends(depth):
    for wrap in (
        lambda x: [x],
        lambda x: (x,),
        lambda x: {"k": x},
        lambda x: {"k": x, "l": 1},
        lambda x: (0, [x]),
        lambda x: slice(None, [x], 1),
    ):
        deep = 0
        for _ in range(depth):
            deep = wrap(deep)
        assert repr(send(deep)) == repr(deep)
    frozen, key = frozenset(), ()
    for _ in range(depth):
        frozen, key = frozenset([frozen]), (key,)
    assert send(frozen) == frozen
    assert send({key: [key]}) == {key: [key]}
    deep = (x for x in ())
    for _ in range(depth):
        deep = {"k": [deep], "l": 1}
    with pytest.raises(NotShareableError, match="generator object"):
        send(deep)


def test_nothing_is_kept_of_what_was_refused():
    class Local:
        pass

    kept = Local()
    ref = weakref.ref(kept)
    for value in ([kept, kept, {"k": kept, "g": (x for x in ())}], (kept, (x for x in ()))):
        with pytest.raises(NotShareableError):
            send(value)
    del value, kept
    gc.collect()
    assert ref() is None


class Odd(Exception):
    """Cannot be made again from its args."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Worse(Exception):
    def __reduce__(self):
        raise RuntimeError("not me")


def raise_odd():
    raise Odd(1, 2)


def raise_worse():
    raise Worse("text")


@pytest.mark.parametrize(
    ("function", "text"), [(raise_odd, "Odd: 1 and 2"), (raise_worse, "Worse: text")]
)
def test_exceptions_with_odd_constructors(function, text):
    interp = interpreters.create()
    try:
        with pytest.raises(interpreters.ExecutionFailed, match=text):
            interp.call(function)
    finally:
        interp.close()
    with atoll.Pool(1) as pool:
        error = pool.submit(function).exception(60)
    assert text.partition(": ")[2] in str(error)


def available_bytes():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


@pytest.mark.slow
@pytest.mark.skipif(
    available_bytes() < 9 << 30 or not os.environ.get("HYPOTHESIS_PROFILE"),
    reason="needs 9 GB of memory, and a nightly run",
)
def test_two_gigabytes():
    blob = bytes(2 << 30)
    assert send(blob) == blob
    got = send([blob])
    assert got == [blob]


def test_pickle_that_is_not_there(monkeypatch):
    # The functions were looked up when they were first needed.
    send(Calling(lambda: (int, ())))
    monkeypatch.setattr(pickle, "dumps", None)
    assert send([Calling(lambda: (int, ()))]) == [0]


def test_the_process_does_not_grow(project, run_python):
    # The whole: tools/transfer_leaks.py, a million transfers of each kind.
    done = run_python(project / "tools/transfer_leaks.py", "--count", "20000", timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
