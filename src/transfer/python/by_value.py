"""Functions and classes by value.

What a `__main__` holds under a name is sent as a reference to that name, and its value once per
interpreter (MainTable). What has no such name (lambdas, functions and classes inside of functions)
goes in the pickle that refers to it. Either way a function's globals are those of its `__main__` in
the receiver, and a class is put together as it is, without running its metaclass, its decorators or
`__init_subclass__` again: these have done their work where it comes from.
"""

import abc
import builtins
import collections
import functools
import io
import itertools
import pickle
import sys
import types
import weakref


class ByValue:
    """Reduces what pickle cannot, or finds by a name that the receiver does not have.

    `closures`: also what has no name. `root` is what a global of that `name` is bound to: it goes
    by that name, though its own may be another; without a name it goes by value.
    """

    def __init__(self, closures, root, name):
        self.closures = closures
        self.root = root
        self.name = name
        self.spaces = {}
        self.filled_cells = set()
        #: Enums under way: their members are parts of them.
        self.open_enums = (
            {root} if isinstance(root, type) and "_member_map_" in vars(root) else set()
        )

    def reduce(self, obj):
        kind = type(obj)
        if kind is types.FunctionType:
            return self.function(obj)
        if isinstance(obj, type):
            return self.class_(obj)
        how = NAMED.get((kind.__module__, kind.__qualname__))
        if how is not None:
            return self.named(obj) or (how(obj) if self.closures else NotImplemented)
        return self.other(obj, kind) if self.closures else NotImplemented

    def other(self, obj, kind):
        if kind is types.CodeType:
            return receive_code, (attach_code(obj),)
        if kind is types.CellType:
            return make_cell, ()
        if kind is object and obj is not self.root:
            return self.sentinel(obj)
        if kind in self.open_enums:
            return self.member(obj)
        if kind.__module__ == "dataclasses":
            return dataclass_sentinel(obj)
        if kind is types.MappingProxyType:
            return make_proxy, (dict(obj),)
        if kind in WEAK:
            return kind, (WEAK[kind](obj),)
        if kind is functools.partialmethod:
            return make_partial_method, (obj.func, obj.args, obj.keywords)
        return NotImplemented

    # Names.

    def named(self, obj):
        """A reference to what a `__main__` has under the object's own name, or None."""
        module = getattr(obj, "__module__", None)
        qualname = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
        if obj is self.root:
            return self.own_name() if self.name else None
        if type(module) is not str or type(qualname) is not str:
            return None
        home = find_home(module)
        if home is None or find_name(module, qualname) is not obj or self.is_part(qualname):
            return None
        return receive_definition, (home, qualname, refer(home, (qualname.partition(".")[0],)))

    def own_name(self):
        for module in own_modules():
            if vars(module).get(self.name) is self.root:
                home = find_home(vars(module))
                return receive_definition, (home, self.name, refer(home, (self.name,)))
        return None

    def is_part(self, qualname):
        """Whether that belongs to the function or class which is being sent."""
        whole = getattr(self.root, "__qualname__", None) if self.name else None
        return whole is not None and qualname.startswith(whole + ".")

    def sentinel(self, obj):
        """``_MISSING = object()`` is compared by identity: it has to be the global that it is."""
        for module in own_modules():
            for name, value in vars(module).items():
                if value is obj:
                    home = find_home(vars(module))
                    return receive_definition, (home, name, refer(home, (name,)))
        return NotImplemented

    # Functions.

    def function(self, function):
        if is_importable(function):
            return NotImplemented
        found = self.named(function)
        if found or not self.closures:
            return found or NotImplemented
        return self.function_by_value(function)

    def function_by_value(self, function):
        if function.__code__ is DISPATCHING_CODE:
            return self.dispatching(function)
        code = function.__code__
        cells = function.__closure__ or ()
        space, late = self.space_of(function)
        args = (
            space,
            code,
            function.__name__,
            function.__qualname__,
            module_there(function.__module__),
            cells,
            submodules_of(function),
        )
        contents = []
        for index, cell in enumerate(cells):
            if code.co_freevars[index] == "__classdict__":
                continue  # the namespace of a class, which set_class_state() fills in
            if id(cell) not in self.filled_cells:  # by another function that shares it
                self.filled_cells.add(id(cell))
                contents.append((index, self.cell_state(cell)))
        state = {
            "__defaults__": function.__defaults__,
            "__kwdefaults__": function.__kwdefaults__,
            "__doc__": function.__doc__,
            "__dict__": function.__dict__,
            "__type_params__": function.__type_params__,
            **annotations_of(function),
        }
        return make_function, args, (contents, late, state), None, None, set_function_state

    @staticmethod
    def cell_state(cell):
        try:
            return (cell.cell_contents,)
        except ValueError:  # empty
            return ()

    def space_of(self, function):
        """What the receiver takes for the function's globals, and what it adds to them later."""
        space = function.__globals__
        home = find_home(space)
        needs = tuple(sorted(name for name in names_read(function.__code__) if name in space))
        if home is not None:
            return Space(home, refer(home, needs + soft_needs(function))), None
        module = sys.modules.get(space.get("__name__"))
        if module is not None and getattr(module, "__dict__", None) is space:
            return LibrarySpace(space["__name__"]), None
        # Of exec(): one dict for all functions that share it.
        own = self.spaces.setdefault(id(space), {"__name__": space.get("__name__", "__main__")})
        return own, {name: space[name] for name in needs}

    def dispatching(self, function):
        registry = dict(function.registry)
        generic = registry.pop(object)
        return make_dispatching, (generic,), (registry,), None, None, set_dispatching

    # Classes.

    def class_(self, cls):
        if cls.__module__ == "builtins":
            return builtin_type(cls) if self.closures else NotImplemented
        if is_importable(cls):
            return NotImplemented
        found = self.named(cls)
        if found or not self.closures:
            return found or NotImplemented
        return self.class_by_value(cls)

    def class_by_value(self, cls):
        key = key_of(cls)
        space = vars(cls)
        if cls.__bases__ == (tuple,) and hasattr(cls, "_field_defaults"):
            defaults = tuple(cls._field_defaults.values())
            args = (cls.__name__, cls._fields, defaults, module_there(cls.__module__))
            plain = collections.namedtuple(cls.__name__, cls._fields)
            state = {
                n: v for n, v in space.items() if n not in vars(plain) and not is_made_anew(n, v)
            }
            state.update(annotations_of(cls, space), __qualname__=cls.__qualname__)
            make = make_named_tuple, (key, *args)
        else:
            begin = {
                name: space[name]
                for name in ("__slots__", "__firstlineno__", "__static_attributes__")
                if name in space
            }
            begin["__module__"] = module_there(cls.__module__)
            begin["__qualname__"] = cls.__qualname__
            if isinstance(begin.get("__slots__"), str):
                begin["__slots__"] = (begin["__slots__"],)
            elif "__slots__" in begin:
                begin["__slots__"] = tuple(begin["__slots__"])
            make = make_class, (key, type(cls), cls.__name__, cls.__bases__, begin)
            state = {n: v for n, v in space.items() if n not in begin and not is_made_anew(n, v)}
            state.update(annotations_of(cls, space))
            abstract = getattr(cls, "__abstractmethods__", None)
            if isinstance(cls, abc.ABCMeta) and abstract:
                state["__abstractmethods__"] = abstract
            if isinstance(cls, abc.ABCMeta):
                state[REGISTERED] = registered_with(cls)
        if "_member_map_" in space:
            self.open_enums.add(cls)
        return *make, (key, state), None, None, set_class_state

    @staticmethod
    def member(member):
        cls = type(member)
        base = cls._member_type_
        args = ()
        if hasattr(base, "__getnewargs__"):
            args = base.__getnewargs__(member)
        elif base is not object and base.__reduce_ex__ is not object.__reduce_ex__:
            args = base.__reduce_ex__(member, 4)[1]
        return make_member, (cls, *args), dict(vars(member)), None, None, set_member_state


class Space:
    """Stands for the globals of a `__main__` in a pickle, once per reference."""

    def __init__(self, home, index):
        self.ids = home, index

    def __reduce__(self):
        return receive_globals, self.ids


class LibrarySpace:
    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return library_globals, (self.name,)


def module_there(module):
    home = find_home(module) if type(module) is str else None
    return module if home is None else home


def is_importable(obj):
    """Whether the receiver finds it by importing its module."""
    module = obj.__module__
    if type(module) is not str or find_home(module) is not None:
        return False
    return module in sys.modules and find_name(module, obj.__qualname__) is obj


def builtin_type(cls):
    """Types that call themselves builtins, but are found in `types` only."""
    if getattr(builtins, cls.__qualname__, None) is not cls:
        for name, value in vars(types).items():
            if value is cls:
                return getattr, (types, name)
    return NotImplemented


def find_name(module, qualname):
    found = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def soft_needs(function):
    """Globals that only annotations use: are sent where they can be. Marked by a ``?``."""
    annotate = getattr(function, "__annotate__", None)
    code = getattr(annotate, "__code__", None)
    return tuple(f"?{name}" for name in sorted(names_read(code))) if code else ()


def annotations_of(obj, space=None):
    """What the object says of its annotations, without evaluating them."""
    annotate = getattr(obj, "__annotate__", None)
    if annotate is not None and sys.version_info >= (3, 14):
        return {"__annotate__": annotate}
    if space is not None and "__annotations__" not in space:
        return {}
    return {"__annotations__": obj.__annotations__} if hasattr(obj, "__annotations__") else {}


def submodules_of(function):
    """Modules that ``import a.b`` has put into a package that the function uses."""
    found = []
    parts = set(function.__code__.co_names)
    for name in names_read(function.__code__):
        package = function.__globals__.get(name)
        if isinstance(package, types.ModuleType) and hasattr(package, "__path__"):
            prefix = package.__name__ + "."
            found += [
                each
                for each in list(sys.modules)
                if each.startswith(prefix) and parts.issuperset(each[len(prefix) :].split("."))
            ]
    return tuple(sorted(found))


#: What a class gets by itself, or what belongs to one interpreter.
MADE_ANEW = {
    "__dict__",
    "__weakref__",
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__abstractmethods__",
    "_abc_impl",
}


#: In the state of an abstract class: what was registered with it, which is in no attribute.
REGISTERED = "<registered>"


def registered_with(cls):
    found = (reference() for reference in abc._get_dump(cls)[0])
    return [each for each in found if each is not None]


def is_made_anew(name, value):
    return name in MADE_ANEW or isinstance(
        value, (types.MemberDescriptorType, types.GetSetDescriptorType)
    )


#: Objects that pickle finds by their name only, by the name of their type.
NAMED = {
    ("functools", "_lru_cache_wrapper"): lambda cached: (
        make_cached,
        (cached.__wrapped__, cached.cache_parameters()),
        {n: v for n, v in vars(cached).items() if n not in ("cache_parameters", "__wrapped__")},
    ),
    ("typing", "NewType"): lambda kind: (
        make_new_type,
        (kind.__name__, kind.__supertype__, module_there(kind.__module__)),
    ),
    ("typing", "TypeVar"): lambda var: (make_type_var, (type_var_of(var),)),
    ("typing", "ParamSpec"): lambda var: (
        make_param_spec,
        (var.__name__, module_there(var.__module__)),
    ),
    ("typing", "TypeVarTuple"): lambda var: (
        make_type_var_tuple,
        (var.__name__, module_there(var.__module__)),
    ),
    ("typing", "TypeAliasType"): lambda alias: (
        make_alias,
        (alias.__name__, alias.__value__, alias.__type_params__),
    ),
}


def dataclass_sentinel(obj):
    """``MISSING`` and the like, which code compares by identity."""
    for name, value in vars(sys.modules["dataclasses"]).items():
        if value is obj:
            return dataclass_part, (name,)
    return NotImplemented


WEAK = {
    weakref.WeakKeyDictionary: dict,
    weakref.WeakValueDictionary: dict,
    weakref.WeakSet: list,
}

DISPATCHING_CODE = functools.singledispatch(lambda _: None).__code__


def type_var_of(var):
    return {
        "name": var.__name__,
        "module": module_there(var.__module__),
        "constraints": var.__constraints__,
        "bound": var.__bound__,
        "covariant": var.__covariant__,
        "contravariant": var.__contravariant__,
        "infer_variance": var.__infer_variance__,
    }


# --- in the receiver -----------------------------------------------------------------------------


def make_function(space, code, name, qualname, module, cells, imports):
    for each in imports:
        __import__(each)
    function = types.FunctionType(code, space, name, None, cells or None)
    function.__qualname__ = qualname
    function.__module__ = module_here(module)
    return function


def module_here(module):
    """The name here of a module by its name, or by its home where it is a `__main__`."""
    return module if type(module) is str else name_of_home(module)


def set_function_state(function, state):
    contents, late, attributes = state
    if late:
        function.__globals__.update(late)
    for index, content in contents:
        if content:
            function.__closure__[index].cell_contents = content[0]
    function.__dict__.update(attributes.pop("__dict__"))
    for name, value in attributes.items():
        setattr(function, name, value)


def library_globals(name):
    __import__(name)
    return vars(sys.modules[name])


def make_cell():
    return types.CellType()


def make_proxy(mapping):
    return types.MappingProxyType(mapping)


def make_partial_method(function, args, keywords):
    return functools.partialmethod(function, *args, **keywords)


def make_dispatching(generic):
    return functools.singledispatch(generic)


def set_dispatching(function, state):
    for kind, implementation in state[0].items():
        function.register(kind, implementation)


def make_cached(function, parameters):
    return functools.lru_cache(**parameters)(function)


def make_new_type(name, supertype, module):
    import typing

    kind = typing.NewType(name, supertype)
    kind.__module__ = module_here(module)
    return kind


def make_type_var(of):
    import typing

    var = typing.TypeVar(
        of["name"],
        *of["constraints"],
        bound=of["bound"],
        covariant=of["covariant"],
        contravariant=of["contravariant"],
        infer_variance=of["infer_variance"],
    )
    return with_module(var, of["module"])


def make_param_spec(name, module):
    import typing

    return with_module(typing.ParamSpec(name), module)


def make_type_var_tuple(name, module):
    import typing

    return with_module(typing.TypeVarTuple(name), module)


def with_module(var, module):
    try:
        var.__module__ = module_here(module)
    except AttributeError:  # of 3.12's syntax for generics
        pass
    return var


def make_alias(name, value, parameters):
    import typing

    return typing.TypeAliasType(name, value, type_params=parameters)


def dataclass_part(name):
    import dataclasses

    return getattr(dataclasses, name)


# Classes without a name of their own are known by a number, in all interpreters.

own_keys = {}  # id of a class: (weak reference to it, key)
classes_by_key = {}  # key: weak reference
complete = set()  # keys of classes that have their state
new_key = itertools.count().__next__


def key_of(cls):
    known = own_keys.get(id(cls))
    if known and known[0]() is cls:
        return known[1]
    key = (OWN_ID, new_key())
    note_class(key, cls)
    complete.add(key)
    return key


def note_class(key, cls):
    number = id(cls)

    def forget(_):
        own_keys.pop(number, None)
        classes_by_key.pop(key, None)
        complete.discard(key)

    reference = weakref.ref(cls, forget)
    own_keys[id(cls)] = reference, key
    classes_by_key[key] = reference


def class_by_key(key):
    known = classes_by_key.get(key)
    return known() if known else None


def make_quietly(new, metaclass, name, bases, begin):
    """Makes a class without running its bases' ``__init_subclass__`` again.

    No Python code runs while these have object's, which does nothing.
    """
    quiet = vars(object)["__init_subclass__"]
    former = [(each, vars(each)["__init_subclass__"]) for each in with_init_subclass(bases)]
    for each, _ in former:
        type.__setattr__(each, "__init_subclass__", quiet)
    try:
        return new(metaclass, name, bases, begin)
    finally:
        for each, own in former:
            type.__setattr__(each, "__init_subclass__", own)


def make_class(key, metaclass, name, bases, begin):
    known = class_by_key(key)
    if known is not None:
        return known
    begin["__module__"] = module_here(begin["__module__"])
    new = abc.ABCMeta.__new__ if issubclass(metaclass, abc.ABCMeta) else type.__new__
    cls = make_quietly(new, metaclass, name, bases, begin)
    note_class(key, cls)
    return cls


def with_init_subclass(bases):
    """The classes whose ``__init_subclass__`` a new class with these bases may run."""
    met = dict.fromkeys(each for base in bases for each in base.__mro__)
    return [
        each
        for each in met
        if each is not object and "__init_subclass__" in vars(each) and each.__module__ != "enum"
    ]


def make_named_tuple(key, name, fields, defaults, module):
    known = class_by_key(key)
    if known is not None:
        return known
    cls = collections.namedtuple(name, fields, defaults=defaults, module=module_here(module))
    note_class(key, cls)
    return cls


def set_class_state(cls, state):
    key, attributes = state
    if key in complete:
        return
    complete.add(key)
    for registered in attributes.pop(REGISTERED, ()):
        cls.register(registered)
    for name, value in attributes.items():
        type.__setattr__(cls, name, value)
    for value in attributes.values():
        for function in bare(value):
            fill_class_dict(function, cls)
            fill_class_dict(getattr(function, "__annotate__", None), cls)


def fill_class_dict(function, cls):
    """Gives code that evaluates annotations (3.14) the names of the class around it."""
    names = function.__code__.co_freevars if isinstance(function, types.FunctionType) else ()
    if "__classdict__" in names:
        function.__closure__[names.index("__classdict__")].cell_contents = dict(vars(cls))


def make_member(cls, *args):
    return cls._member_type_.__new__(cls, *args)


def set_member_state(member, state):
    member.__dict__.update(state)


# --- the pickler ---------------------------------------------------------------------------------


@functools.cache
def pickler_type(reducers, closures):
    table = reducers
    if closures:
        import cloudpickle

        class Table:
            def __getitem__(self, kind):
                if kind is io.TextIOWrapper:
                    return reduce_stream
                try:
                    return reducers[kind]
                except KeyError:
                    return cloudpickle.Pickler.dispatch_table[kind]

        table = Table()

    class Pickler(pickle.Pickler):
        dispatch_table = table

        def __init__(self, file, buffer_callback, how):
            super().__init__(file, 5, buffer_callback=buffer_callback)
            self.reducer_override = how.reduce

    return Pickler


def reduce_stream(stream):
    # cloudpickle would send the contents of a file that is read.
    for name in ("stdin", "stdout", "stderr"):
        if stream is getattr(sys, name):
            return getattr, (sys, name)
    raise TypeError(f"cannot pickle '{type(stream).__name__}' object")


def dump_by_value(obj, reducers, buffer_callback, whole, closures, root, name):
    """Pickles with definitions of a `__main__` as references; with `closures`, others by value."""
    file = io.BytesIO()
    how = ByValue(closures, root, name)
    pickler = pickler_type(reducers, closures)(file, buffer_callback, how)
    return dump_with(pickler, file, obj, whole)


class Made:
    """Stands in a pickle for what a function makes."""

    def __init__(self, function, args):
        self.made = function, args

    def __reduce__(self):
        return self.made


def split(definition, name):
    """A function or class of a `__main__` in two: what makes it, and then what gives it its state.

    The state may refer to other definitions, which may refer to this one: by then all are made.
    """
    how = ByValue(True, definition, name)
    if isinstance(definition, type):
        reduced = how.class_by_value(definition)
    else:
        reduced = how.function_by_value(definition)
    make, args, state, _, _, set_state = reduced
    return Made(make, args), Made(pair, (set_state, state))


def pair(*items):
    return items
