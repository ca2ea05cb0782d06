"""Modules that a worker's import system does not find: it gets them from the sender's files."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import atoll
from atoll import interpreters

SOURCE = """
import copyreg

from . import helper

LIMIT = 3

def double(n):
    return helper.FACTOR * n

class Plain:
    def __init__(self, n):
        self.n = n
    def get(self):
        return self.n + LIMIT

class Reduced:
    def __init__(self, n):
        self.n = n
    def __reduce__(self):
        return Reduced, (self.n + 1,)

def loaded_from():
    return __name__, __file__
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[ModuleType]:
    """A module below a package without a file, as pytest and plug-in loaders make them."""
    (tmp_path / "helper.py").write_text("FACTOR = 2\n")
    (tmp_path / "tool.py").write_text(SOURCE)
    sys.modules["atoll_plugins"] = package = ModuleType("atoll_plugins")
    package.__path__ = []
    names = []
    for name in ("helper", "tool"):
        full = f"atoll_plugins.{name}"
        spec = importlib.util.spec_from_file_location(full, tmp_path / f"{name}.py")
        assert spec
        assert spec.loader
        sys.modules[full] = module = importlib.util.module_from_spec(spec)
        setattr(package, name, module)
        names.append(full)
        spec.loader.exec_module(module)
    yield module
    for name in [*names, "atoll_plugins"]:
        del sys.modules[name]


def test_functions(plugin: ModuleType) -> None:
    with atoll.Pool(1) as pool:
        assert pool.run(plugin.double, 4) == 8
        assert pool.run(plugin.loaded_from) == ("atoll_plugins.tool", plugin.__file__)


def test_instances(plugin: ModuleType) -> None:
    with atoll.Pool(1) as pool:
        assert pool.run(plugin.Plain.get, plugin.Plain(4)) == 7
        back = pool.run(lambda each: each, plugin.Plain(4))
        assert type(back) is plugin.Plain


def test_pickles(plugin: ModuleType) -> None:
    with interpreters.create() as interpreter:
        back = interpreter.call(lambda each: each, plugin.Reduced(4))
        assert type(back) is plugin.Reduced
        assert back.n == 6  # once there, once back


def test_imports_in_the_worker_find_them(plugin: ModuleType) -> None:
    with interpreters.create() as interpreter:
        interpreter.call(plugin.double, 1)
        interpreter.exec("from atoll_plugins.helper import FACTOR; assert FACTOR == 2")


def test_another_package_of_that_name_comes_first(
    plugin: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "path" / "atoll_plugins"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("MINE = True\n")
    monkeypatch.syspath_prepend(package.parent)
    with interpreters.create() as interpreter:
        assert interpreter.call(plugin.double, 4) == 8
        interpreter.exec("import atoll_plugins; assert atoll_plugins.MINE")


def test_a_file_that_is_gone_is_named_as_a_missing_module(plugin: ModuleType) -> None:
    assert plugin.__file__
    Path(plugin.__file__).unlink()
    with (
        interpreters.create() as interpreter,
        pytest.raises(Exception, match=r"No module named 'atoll_plugins\.tool'"),
    ):
        interpreter.call(plugin.double, 4)


def test_other_missing_modules_are_missing(plugin: ModuleType) -> None:
    with interpreters.create() as interpreter:
        interpreter.call(plugin.double, 1)
        for name in ("atoll_plugins.nothing", "nothing_of_that_name"):
            with pytest.raises(interpreters.ExecutionFailed, match=f"No module named '{name}'"):
                interpreter.exec(f"import {name}")


def test_what_was_imported_after_the_path_had_been_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "atoll_late_helper.py").write_text("def triple(n):\n    return 3 * n\n")
    with atoll.Pool(1) as pool:
        pool.run(abs, 1)  # the worker has its path
        monkeypatch.syspath_prepend(tmp_path)
        helper = importlib.import_module("atoll_late_helper")
        try:
            assert pool.run(helper.triple, 2) == 6
        finally:
            del sys.modules["atoll_late_helper"]
