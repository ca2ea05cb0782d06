"""The script behind ``__main__``: which of its definitions another interpreter can make itself.

A script that guards what starts the program (``if __name__ == "__main__":``) may be run again under
another name: that is what it is written for. Its source is compiled once, here, and the code is
what others run, so a file that changes or goes away meanwhile is no matter. All other programs (no
file, no guard) send their definitions by value.
"""

import builtins
import functools
import io
import marshal
import os
import sys
import types
from _thread import RLock


class Script:
    """What a ``__main__`` is made of. `code` is marshalled; empty: everything goes by value."""

    def __init__(self, module, is_unchanged):
        self.module = module
        self.globals = vars(module)
        self.file = text_of(self.globals.get("__file__"))
        self.package = text_of(self.globals.get("__package__"))
        self.code = b""
        self.made = frozenset()  # names that every run of the script binds
        self.later = frozenset()  # those that it binds behind the guard
        self.changing = frozenset()  # those that its functions bind
        self.codes = {}  # by qualified name
        self.source = ""  # where the file cannot be read
        source = source_of(module) if self.file and is_unchanged else None
        if source is not None:
            self._examine(source)
            if self.code and not os.path.isfile(self.file):
                self.source = source

    def _examine(self, source):
        # What `ast` is made of; that takes longer to import than a script to analyse.
        import _ast as ast

        try:
            tree = compile(source, self.file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
            guards = [node for node in tree.body if is_guard(ast, node)]
            if not guards:
                return
            code = compile(source, self.file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return
        guarded = [statement for node in guards for statement in node.body]
        open_ = [node for node in tree.body if node not in guards]
        open_ += [statement for node in guards for statement in node.orelse]
        self.made = bindings(ast, open_)
        self.later = bindings(ast, guarded)
        self.changing = frozenset(
            name
            for node in walk(ast, [tree])
            if isinstance(node, ast.Global)
            for name in node.names
        )
        for each in all_codes(code):
            self.codes.setdefault(each.co_qualname, []).append(each)
        # Another text would give other definitions: a silent mixture.
        if all(self._is_known(value) for value in list(self.globals.values())):
            self.code = marshal.dumps(code)

    def _is_known(self, value):
        own = own_functions(value, self.globals)
        return all(self._has_code(each) for each in own if each.__code__.co_filename == self.file)

    def makes(self, name, value):
        """Whether running the script binds `name` to the like of `value`."""
        if not self.code or name in self.later or name in self.changing:
            return False
        if name not in self.made and "*" not in self.made:
            return False
        return all(map(self._has_code, own_functions(value, self.globals)))

    def _has_code(self, function):
        return function.__code__ in self.codes.get(function.__code__.co_qualname, ())

    def does_without(self, name):
        """Whether a global that cannot be sent is one that others make for themselves."""
        return bool(self.code) and (name in self.made or name in self.changing)


def text_of(value):
    return value if type(value) is str else ""


def source_of(module):
    """The text of the script as it is now, or None."""
    spec = getattr(module, "__spec__", None)
    loader = getattr(module, "__loader__", None)
    try:
        return loader.get_source(spec.name if spec else "__main__")
    except Exception:
        return None


def is_guard(ast, node):
    return isinstance(node, ast.If) and any(
        is_main_test(ast, each) for each in conditions(ast, node)
    )


def conditions(ast, node):
    both = isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
    return node.test.values if both else [node.test]


def is_main_test(ast, test):
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return False
    sides = [test.left, test.comparators[0]]
    return (
        isinstance(test.ops[0], ast.Eq)
        and any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
        and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
    )


def children(ast, node):
    for name in node._fields:
        value = getattr(node, name, None)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield each


def walk(ast, nodes):
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(children(ast, node))


def bindings(ast, statements):
    """The names that statements bind in their own scope; ``*``: names that are unknown."""
    found = set()
    inner = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, inner):
            found.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)) and node.name:
            found.add(node.name)
        waiting.extend(children(ast, node))
    return frozenset(found)


def all_codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from all_codes(constant)


def own_functions(value, space, seen=None):
    """The functions with these globals that a definition consists of."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, types.FunctionType):
        if value.__globals__ is space:
            yield value
        for content in map(contents_of, value.__closure__ or ()):
            if isinstance(content, types.FunctionType):
                yield from own_functions(content, space, seen)
    elif isinstance(value, type):
        if value.__module__ == space.get("__name__"):
            for part in vars(value).values():
                for function in bare(part):
                    yield from own_functions(function, space, seen)
    elif isinstance(getattr(value, "__wrapped__", None), types.FunctionType):
        yield from own_functions(value.__wrapped__, space, seen)


def contents_of(cell):
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return None


def bare(part):
    if isinstance(part, (classmethod, staticmethod)):
        return [part.__func__]
    if isinstance(part, property):
        return [part.fget, part.fset, part.fdel]
    if isinstance(part, functools.cached_property):
        return [part.func]
    return [part]


def names_used(value, space):
    """The globals that a definition reads."""
    names = set()
    for function in own_functions(value, space):
        names |= names_read(function.__code__)
    if isinstance(value, type):
        names.update(base.__name__ for base in value.__bases__)
    return sorted(name for name in names if name in space)


def run_script(module, code):
    """Fill a stand-in: run the script under the stand-in's name."""
    space = vars(module)
    space["__loading__"] = True
    try:
        exec(code, space)
    except SystemExit as error:
        raise RuntimeError(
            f"the script ends the process when it is run again (SystemExit: {error}): put what "
            "starts the program behind if __name__ == '__main__':"
        ) from error
    finally:
        space.pop("__loading__", None)


# --- lines of source -----------------------------------------------------------------------------


def source_for(code):
    """The text that code was compiled from, of a file that others cannot read; or empty."""
    import inspect

    # What the REPL and `-c` keep is found for functions, not for code.
    cells = tuple(types.CellType() for _ in code.co_freevars)
    try:
        function = types.FunctionType(code, vars(sys.modules["__main__"]), closure=cells)
        return "".join(inspect.findsource(function)[0])
    except Exception:
        return ""


def register_source(filename, text):
    import linecache

    # Without a time, so that it stays when files are looked at again.
    linecache.cache[filename] = len(text), None, text.splitlines(True), filename


# --- the modules ---------------------------------------------------------------------------------

#: Stand-ins of other interpreters' `__main__` by name.
stand_ins = {}


def name_of_home(home):
    """The module of a `__main__` here; the main interpreter's is called as CPython does it."""
    if home == OWN_ID:
        return "__main__"
    return "<fake __main__>" if home == 0 else f"<fake __main__ {home}>"


def find_home(module):
    """The interpreter whose `__main__` a module is, by its name or globals; or None."""
    if type(module) is str:
        if module == "__main__":
            return OWN_ID
        return homes.get(module)
    for each in own_modules():
        if vars(each) is module:
            return OWN_ID if each is sys.modules.get("__main__") else homes[each.__name__]
    return None


homes = {}


def own_modules():
    main = sys.modules.get("__main__")
    return [*stand_ins.values()] if main is None else [main, *stand_ins.values()]


def make_stand_in(home, file, package, source, code):
    name = name_of_home(home)
    module = types.ModuleType(name)
    if file:
        module.__file__ = file
    module.__package__ = package or None
    module.__builtins__ = builtins
    # Found by pickle and by dataclasses while the script runs, as a module should be.
    sys.modules[name] = stand_ins[name] = module
    homes[name] = home
    if source:
        register_source(file, source)
    try:
        if code:
            run_script(module, marshal.loads(code))
    except BaseException:
        del sys.modules[name], stand_ins[name], homes[name]
        raise
    return module


#: Modules that run_file() has made, by file.
files = {}


def run_file(file, package):
    """The module that a file makes, run once under the name that CPython gives it."""
    if file not in files:
        with io.open_code(file) as source:
            code = compile(source.read(), file, "exec", dont_inherit=True)
        module = types.ModuleType("<fake __main__>")
        module.__file__ = file
        module.__package__ = package or None
        former = sys.modules.get(module.__name__)
        sys.modules[module.__name__] = module
        try:
            run_script(module, code)
        except BaseException:
            del sys.modules[module.__name__]
            if former is not None:
                sys.modules[module.__name__] = former
            raise
        files[file] = module
    return files[file]


main_lock = RLock()
