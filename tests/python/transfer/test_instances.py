"""Instances of classes that Python code defines: natively where that brings the same as pickle."""

import abc
import collections
import copyreg
import dataclasses
import enum
import gc
import pickle
import sys
import types
import typing
import weakref

import pytest

from atoll._atoll import NotShareableError, get_crossinterp_data, restore_crossinterp_data


def send(obj):
    return restore_crossinterp_data(get_crossinterp_data(obj, "fallback"))


def by_pickle(obj):
    return pickle.loads(pickle.dumps(obj, 5))


@dataclasses.dataclass
class Data:
    x: object
    y: object = None


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: object
    y: object = None


@dataclasses.dataclass(slots=True)
class Slots:
    x: object
    y: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlots:
    x: object
    y: object = None


@dataclasses.dataclass
class Derived(Slots):
    z: object = 3


class Sized:
    __slots__ = ("__weakref__", "a", "b")


class Generic[T]:
    def __init__(self, item: T) -> None:
        self.item = item

    def __eq__(self, other):
        return type(other) is Generic and self.item == other.item

    __hash__ = None


class Base(abc.ABC):
    @abc.abstractmethod
    def method(self): ...


class Concrete(Base):
    def method(self):
        return self.value


class Color(enum.Enum):
    RED = 1
    GREEN = [2]  # noqa: RUF012
    CRIMSON = 1  # noqa: PIE796


class Number(enum.IntEnum):
    ONE = 1


class Name(enum.StrEnum):
    A = "a"


class Flags(enum.Flag):
    A = 1
    B = 2


class Named(enum.Enum):
    __reduce_ex__ = enum.pickle_by_enum_name
    A = 1


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024


class Typed(typing.NamedTuple):
    a: int
    b: list


class Checked(collections.namedtuple("Checked", "a b")):  # noqa: PYI024
    __slots__ = ()

    def __new__(cls, a, b):
        assert a < b
        return super().__new__(cls, a, b)


class WithDict(Pair):
    pass


class Node:
    def __init__(self, value=None):
        self.value = value


def with_extra():
    data = Data(1)
    data.extra = [2]
    del data.y
    return data


def sized(**slots):
    obj = Sized()
    for name, value in slots.items():
        setattr(obj, name, value)
    return obj


def state(obj):
    kept = {
        n: getattr(obj, n)
        for n in ("a", "b", "x", "y", "z")
        if hasattr(type(obj), n) and hasattr(obj, n)
    }
    return type(obj), vars(obj) if hasattr(obj, "__dict__") else None, kept


@pytest.mark.parametrize(
    "obj",
    [
        Data(1, [2]),
        Data({"k": Data(1)}),
        with_extra(),
        Frozen("x", (1,)),
        Slots(1, 2),
        FrozenSlots(1, [2]),
        Derived(1, 2, 4),
        sized(),
        sized(a=1),
        sized(a=1, b=[2]),
        Generic(5),
        Color.RED,
        Color.GREEN,
        Number.ONE,
        Name.A,
        Flags.A,
        Flags.A | Flags.B,
        Flags(0),
        Named.A,
        Pair(1, [2]),
        Typed(1, [2]),
        Checked(1, 2),
        [Pair(Color.RED, Data(i, Number.ONE)) for i in range(5)],
        {Frozen(1): Color.RED, Pair(1, 2): Typed(1, [])},
        frozenset({Frozen(1), Pair(1, 2), Color.GREEN}),
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_the_same_as_by_pickle(obj):
    got, expected = send(obj), by_pickle(obj)
    assert type(got) is type(expected)
    assert state(got) == state(expected)
    if type(obj) is not Sized:
        assert got == expected
    if isinstance(obj, enum.Enum):
        assert got is obj


def test_attributes_in_a_dict_of_their_own():
    node = WithDict(1, 2)
    node.extra = 3
    got = send(node)
    assert got == (1, 2)
    assert type(got) is WithDict
    assert got.extra == 3


def test_abstract_bases_and_unusual_attributes():
    made = Concrete()
    made.value = 7
    assert send(made).method() == 7
    node = Node()
    vars(node).update({"value": 1, "with space": 2, "\u20ac": 3, 4: 5, "__private": 6})
    assert vars(send(node)) == vars(node)
    assert vars(send(Node.__new__(Node))) == {}
    many = Node()
    vars(many).update({f"attribute{i}": i for i in range(200)})
    assert vars(send(many)) == vars(many)


def test_a_property_does_not_catch_the_state():
    class_dict = {"x": property(lambda self: "property"), "__module__": __name__}
    cls = type("WithProperty", (), class_dict)
    globals()["WithProperty"] = cls
    cls.__qualname__ = "WithProperty"
    obj = cls()
    obj.__dict__["x"] = "stored"
    assert send(obj).__dict__ == {"x": "stored"}
    assert send([obj, obj])[1].x == "property"


def test_aliases_and_cycles():
    node = Node()
    node.value = node
    got = send(node)
    assert got.value is got
    shared = [1]
    a, b, pair = send((Node(shared), Data(shared, shared), Pair(shared, 0)))
    assert a.value is b.x is b.y is pair.a
    # The attributes' dict is somebody's, too: pickle makes it a dict of its own.
    node = Node(1)
    got, attributes = send([node, vars(node)])
    assert vars(got) == attributes == {"value": 1}
    assert vars(got) is not attributes


def test_a_frozenset_in_itself():
    node = FrozenSlots.__new__(FrozenSlots)
    whole = frozenset({Hashed(node)})
    object.__setattr__(node, "x", whole)
    object.__setattr__(node, "y", None)
    got = send(whole)
    (only,) = got
    assert only.node.x is got


class Hashed:
    def __init__(self, node):
        self.node = node


def test_deep_nesting():
    deep = None
    for _ in range(10_000):
        deep = Data(deep, Slots(1))
    got = send(deep)
    depth = 0
    while got is not None:
        got, depth = got.x, depth + 1
    assert depth == 10_000


# --- classes that pickle in a way of their own ----------------------------------------------------


class Reduced(Node):
    def __reduce__(self):
        return Node, ("reduced",)


class Stateful(Node):
    def __getstate__(self):
        return {"value": "state"}


class Setter(Node):
    def __setstate__(self, state):
        self.value = ("set", state)


class Made(Node):
    def __new__(cls, *args):
        made = super().__new__(cls)
        made.born = args
        return made

    def __getnewargs__(self):
        return ("new",)


class Catching(Node):
    def __getattr__(self, name):
        if name == "__setstate__":
            return lambda state: vars(self).update(caught=True)
        raise AttributeError(name)


class Setting:
    __slots__ = ("a",)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, ("by setattr", value))


@pytest.mark.parametrize("cls", [Reduced, Stateful, Setter, Made, Catching])
def test_what_pickles_itself_is_pickled(cls):
    got, expected = send([cls(1)])[0], by_pickle(cls(1))
    assert type(got) is type(expected)
    assert vars(got) == vars(expected)


def test_setattr_of_slots_is_called_as_by_pickle():
    obj = Setting()
    obj.a = 1
    assert send(obj).a == by_pickle(obj).a == ("by setattr", ("by setattr", 1))


def test_a_class_that_changes():
    class Local(Node):
        pass

    Local.__qualname__ = "Changing"
    globals()["Changing"] = Local
    assert vars(send(Local(1))) == {"value": 1}
    Local.__reduce__ = lambda self: (Node, ("changed",))
    assert vars(send(Local(1))) == {"value": "changed"}
    del Local.__reduce__
    assert type(send(Local(1))) is Local
    Local.__getstate__ = lambda self: {"value": "state"}
    assert vars(send(Local(1))) == {"value": "state"}
    del Local.__getstate__
    # A base counts as well.
    Node.__setstate__ = lambda self, state: vars(self).update(via="base")
    try:
        assert vars(send(Local(1))) == {"via": "base"}
    finally:
        del Node.__setstate__
    assert vars(send(Local(1))) == {"value": 1}


def test_a_reducer_of_copyreg():
    assert vars(send(Node(1))) == {"value": 1}
    copyreg.pickle(Node, lambda node: (Data, (node.value, "copyreg")))
    try:
        assert send([Node(1)]) == [Data(1, "copyreg")]
    finally:
        del copyreg.dispatch_table[Node]
    assert vars(send(Node(1))) == {"value": 1}


def test_a_class_that_is_not_what_its_name_says():
    other = type("Data", (Node,), {"__module__": __name__})
    with pytest.raises(NotShareableError) as caught:
        send([other(1)])
    assert isinstance(caught.value.__cause__, pickle.PicklingError)


def test_classes_are_not_kept_for_good():
    refs = []
    for i in range(3000):
        cls = type("Many", (Node,), {"__module__": __name__})
        globals()["Many"] = cls
        assert vars(send(cls(i))) == {"value": i}
        refs.append(weakref.ref(cls))
    del cls
    del globals()["Many"]
    gc.collect()
    assert sum(ref() is not None for ref in refs) < 1500


def test_a_path_goes_through_attributes():
    with pytest.raises(NotShareableError, match=r"^\[0\]\.y\['k'\]\[1\]\.x: generator object"):
        send([Data(1, {"k": [0, Slots(x for x in ())]})])
    with pytest.raises(NotShareableError, match=r"^\[0\]\.value: module object"):
        send(Pair(Node(sys), 0))


def test_an_enum_of_another_definition(run_python, tmp_path):
    (tmp_path / "colors.py").write_text(
        "import enum, sys\n"
        "class Color(enum.Enum):\n    RED = 1\n    if not hasattr(sys, 'other'): GREEN = 2\n"
    )
    run_python(
        "-c",
        """
import sys
sys.path.insert(0, ".")
import colors
from atoll import interpreters

interp = interpreters.create()
interp.exec("import sys; sys.other = True")
queue = interpreters.create_queue()
interp.prepare_main(queue=queue)
queue.put(colors.Color.RED)
interp.exec("import colors; assert queue.get() is colors.Color.RED")
queue.put(colors.Color.GREEN)
try:
    interp.exec("queue.get()")
except interpreters.ExecutionFailed as error:
    assert "NotShareableError" in str(error), error
else:
    raise AssertionError
interp.close()
""",
        check=True,
    )


def test_namespace_types_still_go_by_pickle():
    assert send([types.SimpleNamespace(a=1)]) == [types.SimpleNamespace(a=1)]
    assert send([collections.OrderedDict(a=1)]) == [collections.OrderedDict(a=1)]
    counter = collections.Counter("aab")
    assert send([counter]) == [counter]


def test_tuples_that_are_keys_inside_of_themselves():
    node = Node()
    whole = (node, 1)
    node.value = {whole: "itself"}
    (got,) = send([whole])
    assert got[0].value[got] == "itself"
    (key,) = got[0].value
    assert key is got
