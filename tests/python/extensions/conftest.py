"""Small extension modules of each kind, compiled for the tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

needs_private_copies = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="private copies need CPython 3.13"
)

#: What all of them have: a static that init counts up, and the interpreter in which it ran.
COMMON = """
#include <Python.h>
static int count = 0;
static long long made_in = -1;
static PyObject *bump(PyObject *self, PyObject *args) { return PyLong_FromLong(++count); }
static PyObject *home(PyObject *self, PyObject *args) { return PyLong_FromLongLong(made_in); }
static PyMethodDef methods[] = {
    {"bump", bump, METH_NOARGS, NULL}, {"home", home, METH_NOARGS, NULL}, {NULL}};
static void note(void) { made_in = PyInterpreterState_GetID(PyInterpreterState_Get()); }
"""

SINGLE_PHASE = (
    COMMON
    + """
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "NAME", NULL, -1, methods};
static int inits = 0;
PyMODINIT_FUNC PyInit_NAME(void) {
    note();
    PyObject *module = PyModule_Create(&def);
    PyModule_AddIntConstant(module, "inits", ++inits);
    return module;
}
"""
)

#: With SLOTS for what it declares.
MULTI_PHASE = (
    COMMON
    + """
static int execute(PyObject *module) { note(); return 0; }
static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, SLOTS {0, NULL}};
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "NAME", NULL, 0, methods, slots};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModuleDef_Init(&def); }
"""
)
DECLARED = MULTI_PHASE.replace(
    "SLOTS", "{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},"
)
UNDECLARED = MULTI_PHASE.replace("SLOTS", "")

#: CPython 3.15: no init function, but an array of slots. With SLOTS for what it declares.
SLOTS_ONLY = (
    COMMON
    + """
static int execute(PyObject *module) { note(); return 0; }
PyABIInfo_VAR(abi_info);
static PySlot slots[] = {
    PySlot_STATIC_DATA(Py_mod_abi, &abi_info), PySlot_STATIC_DATA(Py_mod_name, "NAME"),
    PySlot_STATIC_DATA(Py_mod_methods, methods), PySlot_FUNC(Py_mod_exec, execute),
    SLOTS PySlot_END};
PyMODEXPORT_FUNC PyModExport_NAME(void) { return slots; }
"""
)


def at_once(count: int, use: Callable[[], object]) -> None:
    """Calls ``use`` in so many threads, each through; raises what the first of them raised."""
    with ThreadPoolExecutor(count) as threads:
        for future in [threads.submit(use) for _ in range(count)]:
            future.result()


type Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Compiles ``source`` as the module ``name``, in a folder that is on ``sys.path``.

    Copies go to a cache of the test's own.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no compiler")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)

    def run(name: str, source: str, *, suffix: str | None = None, folder: str = ".") -> Path:
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        text = place / f"{name}.c"
        text.write_text(source.replace("NAME", name))
        out = place / (name + (suffix or sysconfig.get_config_var("EXT_SUFFIX")))
        include = sysconfig.get_path("include")
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-w", f"-I{include}", "-o", out, text, "-lpthread"],
            check=True,
        )
        return out

    return run
