"""A free-threaded CPython is refused, by the import and by CMake."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


def test_the_import(run_python):
    for flag, refused in ("t", True), ("", False):
        done = run_python("-c", f"import sys; sys.abiflags = {flag!r}; import atoll; atoll.Pool")
        assert (done.returncode != 0) == refused
        assert ("ImportError" in done.stderr) == refused
        assert ("ThreadPoolExecutor" in done.stderr) == refused


@pytest.mark.skipif(not shutil.which("cmake"), reason="needs CMake")
def test_cmake(tmp_path):
    script = tmp_path / "script.cmake"
    script.write_text(
        f'include("{PROJECT}/cmake/AtollFreeThreading.cmake")\n'
        "atoll_refuse_free_threading(${PYTHON})\n"
    )
    free = tmp_path / "python3.14t"
    free.write_text(
        f"#!{sys.executable}\n"
        "import sys, sysconfig\n"
        "sysconfig.get_config_vars()['Py_GIL_DISABLED'] = 1\n"
        "exec(sys.argv[-1])\n"
    )
    free.chmod(0o755)
    for python, refused in (free, True), (sys.executable, False):
        done = subprocess.run(
            ["cmake", f"-DPYTHON={python}", "-P", script], capture_output=True, text=True
        )
        assert (done.returncode != 0) == refused, done.stderr
        assert ("free-threaded" in done.stderr) == refused
