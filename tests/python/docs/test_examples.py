"""The programs in examples/ and benchmarks/, run as a user runs them."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
BENCHMARKS = EXAMPLES.with_name("benchmarks")
DEMO = EXAMPLES / "parse_stdlib.py"

type RunPython = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A directory of Python files: good ones, empty ones, broken ones."""
    directory = tmp_path / "sources"
    package = directory / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (directory / "good.py").write_text(
        "class A:\n"
        "    def f(self, x):\n"
        "        if x and self or None or 0:\n"
        "            return [y for y in x if y]\n"
        "        async def g(): pass\n"
    )
    (directory / "escape.py").write_text(r"pattern = '\d'" + "\n")  # a SyntaxWarning
    (directory / "syntax.py").write_text("def f(:\n")
    (directory / "null.py").write_bytes(b"x = '\0'\n")
    (directory / "coding.py").write_bytes(b"# coding: no-such-codec\n")
    (directory / "utf8.py").write_bytes(b"x = '\xff'\n")
    (directory / "deep.py").write_text("(" * 500 + ")" * 500)
    (directory / "data.txt").write_text("not Python")
    skipped = directory / "site-packages"
    skipped.mkdir()
    (skipped / "other.py").write_text("def unseen(): pass\n")
    return directory


class TestQuickstart:
    def test_prints_results_and_the_remote_traceback(self, run_python: RunPython) -> None:
        done = run_python(EXAMPLES / "quickstart.py", check=True)

        assert done.stderr == ""
        assert done.stdout.startswith("12.566\n{'be': 2, 'not': 1, 'or': 1, 'to': 2}\n")
        assert "Uncaught in the interpreter:" in done.stdout
        assert 'quickstart.py", line 7, in count_words\n' in done.stdout


class TestPipeline:
    def test_counts_names(self, run_python: RunPython, sources: Path) -> None:
        done = run_python(
            EXAMPLES / "pipeline.py", sources, "--workers", "3", "--top", "2", check=True
        )

        assert done.stdout == ("8 files, 3 counting interpreters\n       3  x\n       3  y\n")
        assert done.stderr == ""

    def test_standard_library(self, run_python: RunPython) -> None:
        library = Path(os.__file__).parent
        done = run_python(EXAMPLES / "pipeline.py", library / "asyncio", "--top", "1", check=True)

        assert re.fullmatch(r"\d+ files, \d+ counting interpreters\n +\d+  self\n", done.stdout)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--workers", "0"], "--workers must be at least 1"),
            (["no/such/path"], "no such file or directory: no/such/path"),
        ],
    )
    def test_mistakes(self, run_python: RunPython, arguments: list[str], message: str) -> None:
        done = run_python(EXAMPLES / "pipeline.py", *arguments)

        assert done.returncode == 2
        assert message in done.stderr

    def test_ctrl_c(self) -> None:
        pipeline = subprocess.Popen(
            [sys.executable, EXAMPLES / "pipeline.py"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert pipeline.stderr is not None
        line = pipeline.stderr.readline()  # after a second
        assert re.fullmatch(rb"\d+ files\n", line)
        pipeline.send_signal(signal.SIGINT)
        stdout, stderr = pipeline.communicate(timeout=60)

        assert pipeline.returncode == 130, stderr
        assert stdout == b""
        assert stderr.endswith(b"interrupted\n")
        assert b"Traceback" not in stderr


class TestDemo:
    def test_standard_library(self, run_python: RunPython) -> None:
        done = run_python(DEMO, "--limit", "40", "--workers", "3", check=True)

        assert "40 files" in done.stdout
        assert "3 interpreters" in done.stdout
        assert "equal" in done.stdout
        assert "Warning" not in done.stderr

    def test_counts(self, run_python: RunPython, sources: Path) -> None:
        done = run_python(DEMO, sources, check=True)

        assert re.search(r"^modules +3 +and 5 that cannot be parsed$", done.stdout, re.MULTILINE)
        for name, count in {"lines": 6, "classes": 1, "functions": 2}.items():
            assert re.search(rf"^{name} +{count}$", done.stdout, re.MULTILINE)
        for figure in (4, 5):  # lines, branches
            assert f" {figure}  {sources}/good.py:2 f\n" in done.stdout

    def test_one_file(self, run_python: RunPython, sources: Path) -> None:
        done = run_python(DEMO, sources / "good.py", "--workers", "1", check=True)

        assert "1 file\n" in done.stdout
        assert "1 interpreter " in done.stdout

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--workers", "0"], "expected a whole number of at least 1, not '0'"),
            (["--workers", "two"], "expected a whole number of at least 1, not 'two'"),
            (["--limit", "-1"], "expected a whole number of at least 1, not '-1'"),
            (["no/such/path"], "no such file or directory: no/such/path"),
            (["."], "no Python files found"),
            (["--threads"], "unrecognized arguments: --threads"),
        ],
    )
    def test_mistakes(self, run_python: RunPython, arguments: list[str], message: str) -> None:
        done = run_python(DEMO, *arguments)

        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("phase", ["serially", "2 interpreters"])
    def test_ctrl_c(self, phase: str) -> None:
        """Ends soon and without a traceback, whatever it is doing."""
        command = [sys.executable, DEMO, "--workers", "2", "--limit", "300"]
        demo = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert demo.stderr is not None
        output = b""
        while phase.encode() not in output:  # the progress bar of that phase
            part = os.read(demo.stderr.fileno(), 4096)
            assert part, output
            output += part
        demo.send_signal(signal.SIGINT)
        output += demo.communicate(timeout=60)[1]

        assert demo.returncode == 130, output
        assert b"Traceback" not in output


class TestBenchmarks:
    @pytest.mark.slow
    def test_quick_run(self, run_python: RunPython, tmp_path: Path) -> None:
        file = tmp_path / "results.json"
        subjects = ("interpreters", "csp", "pools", "speedup")
        done = run_python(
            *(BENCHMARKS / "run.py", "--quick", "--json", file, *subjects), check=True, timeout=110
        )

        assert "call(f)" in done.stdout
        results = json.loads(file.read_text())
        assert results["machine"]["python"].startswith("CPython 3.")
        for subject in subjects:
            for row in results["subjects"][subject]:
                assert row["values"].keys() >= {"atoll"}

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                ["nonsense"],
                "unknown subject 'nonsense': "
                "choose from interpreters, queues, csp, pools, script, transfer, buffers, "
                "packages, memory, speedup, published",
            ),
            (["--json", "no/such/directory/file"], "no such directory"),
        ],
    )
    def test_mistakes(self, run_python: RunPython, arguments: list[str], message: str) -> None:
        done = run_python(BENCHMARKS / "run.py", *arguments)

        assert done.returncode == 2
        assert message in done.stderr
