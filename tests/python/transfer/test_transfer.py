"""Objects on their way: the native codec, the fallback to pickle, functions, memory, refusals."""

import collections
import dataclasses
import datetime
import decimal
import enum
import gc
import importlib
import json
import math
import os
import pathlib
import pickle
import sys
import types
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import atoll
from atoll import interpreters
from atoll._atoll import NotShareableError, get_crossinterp_data, restore_crossinterp_data


def send(obj, mode="fallback"):
    return restore_crossinterp_data(get_crossinterp_data(obj, mode))


def by_pickle(obj):
    return pickle.loads(pickle.dumps(obj, 5))


def text_of(element):
    """repr() of a set's element. Sets in it are sorted: the hash of a NaN is its address."""
    if type(element) is tuple:
        return f"tuple({[text_of(item) for item in element]})"
    if type(element) is frozenset:
        return f"frozenset({sorted(map(text_of, element))})"
    return repr(element)


@dataclasses.dataclass(eq=False)
class Row:
    left: object
    right: object = None


class Slotted:
    __slots__ = ("left", "right")


class Bag(list):
    """Not native: pickle makes it, beside what is native."""

    label = None


Pair = collections.namedtuple("Pair", "left right")  # noqa: PYI024
Color = enum.Enum("Color", "RED GREEN")


def slotted(left, right):
    made = Slotted()
    made.left, made.right = left, right
    return made


def shape(obj):
    """Types, values and identities of a graph, as something that can be compared."""
    numbers = {}

    def walk(node):
        kind = type(node)
        if kind in (int, bool, float, complex, type(None), type(...), type(NotImplemented)):
            return (kind, repr(node))
        # Equal texts and tiny constants may be one object or several: CPython's own affair.
        if kind in (
            str,
            bytes,
            range,
            datetime.date,
            datetime.time,
            datetime.datetime,
            datetime.timedelta,
            uuid.UUID,
            decimal.Decimal,
        ) or node in ((), frozenset()):
            return (kind, repr(node))
        if id(node) in numbers:
            return ("seen", numbers[id(node)])
        numbers[id(node)] = len(numbers)
        keep.append(node)
        if kind is dict:
            return (kind, [(walk(k), walk(v)) for k, v in node.items()])
        if kind in (set, frozenset):
            return (kind, sorted(map(text_of, node)))
        if kind is slice:
            return (kind, [walk(node.start), walk(node.stop), walk(node.step)])
        if kind is bytearray:
            return (kind, bytes(node))
        if kind is Color:
            return (kind, node.name)
        if kind is Row or kind is Slotted:
            return (kind, walk(node.left), walk(node.right))
        if kind is Bag:
            return (kind, [walk(item) for item in node], walk(node.label))
        return (kind, [walk(item) for item in node])

    keep = []
    return walk(obj)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.text(st.characters(categories=["Cs", "Lu"])),
    st.binary(),
    st.just(...),
    st.just(NotImplemented),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.times(),
    st.datetimes(timezones=st.just(datetime.UTC)),
    st.uuids(),
    st.decimals(allow_nan=False),
    st.builds(range, st.integers(), st.integers()),
    st.sampled_from(Color),
)
hashables = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
graphs = st.recursive(
    scalars | st.builds(bytearray, st.binary()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.lists(inner, max_size=6).map(tuple),
        st.dictionaries(st.text(max_size=5) | hashables, inner, max_size=8),
        st.sets(hashables, max_size=5),
        st.builds(slice, inner, inner, inner),
        st.builds(Row, inner, inner),
        st.builds(Pair, inner, inner),
        st.builds(slotted, inner, inner),
        # One object in several places, in itself, and records.
        inner.map(lambda x: [x, x, (x, {"again": x})]),
        inner.map(lambda x: (lambda own: (own.append(own), own)[1])([x])),
        inner.map(lambda x: (lambda own: (setattr(own, "right", [own]), own)[1])(Row(x))),
        st.shared(inner).map(lambda x: [x, Row(x, Pair(x, x))]),
        st.lists(st.tuples(inner, inner), max_size=6).map(
            lambda rows: [{"left": a, "right": b} for a, b in rows]
        ),
    ),
    max_leaves=20,
)


# HYPOTHESIS_PROFILE=nightly makes it 100,000.
@pytest.mark.timeout(0 if os.environ.get("HYPOTHESIS_PROFILE") else 120)
@settings(max_examples=max(1000, settings.default.max_examples))
@given(graphs)
def test_equals_pickle_round_trip(graph):
    assert shape(send(graph)) == shape(by_pickle(graph))


def linked_graph(rng):
    """Objects that refer to each other in both directions, also through tuples."""
    made = []

    def part():
        if made and (len(made) > 8 or rng.random() < 0.4):
            return rng.choice(made)
        return make()

    def make():
        kind = rng.choice([list, dict, tuple, Pair, Row, Slotted, Bag, int, str])
        if kind in (int, str):
            return kind(1000)
        if kind is tuple or kind is Pair:
            obj = tuple(part() for _ in range(rng.randint(1, 3)))
            if kind is Pair:
                obj = Pair(obj, part())
            made.append(obj)
            return obj
        obj = Row(None) if kind is Row else slotted(None, None) if kind is Slotted else kind()
        made.append(obj)
        extend(obj, part())
        return obj

    def extend(obj, other):
        if isinstance(obj, list):
            obj.append(other)
            if type(obj) is Bag:
                obj.label = other
        elif isinstance(obj, dict):
            obj[f"k{len(obj)}"] = other
        elif not isinstance(obj, tuple):
            obj.left, obj.right = other, rng.choice(made)

    roots = tuple(make() for _ in range(rng.randint(1, 3)))
    for obj in list(made):
        if rng.random() < 0.6:
            extend(obj, rng.choice([*made, roots]))
    return roots


def through_a_channel(obj):
    sender, receiver = atoll.channel(1)
    sender.send(obj)
    return receiver.recv()


@pytest.mark.parametrize("way", [send, through_a_channel])
@settings(max_examples=max(500, settings.default.max_examples))
@given(rng=st.randoms(use_true_random=False))
def test_cycles_keep_their_identities(way, rng):
    graph = linked_graph(rng)
    assert shape(way(graph)) == shape(by_pickle(graph))


@pytest.mark.parametrize("way", [send, through_a_channel])
def test_a_tuple_that_contains_itself(way):
    for content in ([], {}, Row(None), Bag()):
        whole = (content, b"x")
        if type(content) is dict:
            content["whole"] = whole
        elif type(content) is Row:
            content.left = whole
        else:
            content.append(whole)
        back = way(whole)
        assert shape(back) == shape(whole)


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return type(other) is type(self) and (self.x, self.y) == (other.x, other.y)

    __hash__ = None


class Pickled(Point):
    """Not carried natively."""

    def __reduce__(self):
        return Pickled, (self.x, self.y)


class Words(str):
    pass


@pytest.mark.parametrize(
    "obj",
    [
        Point(1, [2]),
        Pickled(1, [2]),
        [Point(1, 2), {"k": Point(3, Words("w"))}],
        Words("x"),
        types.SimpleNamespace(a=1),
        OSError(2, "no"),
        (1, Point(2, 3)),
        int,
        len,
        json.dumps,
        pathlib.PurePosixPath("/a/../b"),
        pathlib.PureWindowsPath("c:\\x"),
        pathlib.Path(),
        datetime.timezone(datetime.timedelta(hours=-3), "x"),
        decimal.Decimal("NaN123"),
        uuid.uuid1(),
        collections.deque([1, 2]),
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_other_objects(obj):
    got = send(obj)
    assert type(got) is type(obj)
    assert repr(got) == repr(obj) or got == obj
    if isinstance(obj, types.FunctionType | types.BuiltinFunctionType | type):
        assert got is obj


def test_aliases_across_pickled_and_native_parts():
    shared = [1]
    for root in (
        [shared, Pickled(shared, 0)],
        (shared, Pickled(shared, 0)),
        {"a": shared, "b": Pickled(shared, 0)},
        [shared, Point(shared, 0)],
    ):
        first, second = send(root).values() if isinstance(root, dict) else send(root)
        assert first is second.x
        first.append(2)
        assert shared == [1]


def test_records_keep_order_and_values():
    rows = [{"a": i, "b": str(i), "c": [i]} for i in range(20)]
    mixed = [
        *rows,
        {"b": 1, "a": 2, "c": 3},
        {"a": 1, "b": 2},
        {"a": 1, "b": 2, "c": 3, "d": 4},
        *rows,
    ]
    got = send(mixed)
    assert got == mixed
    assert [list(d) for d in got] == [list(d) for d in mixed]
    tree = {
        "v": 0,
        "kids": [{"v": i, "kids": [{"v": j, "kids": []} for j in range(3)]} for i in range(3)],
    }
    assert send([tree, tree]) == [tree, tree]


@pytest.mark.parametrize(
    "wrap", [lambda x: [x], lambda x: (x,), lambda x: {"k": x}], ids=["list", "tuple", "dict"]
)
def test_deep_nesting(wrap):
    deep = None
    for _ in range(10_000):
        deep = wrap(deep)
    got = send(deep)
    depth = 0
    while got is not None:
        got = got["k"] if type(got) is dict else got[0]
        depth += 1
    assert depth == 10_000


def test_deep_nesting_of_what_needs_pickle():
    deep = None
    for _ in range(100_000):
        deep = Pickled(deep, None)
    with pytest.raises(NotShareableError):
        send(deep)
    while deep is not None:
        deep = deep.x


def test_mutation_while_encoding():
    victims = []

    class Meddler:
        def __reduce__(self):
            for victim in victims:
                victim.clear()
            gc.collect()
            return list, ()

    for kind in (list, dict):
        victim = kind() if kind is list else {}
        filling = [[i] for i in range(100)]
        if kind is list:
            victim.extend([*filling, Meddler()])
        else:
            victim.update({str(i): x for i, x in enumerate([*filling, Meddler()])})
        victims[:] = [victim]
        try:
            assert type(send([victim, 1])) is list
        except NotShareableError:
            pass


# --- shareable objects ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "obj",
    [
        None,
        True,
        5,
        -sys.maxsize - 1,
        sys.maxsize,
        1.5,
        "é\udc00\0",
        b"spam",
        (1, ("a", b"b", (None,))),
    ],
)
def test_shareable(obj):
    got = send(obj, "xidata")
    assert got == obj
    assert type(got) is type(obj)


@pytest.mark.parametrize(
    "obj", [[], {}, set(), bytearray(), ..., Words("x"), (1, []), object, len, Point(1, 2)]
)
def test_not_shareable(obj):
    with pytest.raises(NotShareableError):
        send(obj, "xidata")


def test_int_out_of_range_has_its_cause():
    with pytest.raises(NotShareableError) as caught:
        send(sys.maxsize + 1, "xidata")
    assert isinstance(caught.value.__cause__, OverflowError)


def test_bytes_are_a_new_object():
    spam = b"spam"
    assert send(spam, "xidata") is not spam


# --- refusals ------------------------------------------------------------------------------------


def gen():
    yield


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: gen(), r"^generator object does not"),
        (lambda: [1, {"x": [0, gen()]}], r"^\[1\]\['x'\]\[1\]: generator object"),
        (lambda: Point(1, [sys]), r"^\.y\[0\]: module object"),
        (lambda: (1, (2, gen())), r"^\[1\]\[1\]: generator object"),
    ],
)
def test_refusal_names_path_type_and_cause(make, text):
    with pytest.raises(NotShareableError, match=text) as caught:
        send(make())
    assert isinstance(caught.value.__cause__, TypeError)


def test_refused_functions():
    free = 1
    for function in (lambda: free, lambda a=1: a, lambda: pytest):
        with pytest.raises(
            NotShareableError, match="only stateless functions are shareable"
        ) as caught:
            send(function)
        assert isinstance(caught.value.__cause__, ValueError)


def test_what_must_pass_passes():
    class Stop:
        def __reduce__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(Stop())


# --- functions -----------------------------------------------------------------------------------


def test_stateless_functions_go_by_value():
    def spam(a, /, b, *c, d, **e):
        "doc"
        return a, b, c, d, e, [len(x) for x in ("a",)]

    spam.attribute = 1
    got = send(spam)
    assert got is not spam
    assert got.__code__ == spam.__code__
    assert got.__name__ == "spam"
    assert got.__doc__ == "doc"
    assert got.__globals__ is sys.modules["__main__"].__dict__
    assert got.__module__ == "__main__"
    assert not got.__dict__
    assert got(1, 2, d=4)[:2] == (1, 2)
    spam.__name__ = "renamed"
    assert send(spam).__name__ == "renamed"


def test_functions_whose_inner_code_uses_globals_go_by_name(tmp_path, monkeypatch):
    source = """
LIMIT = 3

def in_a_generator():
    return sum(n for n in range(9) if n < LIMIT)

def in_a_function():
    def inner():
        return [LIMIT for _ in range(2)]
    return inner()

def in_a_class():
    class Inner:
        limit = LIMIT
    return Inner.limit
"""
    (tmp_path / "module_with_a_limit.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("module_with_a_limit")
    interp = interpreters.create()
    assert interp.call(module.in_a_generator) == 3
    assert interp.call(module.in_a_function) == [3, 3]
    assert interp.call(module.in_a_class) == 3
    interp.close()


def test_functions_inside_containers_go_by_name():
    def local():
        return 1

    assert send([gen])[0] is gen
    assert send([local])[0]() == 1


# --- memory --------------------------------------------------------------------------------------


def test_memoryview_shares_memory():
    data = bytearray(b"hello")
    view = send(memoryview(data))
    view[0] = ord("J")
    assert data == b"Jello"
    with pytest.raises(BufferError):
        data.append(0)
    view.release()
    del view
    send(memoryview(b""))  # whatever works with memory takes back what was given up
    data.append(0)


def test_memoryview_inside_pickled_objects():
    data = bytearray(b"hello")
    got = send([Pickled(memoryview(data), 0)])
    got[0].x[0] = ord("J")
    assert data == b"Jello"


def test_released_memoryview():
    view = memoryview(b"x")
    view.release()
    with pytest.raises(NotShareableError) as caught:
        send(view)
    assert isinstance(caught.value.__cause__, ValueError)


def test_out_of_band_buffers():
    big, small = bytearray(b"x" * 100_000), bytearray(b"y" * 10)

    class Holder:
        def __reduce_ex__(self, protocol):
            return tuple, ([pickle.PickleBuffer(big), pickle.PickleBuffer(small)],)

    data = get_crossinterp_data(Holder(), "fallback")
    big[0] = 0  # the message has a copy
    for _ in range(2):
        first, second = restore_crossinterp_data(data)
        assert bytes(first) == b"x" * 100_000
        assert bytes(second) == b"y" * 10
        memoryview(first)[:1] = b"z"  # of its own


# --- the rest ------------------------------------------------------------------------------------


@pytest.mark.parametrize("nan", [math.nan, complex(math.nan, 1)])
def test_nan(nan):
    assert repr(send(nan)) == repr(nan)


def test_large():
    rows = [{"id": i, "text": "x" * 1000} for i in range(3000)]
    assert send(rows) == rows
    blob = b"b" * 20_000_000
    assert send([blob, blob]) == [blob, blob]


def test_arguments():
    with pytest.raises(ValueError, match="unsupported mode"):
        get_crossinterp_data(1, "telepathy")
    with pytest.raises(TypeError):
        get_crossinterp_data()
    with pytest.raises(ValueError):
        restore_crossinterp_data(1)


def test_main_of_a_script_is_found_by_a_receiver(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("""
import sys
from atoll import interpreters

class Thing:
    def __init__(self, n): self.n = n

def bump(thing):
    global calls
    calls = globals().get('calls', 0) + 1
    return Thing(thing.n + calls), __name__

if __name__ == '__main__':
    interp = interpreters.create()
    for expected in (2, 3):
        thing, name = interp.call(bump, Thing(1))
        assert type(thing) is Thing and thing.n == expected, thing.n
        assert name == '<fake __main__>'
    assert 'calls' not in globals()
    interp.close()
    print('good')
""")
    assert run_python(script, check=True).stdout == "good\n"


def test_times_come_back_from_an_interpreter(run_python):
    """On CPython 3.12 its `datetime` is written in Python; ours is not."""
    done = run_python(
        "-c",
        """
import datetime
from atoll import interpreters
def make():
    from datetime import date, datetime, time, timedelta, timezone
    from types import SimpleNamespace
    zone = timezone(timedelta(hours=-3), 'x')
    values = [date(1, 2, 3), datetime(1, 2, 3, 4, 5, 6, 7, zone, fold=1), time(4, 5, 6, 7, zone),
              timedelta(1, 2, 3), zone, timezone.utc, datetime.max]
    return values, SimpleNamespace(value=values), datetime
interp = interpreters.create()
values, holder, cls = interp.call(make)
assert values == make()[0] == holder.value
for got, expected in zip(values + holder.value, make()[0] * 2):
    assert type(got) is type(expected) and repr(got) == repr(expected), got
assert cls is datetime.datetime
interp.close()
""",
        check=True,
    )
    assert done.stderr == ""


def test_times_with_a_zone_arrive_in_an_interpreter(run_python):
    done = run_python(
        "-c",
        """
import datetime, zoneinfo
from atoll import interpreters
def look(time):
    import zoneinfo
    assert type(time.tzinfo) is zoneinfo.ZoneInfo
    return time.tzinfo.key, time.utcoffset(), time
def zones():
    import zoneinfo
    return len(zoneinfo.available_timezones())
interp = interpreters.create()
assert interp.call(zones) == len(zoneinfo.available_timezones())
if interp.call(zones):
    time = datetime.datetime(2024, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))
    key, offset, back = interp.call(look, time)
    assert (key, offset) == ('Europe/Berlin', datetime.timedelta(hours=2))
    assert back == time and type(back) is datetime.datetime
    assert type(back.tzinfo) is zoneinfo.ZoneInfo
interp.close()
""",
        check=True,
    )
    assert done.stderr == ""
