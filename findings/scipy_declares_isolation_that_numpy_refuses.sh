#!/usr/bin/env bash
# Extension modules of SciPy say that they support isolated interpreters; NumPy, whose C API most of these use, says no.
#
# SciPy 1.18.1 with NumPy 2.5.5, wheels for CPython 3.14, x86-64. 28 of SciPy's 106 extension modules have the slot
# Py_mod_multiple_interpreters with Py_MOD_PER_INTERPRETER_GIL_SUPPORTED; NumPy's core has NOT_SUPPORTED.
# NumPy's C API reaches such a module as a table of pointers, which lies in a C static, once per process and not
# per interpreter. So the declaration of a module cannot be taken as its word: what it links to counts too.
#
# One would guess: nobody declares what a dependency excludes. Seen:
#
#   numpy._core._multiarray_umath: not supported
#   scipy: 28 of 106 support a GIL per interpreter; of these, 23 use NumPy's C API
#
#   PYTHON=python3.14 findings/scipy_declares_isolation_that_numpy_refuses.sh
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 14))' ||
    { echo "needs CPython 3.14: PYTHON=python3.14 $0" >&2; exit 2; }
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: numpy==2.5.5 scipy==1.18.1

# Prints what a module file declares: its init function returns a PyModuleDef, whose slots are read.
cat >"$folder/declared.py" <<'END'
import ctypes
import sys
from pathlib import Path


class Slot(ctypes.Structure):
    _fields_ = (("slot", ctypes.c_int), ("value", ctypes.c_void_p))


class ModuleDef(ctypes.Structure):  # up to the slots
    _fields_ = (
        ("object", ctypes.c_void_p * 2),
        ("base", ctypes.c_void_p * 3),
        ("name_and_doc", ctypes.c_void_p * 2),
        ("size", ctypes.c_ssize_t),
        ("methods", ctypes.c_void_p),
        ("slots", ctypes.POINTER(Slot)),
    )


MULTIPLE_INTERPRETERS = 3  # Py_mod_multiple_interpreters in moduleobject.h
init = getattr(ctypes.PyDLL(sys.argv[1]), "PyInit_" + Path(sys.argv[1]).name.split(".")[0])
init.restype, init.argtypes = ctypes.py_object, ()
definition = init()
if type(definition).__name__ == "moduledef":
    slots = ctypes.cast(id(definition), ctypes.POINTER(ModuleDef)).contents.slots
    i = 0
    while slots and slots[i].slot:
        if slots[i].slot == MULTIPLE_INTERPRETERS:
            print("declares", slots[i].value or 0)
        i += 1
END

cat >"$folder/count.py" <<'END'
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def declared(path):
    done = subprocess.run([sys.executable, "-W", "ignore", sys.argv[1], path], capture_output=True, text=True)
    return next((line for line in done.stdout.splitlines() if line.startswith("declares")), "")


numpy, scipy = (Path(find_spec(name).origin).parent for name in ("numpy", "scipy"))
core = declared(next(numpy.glob("_core/_multiarray_umath.*.so")))
print("numpy._core._multiarray_umath:", "not supported" if core == "declares 0" else core)
modules = sorted(scipy.rglob("*.cpython-*.so"))
isolated = [path for path in modules if declared(path) == "declares 2"]
users = [path for path in isolated if b"numpy._core._multiarray_umath" in path.read_bytes()]
print(f"scipy: {len(isolated)} of {len(modules)} support a GIL per interpreter; of these, {len(users)} use NumPy's C API")
END

seen=$("$folder/venv/bin/python" "$folder/count.py" "$folder/declared.py")
echo "$seen"
expected='numpy._core._multiarray_umath: not supported
scipy: 28 of 106 support a GIL per interpreter; of these, 23 use NumPy'"'"'s C API'
[ "$seen" = "$expected" ] || { echo "changed; expected: $expected" >&2; exit 1; }
