"""Which modules get a private copy, and what such a copy is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from atoll import interpreters
from tests.python.extensions.conftest import (
    COMMON,
    DECLARED,
    SINGLE_PHASE,
    SLOTS_ONLY,
    UNDECLARED,
    Build,
    at_once,
    needs_private_copies,
)

pytestmark = needs_private_copies


def import_in(interpreter: interpreters.Interpreter, name: str) -> tuple[int, int, bool]:
    """The second of two bumps, where the module was initialised, whether it is a copy."""
    tx, rx = __import__("atoll").channel(1)
    interpreter.prepare_main(tx=tx)
    interpreter.exec(
        f"import {name} as m; m.bump(); "
        "tx.send((m.bump(), m.home(), hasattr(m.__loader__, '_atoll_private')))"
    )
    received: tuple[int, int, bool] = rx.recv()
    return received


@pytest.mark.parametrize(
    ("name", "source", "private"),
    [
        ("atoll_single", SINGLE_PHASE, True),
        ("atoll_undeclared", UNDECLARED, True),
        ("atoll_declared", DECLARED, False),
    ],
)
def test_what_is_copied(build: Build, name: str, source: str, private: bool) -> None:
    build(name, source)
    made = [interpreters.create() for _ in range(2)]
    try:
        found = [import_in(each, name) for each in made]
    finally:
        for each in made:
            each.close()
    # Each copy has its statics to itself, and is initialised where it is used.
    assert found[0] == (2, made[0].id, private)
    assert found[1] == (2 if private else 4, made[1].id, private)


def test_one_that_may_make_a_module_is_asked_in_a_copy(build: Build) -> None:
    both = "PyObject *unused(void) { static struct PyModuleDef d = {PyModuleDef_HEAD_INIT}; "
    both += "return PyModule_Create(&d); }"
    build("atoll_both_declared", DECLARED + both)
    build("atoll_both", UNDECLARED + both)
    with interpreters.create() as interpreter:
        assert import_in(interpreter, "atoll_both_declared") == (2, interpreter.id, False)
        assert import_in(interpreter, "atoll_both") == (2, interpreter.id, True)


@pytest.mark.skipif(sys.version_info < (3, 15), reason="3.15 has such modules")
def test_modules_without_an_init_function(build: Build) -> None:
    declared = "PySlot_DATA(Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED),"
    build("atoll_slots", SLOTS_ONLY.replace("SLOTS", ""))
    build("atoll_slots_declared", SLOTS_ONLY.replace("SLOTS", declared))
    made = [interpreters.create() for _ in range(2)]
    try:
        for count, each in zip((2, 4), made, strict=True):
            assert import_in(each, "atoll_slots") == (2, each.id, True)
            assert import_in(each, "atoll_slots_declared") == (count, each.id, False)
    finally:
        for each in made:
            each.close()


def test_all_are_copied_if_asked_for(build: Build) -> None:
    build("atoll_declared_too", DECLARED)
    with interpreters.create(extensions="private") as interpreter:
        assert import_in(interpreter, "atoll_declared_too") == (2, interpreter.id, True)
        interpreter.exec(
            "import _json, _struct; assert not hasattr(_json.__loader__, '_atoll_private')"
        )


def test_single_phase_modules_are_made_once(build: Build) -> None:
    build("atoll_once", SINGLE_PHASE)
    with interpreters.create() as interpreter:
        interpreter.exec("""
import sys
import atoll_once as first
assert first.inits == 1 and first.__name__ == "atoll_once" and first.__file__
del sys.modules["atoll_once"]
import atoll_once as again
assert again.inits == 1 and again.bump() == 1
""")


def test_many_interpreters_in_turn(build: Build) -> None:
    build("atoll_turns", SINGLE_PHASE)
    for _ in range(20):
        interpreter = interpreters.create()
        assert import_in(interpreter, "atoll_turns") == (2, interpreter.id, True)
        interpreter.close()


@pytest.mark.parametrize(
    ("suffix", "folder"), [(".abi3.so", "."), (".so", "."), (None, "atoll_namespace/inner")]
)
def test_names_and_places(build: Build, suffix: str | None, folder: str) -> None:
    name = f"atoll_place_{abs(hash((suffix, folder)))}"
    path = build(name, SINGLE_PHASE, suffix=suffix, folder=folder)
    full = name if folder == "." else folder.replace("/", ".") + "." + name
    with interpreters.create() as interpreter:
        assert import_in(interpreter, full) == (2, interpreter.id, True)
        interpreter.exec(f"import {full} as m; assert m.__file__ == {str(path)!r}, m.__file__")
        interpreter.exec(f"assert m.__name__ == {full!r}, m.__name__")


def test_a_file_that_is_replaced(build: Build) -> None:
    path = build("atoll_replaced", SINGLE_PHASE)
    first = interpreters.create()
    second = interpreters.create()
    try:
        assert import_in(first, "atoll_replaced")[2]
        newer = path.with_name("newer")
        built = build("atoll_replaced", DECLARED)
        built.rename(newer)
        newer.rename(path)
        assert import_in(second, "atoll_replaced") == (2, second.id, False)
        first.exec("assert m.bump() == 3")
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize(
    ("name", "init", "why"),
    [
        ("atoll_raises", 'PyErr_SetString(PyExc_OSError, "no luck"); return NULL;', "no luck"),
        ("atoll_null", "return NULL;", "returned NULL"),
        (
            "atoll_leaves",
            'PyObject *m = PyModule_Create(&def); PyErr_SetString(PyExc_OSError, "x"); return m;',
            "left an exception behind",
        ),
    ],
)
def test_init_functions_that_fail(build: Build, name: str, init: str, why: str) -> None:
    definition = (
        'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "NAME", NULL, -1, methods};'
    )
    path = build(name, COMMON + definition + "PyMODINIT_FUNC PyInit_NAME(void) {" + init + "}")
    with interpreters.create() as interpreter:
        with pytest.raises(interpreters.ExecutionFailed) as caught:
            interpreter.exec(f"import {name}")
        shown = caught.value.excinfo.errdisplay
        assert why in shown
        assert f"module {name}: a private copy of {path} cannot be used" in shown
        interpreter.exec(f"import sys; assert {name!r} not in sys.modules")
        interpreter.exec("import json, _struct")  # the check is as it was
        assert interpreter.is_running() is False


@pytest.mark.parametrize("kind", ["text", "truncated", "machine", "directory"])
@pytest.mark.parametrize("extensions", ["auto", "private"])
def test_files_that_are_no_extensions(build: Build, kind: str, extensions: str) -> None:
    name = f"atoll_{kind}"
    path = build(name, SINGLE_PHASE)
    content = path.read_bytes()
    path.unlink()
    if kind == "text":
        path.write_text("no ELF file")
    elif kind == "truncated":
        path.write_bytes(content[:300])
    elif kind == "machine":
        path.write_bytes(content[:18] + b"\x08\x00" + content[20:])  # MIPS
    else:
        path.mkdir()
    with interpreters.create(extensions=extensions) as interpreter:
        with pytest.raises(interpreters.ExecutionFailed, match="Error") as caught:
            interpreter.exec(f"import {name}")
        if kind != "directory":
            assert str(path) in caught.value.excinfo.errdisplay
            assert caught.value.excinfo.type.__name__ == "ImportError"
        interpreter.exec(f"import sys; assert not hasattr(sys.modules.get({name!r}), 'bump')")


CALLBACKS = (
    COMMON
    + """
#include <pthread.h>
static PyObject *function = NULL;
static void *work(void *unused) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyGILState_STATE inner = PyGILState_Ensure();
    PyObject *result = PyObject_CallNoArgs(function);
    Py_XDECREF(result);
    if (PyErr_Occurred()) PyErr_WriteUnraisable(function);
    PyGILState_Release(inner);
    PyGILState_Release(state);
    return NULL;
}
static PyObject *in_thread(PyObject *self, PyObject *given) {
    pthread_t thread;
    function = given;
    pthread_create(&thread, NULL, work, NULL);
    Py_BEGIN_ALLOW_THREADS
    pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}
static PyObject *reenter(PyObject *self, PyObject *given) {
    Py_BEGIN_ALLOW_THREADS
    function = given;
    work(NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}
static int pending(void *argument) {
    PyObject *result = PyObject_CallNoArgs((PyObject *)argument);
    if (!result) return -1;
    Py_DECREF(result);
    return 0;
}
static PyObject *later(PyObject *self, PyObject *given) {
    Py_INCREF(given);
    return PyLong_FromLong(Py_AddPendingCall(pending, given));
}
static PyObject *main_id(PyObject *self, PyObject *unused) {
    return PyLong_FromLongLong(PyInterpreterState_GetID(PyInterpreterState_Main()));
}
static PyMethodDef more[] = {
    {"in_thread", in_thread, METH_O, NULL}, {"reenter", reenter, METH_O, NULL},
    {"later", later, METH_O, NULL}, {"main_id", main_id, METH_NOARGS, NULL}, {NULL}};
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "NAME", NULL, -1, more};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModule_Create(&def); }
"""
)


def test_its_own_threads_enter_the_interpreter_that_it_is_for(build: Build) -> None:
    build("atoll_callbacks", CALLBACKS)

    def use() -> None:
        with interpreters.create() as interpreter:
            interpreter.exec("""
import atoll_callbacks, threading
from atoll import interpreters
own = interpreters.get_current().id
seen = []
def note(): seen.append((interpreters.get_current().id, threading.get_ident()))
for _ in range(200):
    atoll_callbacks.in_thread(note)
    atoll_callbacks.reenter(note)
assert {where for where, _ in seen} == {own}, seen
assert seen[1][1] == threading.get_ident() != seen[0][1]
assert atoll_callbacks.main_id() == own
""")

    at_once(3, use)


def test_pending_calls_run_in_the_interpreter_that_it_is_for(build: Build) -> None:
    build("atoll_pending", CALLBACKS)
    interpreter = interpreters.create()
    try:
        interpreter.exec("""
import atoll_pending, threading
from atoll import interpreters
done = threading.Event()
seen = []
def note():
    seen.append(interpreters.get_current().id)
    done.set()
assert atoll_pending.later(note) == 0
assert done.wait(60)
assert seen == [interpreters.get_current().id]
""")
    finally:
        interpreter.close()


class TestStore:
    """Where copies lie."""

    @staticmethod
    def load(name: str) -> None:
        with interpreters.create() as interpreter:
            assert import_in(interpreter, name) == (2, interpreter.id, True)

    @staticmethod
    def copies() -> list[Path]:
        return sorted((Path(os.environ["XDG_CACHE_HOME"]) / "atoll" / "extensions").iterdir())

    def test_they_are_made_once(self, build: Build, run_python: Any) -> None:
        path = build("atoll_stored", SINGLE_PHASE)
        program = (
            f"import sys; sys.path.insert(0, {str(path.parent)!r})\n"
            "from atoll import interpreters\n"
            "made = [interpreters.create() for _ in range(2)]\n"
            "for each in made: each.exec('import atoll_stored; atoll_stored.bump()')\n"
        )
        run_python("-c", program, check=True)
        first = {each: each.stat().st_ino for each in self.copies()}
        assert len(first) == 2
        run_python("-c", program, check=True)
        assert {each: each.stat().st_ino for each in self.copies()} == first
        for each in first:
            assert each.stat().st_mode & 0o022 == 0

    def test_one_that_was_tampered_with_is_not_used(self, build: Build) -> None:
        build("atoll_tampered", SINGLE_PHASE)
        self.load("atoll_tampered")
        (copy,) = self.copies()
        # The next place is foreseeable: what lies there must be right to be used.
        second = copy.read_bytes()
        for each in self.copies():
            each.chmod(0o666)
            with each.open("r+b") as file:
                file.seek(len(second) // 2)
                file.write(b"tampered")
        self.load("atoll_tampered")

    @pytest.mark.parametrize("how", ["file", "not private", "nowhere"])
    def test_without_a_cache(
        self, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        name = "atoll_uncached_" + how.replace(" ", "_")
        build(name, SINGLE_PHASE)
        cache = tmp_path / "cache"
        if how == "file":
            cache.write_text("")
        elif how == "not private":
            (cache / "atoll" / "extensions").mkdir(parents=True)
            (cache / "atoll" / "extensions").chmod(0o777)
        else:
            monkeypatch.delenv("XDG_CACHE_HOME")
            monkeypatch.delenv("HOME", raising=False)
        self.load(name)
        if how == "not private":
            assert self.copies() == []

    def test_the_command(self, build: Build, run_python: Any) -> None:
        build("atoll_listed", SINGLE_PHASE)
        self.load("atoll_listed")
        shown = run_python("-m", "atoll", "cache", check=True).stdout
        assert "atoll_listed" in shown
        run_python("-m", "atoll", "cache", "clear", check=True)
        assert self.copies() == []
        assert run_python("-m", "atoll", "cache", "list", check=True).stdout.startswith("0 files")


def test_the_main_interpreter_is_left_alone(build: Build) -> None:
    build("atoll_main_too", SINGLE_PHASE)
    module: Any = __import__("atoll_main_too")
    try:
        interpreter = interpreters.create()
        assert import_in(interpreter, "atoll_main_too") == (2, interpreter.id, True)
        interpreter.close()
        assert module.home() == 0
        assert module.bump() == 1
    finally:
        del sys.modules["atoll_main_too"]
