"""The command line: `atoll run`, `check` and `info`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import atoll

type RunPython = Callable[..., subprocess.CompletedProcess[str]]

BOTH = [("-m", "atoll"), (str(Path(sys.executable).with_name("atoll")),)]


@pytest.fixture(params=BOTH, ids=["module", "script"])
def run_atoll(run_python: RunPython, request: pytest.FixtureRequest) -> RunPython:
    return lambda *args, **kwargs: run_python(*request.param, *args, **kwargs)


@pytest.fixture
def check(run_python: RunPython) -> Callable[..., list[dict[str, Any]]]:
    def check(*args: str, status: int) -> list[dict[str, Any]]:
        done = run_python("-m", "atoll", "check", "--json", *args)
        assert (done.returncode, done.stderr) == (status, "")
        found = json.loads(done.stdout)
        assert all(each.pop("seconds") >= 0 for each in found if "seconds" in each)
        return found

    return check


class TestCommands:
    def test_help_and_version(self, run_atoll: RunPython) -> None:
        help = run_atoll("--help", check=True).stdout
        assert all(name in help for name in ("run", "check", "info", "SCRIPT"))
        assert run_atoll("--version", check=True).stdout == f"atoll {atoll.__version__}\n"
        assert "MODULE" in run_atoll("check", "-h", check=True).stdout
        assert "SCRIPT" in run_atoll("run", "-h", check=True).stdout

    @pytest.mark.parametrize(
        "args", [(), ("check",), ("run",), ("info", "what"), ("check", "--timeout", "0", "json")]
    )
    def test_mistakes(self, run_atoll: RunPython, args: tuple[str, ...]) -> None:
        done = run_atoll(*args)
        assert (done.returncode, done.stdout) == (2, "")
        assert "usage:" in done.stderr

    def test_run_is_what_it_is_without(self, run_atoll: RunPython, tmp_path: Path) -> None:
        source = (
            "import sys; from concurrent import interpreters as i; "
            "print(__name__, i.__name__, sys.argv[1:])"
        )
        (tmp_path / "prog.py").write_text(source)
        for how in (("run",), ()):
            for program in (("prog.py",), ("-m", "prog"), ("-c", source)):
                done = run_atoll(*how, *program, "--json", "-m", "map")
                assert done.stdout == "__main__ atoll.interpreters ['--json', '-m', 'map']\n"
                assert (done.returncode, done.stderr) == (0, "")

    def test_a_script_with_the_name_of_a_command(
        self, run_atoll: RunPython, tmp_path: Path
    ) -> None:
        (tmp_path / "info").write_text("print('mine')")
        assert run_atoll("./info", check=True).stdout == "mine\n"
        assert run_atoll("run", "info", check=True).stdout == "mine\n"

    def test_exit_status_of_a_program(self, run_atoll: RunPython) -> None:
        assert run_atoll("run", "-c", "raise SystemExit(7)").returncode == 7
        assert run_atoll("run", "-m").returncode == 1
        done = run_atoll("run", "missing.py")
        assert done.returncode == 1
        assert "cannot open 'missing.py'" in done.stderr


class TestInfo:
    def test_json(self, run_atoll: RunPython) -> None:
        facts = json.loads(run_atoll("info", "--json", check=True).stdout)
        assert facts["atoll"] == atoll.__version__
        assert facts["executable"] == sys.executable
        assert facts["interpreters"].startswith("yes")
        assert facts["cores"] >= 1
        assert not facts["installed"]
        assert Path(facts["extension"]).is_relative_to(facts["package"])

    def test_text(self, run_atoll: RunPython) -> None:
        done = run_atoll("info", check=True)
        assert done.stderr == ""
        assert "interpreters" in done.stdout

    def test_installed(self, run_atoll: RunPython) -> None:
        source = "import sys; sys.argv[1:] = ['info']; from atoll._cli import main; main()"
        shown = run_atoll("run", "-c", source, check=True).stdout.splitlines()
        assert any(line.startswith("installed ") and line.endswith("yes") for line in shown)


class TestCheck:
    def test_ok(self, check: Any) -> None:
        found = check("json", "urllib.parse", status=0)
        assert [each["module"] for each in found] == ["json", "urllib.parse"]
        for each in found:
            assert (each["status"], each["without"], each["private"]) == ("ok", [], [])
            assert each["import_seconds"] >= 0

    @pytest.mark.skipif(sys.version_info < (3, 13), reason="no private copies")
    def test_private_copies_are_named(self, check: Any) -> None:
        (found,) = check(
            "--use", "import numpy; assert numpy.ones(3).sum() == 3", "numpy", status=0
        )
        assert "numpy._core._multiarray_umath" in found["private"]

    def test_a_use_that_fails(self, check: Any) -> None:
        (found,) = check("--use", "import json; json.loads('[')", "json", status=1)
        assert (found["status"], found["step"]) == ("error", "use")
        assert found["exception"] == "JSONDecodeError"

    def test_the_culprit_is_found(self, check: Any) -> None:
        (found,) = check("--extensions", "declared", "numpy.linalg", status=1)
        assert found["status"] == "refused"
        assert found["extension"] == "numpy._core._multiarray_umath"
        assert Path(found["path"]).exists()
        assert "does not support loading in subinterpreters" in found["reason"]

    def test_no_such_module(self, check: Any) -> None:
        found = check("nope", "json.nope", "a-b", "", status=1)
        assert [each["status"] for each in found] == ["error"] * 4
        assert [each.get("missing") for each in found] == ["nope", "json.nope", None, None]

    def test_a_package_that_does_without(self, check: Any, tmp_path: Path) -> None:
        (tmp_path / "careful.py").write_text(
            "try: import numpy\nexcept ImportError: numpy = None\n"
        )
        (found,) = check("--extensions=declared", "careful", status=0)
        assert [each["extension"] for each in found["without"]] == ["numpy._core._multiarray_umath"]

    @pytest.mark.parametrize(
        ("source", "status", "reason"),
        [
            ("1 / 0", "error", "division by zero"),
            ("import sys; sys.exit('bye')", "error", "bye"),
            ("import os; os._exit(3)", "crash", "status 3"),
            ("import os; os.abort()", "crash", "SIGABRT"),
            ("import signal; signal.raise_signal(signal.SIGSEGV)", "crash", "SIGSEGV"),
            ("import threading; threading.Event().wait()", "timeout", "2 s"),
        ],
    )
    def test_how_imports_end(
        self, check: Any, tmp_path: Path, source: str, status: str, reason: str
    ) -> None:
        (tmp_path / "bad.py").write_text(f"print('noise')\n{source}\n")
        limit = ("--timeout", "2", "bad") if status == "timeout" else ("bad", "json")
        bad, *others = check(*limit, status=1)
        assert bad["status"] == status
        assert reason in bad["reason"]
        assert all(each["status"] == "ok" for each in others)
        if reason == "SIGABRT":
            assert bad["where"] == f"{tmp_path / 'bad.py'}:2"

    def test_an_extension_that_crashes_is_named(
        self, run_python: RunPython, check: Any, tmp_path: Path
    ) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            pytest.skip("no compiler")
        code = "void *PyInit_broken(void) { *(volatile int *)0 = 1; return 0; }"
        (tmp_path / "broken.c").write_text(code)
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-o", "broken.so", "broken.c"], cwd=tmp_path, check=True
        )
        (tmp_path / "user.py").write_text("import broken")
        (found,) = check("user", status=1)
        assert (found["status"], found["extension"]) == ("crash", "broken")
        assert found["path"] == str(tmp_path / "broken.so")
        text = run_python("-m", "atoll", "check", "user", "json")
        assert text.returncode == 1
        assert "user: crashes\n    extension: broken\n" in text.stdout
        assert "json: ok\n" in text.stdout

    def test_ctrl_c(self, tmp_path: Path) -> None:
        fifo = tmp_path / "started"
        os.mkfifo(fifo)
        (tmp_path / "endless.py").write_text("open('started', 'w').close()\nwhile True: pass\n")
        with subprocess.Popen(
            [sys.executable, "-m", "atoll", "check", "endless"],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        ) as process:
            fifo.read_text()
            os.killpg(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "interrupted" in errors
