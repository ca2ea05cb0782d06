"""Definitions as they stand in scripts, and what they give.

Each is source text that stands in a module, and expressions that are evaluated one after the other in a
worker, as bodies of functions of that module. What they give is what they give where the same text
stands in an imported module.
"""

from typing import NamedTuple


class Definition(NamedTuple):
    source: str
    expressions: tuple[str, ...]


def of(source: str, *expressions: str) -> Definition:
    return Definition(source, expressions)


FUNCTIONS = {
    "plain": of("def f(x): return x + 1", "f(1)"),
    "global": of("K = 3\ndef f(x): return x * K", "f(2)"),
    "two_globals": of("A, B = 1, [2]\ndef f(): return A, B", "f()"),
    "default": of("D = [1]\ndef f(x=D): return x", "f()", "f(2)"),
    "keyword_default": of("def f(*, x=5, **rest): return x, rest", "f()", "f(x=1, y=2)"),
    "recursion": of("def f(n): return 1 if n < 2 else n * f(n - 1)", "f(5)"),
    "mutual": of(
        "def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)",
        "even(10), odd(7)",
    ),
    "inner": of("K = 2\ndef f(x):\n    def g(): return x * K\n    return g()", "f(4)"),
    "comprehension": of("K = 2\ndef f(): return [i * K for i in range(3)]", "f()"),
    "generator": of("K = 2\ndef f():\n    yield K\n    yield K + 1", "list(f())"),
    "coroutine": of("import asyncio\nK = 2\nasync def f(): return K", "asyncio.run(f())"),
    "attributes": of("def f(): return f.unit\nf.unit = 'ms'", "f()", "f.unit"),
    "own_counter": of(
        "def f():\n    f.calls += 1\n    return f.calls\nf.calls = 0", "f()", "f()", "f()"
    ),
    "counter": of("n = 0\ndef f():\n    global n\n    n += 1\n    return n", "f()", "f()", "f()"),
    "cache": of("_cache = {}\ndef f(x): return len(_cache.setdefault(x, []))", "f(1)", "f(2)"),
    "cache_lasts": of(
        "seen = []\ndef f(x):\n    seen.append(x)\n    return list(seen)", "f(1)", "f(2)"
    ),
    "lambda": of("K = 4\nf = lambda x: x + K", "f(1)"),
    "lambda_in_dict": of("TABLE = {'a': lambda x: x + 1}", "TABLE['a'](1)"),
    "annotations": of(
        "class A: pass\ndef f(x: A) -> int: return 1", "f(A())", "len(f.__annotations__)"
    ),
    "docstring": of("def f():\n    'text'", "f.__doc__"),
    "names": of("def f(): pass", "f.__name__, f.__qualname__"),
    "closure": of(
        "def make(n):\n    def g(x): return x + n\n    return g\nadd3 = make(3)", "add3(1)"
    ),
    "shared_cell": of(
        "def make():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n        return n\n"
        "    return up\nup = make()",
        "up()",
        "up()",
    ),
    "alias": of("def f(): return 1\ng = f", "g()", "f is g"),
    "module": of("import math\ndef f(): return math.floor(2.5)", "f()"),
    "module_alias": of("import math as m\ndef f(): return m.ceil(2.5)", "f()"),
    "submodule": of("import os.path, json.tool\ndef f(): return json.tool.__name__", "f()"),
    "from_import": of("from math import sqrt\ndef f(): return sqrt(4)", "f()"),
    "pattern": of("import re\nP = re.compile('a+')\ndef f(s): return P.match(s).end()", "f('aab')"),
    "logger": of("import logging\nlog = logging.getLogger('x')\ndef f(): return log.name", "f()"),
    "sort_key": of(
        "ORDER = {'b': 0, 'a': 1}\ndef key(x): return ORDER[x]", "sorted('ab', key=key)"
    ),
    "sentinel": of("_MISSING = object()\ndef f(x=_MISSING): return x is _MISSING", "f()", "f(1)"),
    "large_global": of("T = list(range(100_000))\ndef f(i): return T[i]", "f(7)", "f(99_999)"),
    "type_parameters": of("def f[T](x: T) -> T: return x", "f(3)", "f.__type_params__"),
    "builtin_under_name": of("size = len\ndef f(x): return size(x)", "f('abc')"),
    "exec": of("ns = {'k': 2}\nexec('def g(x): return x * k', ns)\ng = ns['g']", "g(4)"),
}

DECORATED = {
    "wraps": of(
        "import functools\ndef deco(g):\n    @functools.wraps(g)\n    def h(*a): return g(*a) + 1\n"
        "    return h\n@deco\ndef f(x): return x",
        "f(1)",
        "f.__wrapped__(1)",
    ),
    "functools_cache": of(
        "import functools\n@functools.cache\ndef fib(n): return n if n < 2 else fib(n-1) + fib(n-2)",
        "fib(20)",
    ),
    "used_cache": of(
        "import functools\n@functools.cache\ndef g(n): return n * 2\ndef f(n): return g(n)", "f(4)"
    ),
    "lru_cache": of(
        "import functools\n@functools.lru_cache(maxsize=3)\ndef g(n): return n * 2",
        "g(4)",
        "g.cache_parameters()['maxsize']",
    ),
    "contextmanager": of(
        "import contextlib\n@contextlib.contextmanager\ndef cm(x): yield x + 1\n"
        "def f():\n    with cm(1) as y: return y",
        "f()",
    ),
    "singledispatch": of(
        "import functools\n@functools.singledispatch\ndef f(x): return 'object'\n"
        "@f.register\ndef _(x: int): return 'int'\n@f.register(str)\ndef _(x): return 'str'",
        "f(1), f('a'), f(None)",
    ),
    "singledispatchmethod": of(
        "import functools\nclass C:\n    @functools.singledispatchmethod\n    def m(self, x): return 'o'\n"
        "    @m.register\n    def _(self, x: int): return 'i'",
        "C().m(1), C().m('a')",
    ),
    "partial": of(
        "import functools\ndef g(a, b): return a - b\nf = functools.partial(g, 5)", "f(2)"
    ),
    "partialmethod": of(
        "import functools\nclass C:\n    def m(self, a, b): return a - b\n"
        "    n = functools.partialmethod(m, 9)",
        "C().n(4)",
    ),
    "cached_property": of(
        "import functools\nclass C:\n    @functools.cached_property\n    def p(self): return 7",
        "C().p",
    ),
    "total_ordering": of(
        "import functools\n@functools.total_ordering\nclass C:\n    def __init__(s, n): s.n = n\n"
        "    def __eq__(s, o): return s.n == o.n\n    def __lt__(s, o): return s.n < o.n",
        "C(1) <= C(2), C(3) > C(4)",
    ),
    "decorator_class": of(
        "class Memo:\n    def __init__(self, f): self.f = f\n    def __call__(self, x): return self.f(x)\n"
        "@Memo\ndef f(x): return x * 3",
        "f(2)",
    ),
    "registry": of(
        "HANDLERS = {}\ndef handler(f):\n    HANDLERS[f.__name__] = f\n    return f\n"
        "@handler\ndef on_a(): return 'a'\ndef f(n): return HANDLERS[n]()",
        "f('on_a')",
    ),
    "stacked": of(
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def g(x): return f(f(x))\n    return g\n"
        "@twice\n@twice\ndef f(x): return x + 1",
        "f(0)",
    ),
}

CLASSES = {
    "plain_class": of(
        "class C:\n    def __init__(s, n): s.n = n\n    def m(s): return s.n", "C(3).m()"
    ),
    "class_state": of("class C:\n    done = []", "C.done.append(1) or C.done", "C.done"),
    "class_counter": of(
        "class C:\n    n = 0\n    @classmethod\n    def up(cls):\n        cls.n += 1\n        return cls.n",
        "C.up()",
        "C.up()",
    ),
    "inheritance": of("class A:\n    x = 1\nclass B(A):\n    y = 2", "B.x, B.y, issubclass(B, A)"),
    "super": of(
        "class A:\n    def m(s): return 1\nclass B(A):\n    def m(s): return super().m() + 1",
        "B().m()",
    ),
    "own_class": of("class A:\n    def m(s): return __class__.__name__", "A().m()"),
    "isinstance": of("class A: pass\ndef f(x): return isinstance(x, A)", "f(A()), f(1)"),
    "multiple": of("class A:\n    a = 1\nclass B:\n    b = 2\nclass C(A, B): pass", "C.a, C.b"),
    "metaclass": of(
        "made = []\nclass M(type):\n    def __init__(cls, *a):\n        made.append(cls.__name__)\n"
        "    def __call__(cls, *a): return ('called', super().__call__(*a).n)\n"
        "class C(metaclass=M):\n    n = 5",
        "C()",
        "made",
    ),
    "metaclass_new": of(
        "class M(type):\n    def __new__(m, name, bases, ns, **kw):\n"
        "        return super().__new__(m, name, bases, {**ns, 'kw': kw})\n"
        "    def __init__(cls, *a, **kw): pass\nclass C(metaclass=M, a=1): pass",
        "C.kw",
    ),
    "abc": of(
        "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def m(s): ...\n"
        "class B(A):\n    def m(s): return 2",
        "B().m()",
        "sorted(A.__abstractmethods__)",
    ),
    "abc_register": of(
        "import abc\nclass A(abc.ABC): pass\nclass B: pass\nA.register(B)\nA.register(complex)",
        "isinstance(B(), A), isinstance(1j, A), isinstance(1, A)",
    ),
    "protocol": of(
        "import typing\n@typing.runtime_checkable\nclass P(typing.Protocol):\n    def m(self): ...\n"
        "class C:\n    def m(self): return 1",
        "isinstance(C(), P), isinstance(1, P)",
    ),
    "generic": of(
        "import typing\nT = typing.TypeVar('T')\nclass Box(typing.Generic[T]):\n"
        "    def __init__(s, x): s.x = x\nclass IntBox(Box[int]): pass",
        "IntBox(3).x",
        "str(typing.get_args(Box[int]))",
    ),
    "generic_695": of("class Box[T]:\n    def __init__(s, x: T): s.x = x", "Box[int](3).x"),
    "slots": of("class C:\n    __slots__ = ('a', 'b')\n    def __init__(s): s.a = 1", "C().a"),
    "private_slots": of(
        "class C:\n    __slots__ = ('__p',)\n    def __init__(s): s.__p = 4\n    def m(s): return s.__p",
        "C().m()",
        "hasattr(C(), '__dict__')",
    ),
    "slots_text": of("class C:\n    __slots__ = 'a'\n    def __init__(s): s.a = 1", "C().a"),
    "property": of(
        "class C:\n    def __init__(s): s._x = 1\n    @property\n    def x(s): return s._x\n"
        "    @x.setter\n    def x(s, v): s._x = v * 2\ndef f():\n    c = C(); c.x = 4; return c.x",
        "f()",
    ),
    "static": of("class C:\n    @staticmethod\n    def m(x): return x * 2", "C.m(3)"),
    "class_method": of(
        "class C:\n    k = 3\n    @classmethod\n    def m(cls): return cls.k", "C.m()"
    ),
    "nested": of(
        "class A:\n    class B:\n        x = 1\n        class C:\n            y = 2",
        "A.B.x, A.B.C.y",
    ),
    "nested_instance": of("class A:\n    class B:\n        x = 1\ndef f(): return A.B().x", "f()"),
    "descriptor": of(
        "class D:\n    def __set_name__(s, o, n): s.n = n\n    def __get__(s, i, o): return s.n\n"
        "class C:\n    field = D()",
        "C().field",
    ),
    "init_subclass": of(
        "class P:\n    reg = {}\n    def __init_subclass__(cls, key): P.reg[key] = cls\n"
        "class A(P, key='a'):\n    v = 1",
        "P.reg['a'].v, P.reg['a'] is A",
        "list(P.reg)",
    ),
    "init_subclass_state": of(
        "class P:\n    n = 0\n    def __init_subclass__(cls, **kw): P.n += 1\n"
        "class A(P): pass\nclass B(P): pass",
        "P.n, A.n, B.n",
    ),
    "class_getitem": of("class C:\n    def __class_getitem__(cls, k): return k", "C[3]"),
    "own_new": of(
        "class C:\n    def __new__(cls, n):\n        o = super().__new__(cls); o.n = n; return o",
        "C(2).n",
    ),
    "callable": of("class C:\n    def __call__(s): return 8\nc = C()", "c()"),
    "getattr": of("class C:\n    def __getattr__(s, n): return n", "C().abc"),
    "hash_none": of("class C:\n    def __eq__(s, o): return True", "C.__hash__ is None, C() == 1"),
    "operators": of(
        "class V:\n    def __init__(s, n): s.n = n\n    def __add__(s, o): return s.n + o.n\n"
        "    def __len__(s): return s.n\n    def __getitem__(s, i): return s.n * i",
        "V(1) + V(2), len(V(3)), V(2)[4]",
    ),
    "exception": of(
        "class Odd(Exception):\n    def __init__(s, a, b):\n        super().__init__(f'{a}-{b}')\n        s.a = a\n"
        "def f():\n    try: raise Odd(1, 2)\n    except Odd as e: return str(e), e.a",
        "f()",
    ),
    "list_subclass": of("class L(list):\n    def total(s): return sum(s)", "L([1, 2]).total()"),
    "dict_subclass": of("class D(dict):\n    def __missing__(s, k): return k", "D()['x']"),
    "int_subclass": of("class I(int):\n    def twice(s): return s * 2", "I(4).twice()"),
    "class_refers_to_itself": of("class N:\n    pass\nN.root = N()", "type(N.root) is N"),
    "classes_refer_to_each_other": of(
        "class A: pass\nclass B(A): pass\nA.kinds = [B]\nB.parent = A",
        "A.kinds[0] is B, B.parent is A",
    ),
    "class_decorator": of(
        "def tag(cls):\n    cls.tag = 't'\n    return cls\n@tag\nclass C: pass", "C.tag"
    ),
    "doc_of_class": of("class C:\n    'words'", "C.__doc__, C.__name__"),
    "type_call": of("C = type('C', (), {'x': 1})", "C.x"),
}

LIBRARY = {
    "dataclass": of(
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: int\n    y: list = "
        "dataclasses.field(default_factory=list)",
        "D(1)",
        "dataclasses.asdict(D(2, [3]))",
        "[f.default is dataclasses.MISSING for f in dataclasses.fields(D)]",
    ),
    "dataclass_slots": of(
        "import dataclasses\n@dataclasses.dataclass(slots=True)\nclass D:\n    x: int\n    y: int = 3",
        "D(1)",
        "hasattr(D(1), '__dict__')",
    ),
    "dataclass_frozen": of(
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass D:\n    x: int",
        "hash(D(1)) == hash(D(1))",
    ),
    "dataclass_frozen_slots": of(
        "import dataclasses\n@dataclasses.dataclass(frozen=True, slots=True)\nclass D:\n    x: int",
        "D(4).x",
    ),
    "dataclass_kw_only": of(
        "import dataclasses\n@dataclasses.dataclass(kw_only=True)\nclass D:\n    x: int = 1",
        "D(x=2)",
    ),
    "dataclass_order": of(
        "import dataclasses\n@dataclasses.dataclass(order=True)\nclass D:\n    x: int",
        "D(1) < D(2)",
    ),
    "dataclass_init_var": of(
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: dataclasses.InitVar[int]\n    y: int = 0\n"
        "    def __post_init__(s, x): s.y = x + 1",
        "D(1).y",
    ),
    "dataclass_class_var": of(
        "import dataclasses, typing\n@dataclasses.dataclass\nclass D:\n    k: typing.ClassVar[int] = 3\n    x: int = 1",
        "D.k, D().x",
    ),
    "dataclass_inherited": of(
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\n@dataclasses.dataclass\nclass B(A):\n    y: int",
        "B(1, 2)",
    ),
    "dataclass_replace": of(
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: int\n    y: int = 2",
        "dataclasses.replace(D(1), y=5)",
    ),
    "named_tuple": of(
        "import typing\nclass P(typing.NamedTuple):\n    x: int\n    y: int = 2\n    def s(self): return self.x + self.y",
        "P(1)",
        "P(1).s()",
        "P(1)._replace(x=4)",
    ),
    "namedtuple": of(
        "import collections\nP = collections.namedtuple('P', 'x y', defaults=[7])",
        "P(1)",
        "P(1)._asdict()",
    ),
    "named_tuple_subclass": of(
        "import collections\nclass P(collections.namedtuple('P', 'x y')):\n    __slots__ = ()\n    def s(s): return s.x",
        "P(1, 2).s()",
    ),
    "typed_dict": of(
        "import typing\nclass T(typing.TypedDict):\n    a: int", "T(a=1)", "T.__total__"
    ),
    "new_type": of(
        "import typing\nUser = typing.NewType('User', int)\ndef f(n): return User(n)", "f(3)"
    ),
    "type_alias": of("type Pair = tuple[int, int]\ndef f() -> Pair: return 1, 2", "f()"),
    "type_alias_value": of("type Pair = tuple[int, int]", "str(Pair.__value__)"),
    "union": of("import typing\nU = int | str\ndef f(x): return isinstance(x, U)", "f(1), f(None)"),
    "enum": of(
        "import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2", "E.A.name, E(2).name, len(E)"
    ),
    "enum_attributes": of(
        "import enum\nclass E(enum.Enum):\n    A = (1, 'a')\n    B = (2, 'b')\n    def __init__(s, n, t): s.n, s.t = n, t",
        "E.A.t, E.B.n",
        "E((1, 'a')) is E.A",
    ),
    "enum_new": of(
        "import enum\nclass E(enum.Enum):\n    def __new__(cls, v, d):\n        o = object.__new__(cls)\n"
        "        o._value_ = v; o.d = d\n        return o\n    A = 1, 'one'",
        "E.A.value, E.A.d, E(1) is E.A",
    ),
    "enum_auto": of(
        "import enum\nclass E(enum.Enum):\n    A = enum.auto()\n    B = enum.auto()", "E.B.value"
    ),
    "enum_methods": of(
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def m(s): return s.value + 1\n    @property\n    def p(s): return s.name",
        "E.A.m(), E.A.p",
    ),
    "int_enum": of("import enum\nclass E(enum.IntEnum):\n    A = 3", "E.A + 1, E(3) is E.A"),
    "str_enum": of("import enum\nclass E(enum.StrEnum):\n    A = 'a'", "E.A + 'b', str(E.A)"),
    "flag": of(
        "import enum\nclass F(enum.Flag):\n    A = 1\n    B = 2",
        "(F.A | F.B).value, F.A in (F.A | F.B)",
    ),
    "int_flag_odd": of(
        "import enum\nclass F(enum.IntFlag):\n    A = 1\n    B = 2\n    BOTH = 3\n    FAR = 96",
        "F.BOTH, int(F.FAR), F.A | 64",
    ),
    "enum_alias": of("import enum\nclass E(enum.Enum):\n    A = 1\n    ALSO = 1", "E.ALSO is E.A"),
    "enum_dataclass": of(
        "import dataclasses, enum\n@dataclasses.dataclass\nclass M:\n    n: int\nclass E(M, enum.Enum):\n    A = 4",
        "E.A.n, E.A.name",
    ),
    "enum_nested": of(
        "import enum\nclass C:\n    class E(enum.Enum):\n        A = 1", "C.E.A.value"
    ),
    "enum_functional": of("import enum\nE = enum.Enum('E', 'A B')", "E.B.value"),
    "counter_object": of(
        "import itertools\nC = {'n': 0}\ndef f():\n    C['n'] += 1\n    return C['n']", "f()", "f()"
    ),
    "mapping_proxy": of("import types\nM = types.MappingProxyType({'a': 1})", "M['a']"),
    "weak_dictionary": of("import weakref\nW = weakref.WeakValueDictionary()", "len(W)"),
    "decimal": of("from decimal import Decimal\nD = Decimal('1.5')", "D * 2"),
    "path": of("import pathlib\nP = pathlib.PurePosixPath('/a') / 'b'", "str(P)"),
    "date": of("import datetime\nD = datetime.date(2020, 1, 2)", "D.year"),
    "fraction": of("from fractions import Fraction\nF = Fraction(1, 3)", "F + F"),
    "default_dict": of("import collections\nD = collections.defaultdict(list)", "D['x'], len(D)"),
    "simple_namespace": of("import types\nN = types.SimpleNamespace(a=1)", "N.a"),
    "instance_of_own": of(
        "class C:\n    def __init__(s): s.x = 1\nobj = C()", "obj.x, type(obj) is C"
    ),
}

DEFINITIONS = FUNCTIONS | DECORATED | CLASSES | LIBRARY
