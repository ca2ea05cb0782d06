"""`atoll map`."""

import ast
import json
import os
import pty
import signal
import subprocess
import sys
import sysconfig
import termios
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

type RunPython = Callable[..., subprocess.CompletedProcess[str]]

FUNCTIONS = """\
import os, sys, threading, time

def shout(text): return text.upper()
def inverse(number): return 1 / number
def slow_first(number):
    if number == 0:
        # Until another call is over: there is a worker for it.
        with open("done") as pipe: pipe.read()
    elif number == 1:
        with open("done", "w"): pass
    return number
def chatter(text):
    print("about", text)
    print("error", text, file=sys.stderr)
    return text
def leave(text): sys.exit(text)
def odd_result(text): return {1, 2}
def flaky(path):
    with open(path, "a") as log: log.write("x")
    if os.path.getsize(path) < 3: raise OSError("not yet")
    return os.path.getsize(path)
def endless(number):
    while number: pass
    return number
def announce(path):
    with open(path, "w"): pass
    while True: pass
def who(_): return threading.get_native_id()
class Group:
    @staticmethod
    def double(value): return value * 2
not_callable = 1
def nothing(text): return [float("nan"), -float("inf")]
class Odd(Exception): pass
def chained(text):
    try: return 1 / 0
    except ZeroDivisionError as error: raise Odd("odd") from error
"""


@pytest.fixture
def map(run_python: RunPython, tmp_path: Path) -> RunPython:
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    return lambda *args, **kwargs: run_python("-m", "atoll", "map", *args, **kwargs)


def lines(done: subprocess.CompletedProcess[str], status: int = 0) -> list[Any]:
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class TestInputs:
    def test_arguments_lines_and_json(self, map: RunPython) -> None:
        done = map("functions:shout", "a", "é", "b c", "")
        assert done.stdout == '"A"\n"É"\n"B C"\n""\n'
        assert (done.returncode, done.stderr) == (0, "")
        assert lines(map("functions:shout", input="x\n\ny\r\nz")) == ["X", "", "Y", "Z"]
        assert lines(map("functions:inverse", "--jsonl", input="1\n\n2\n4\n")) == [1, 0.5, 0.25]
        assert lines(map("functions:Group.double", "--jsonl", "[1]", '"a"')) == [[1, 1], "aa"]
        assert lines(map("functions:shout", input="")) == []

    def test_what_is_no_text(self, map: RunPython) -> None:
        """Bytes that are not UTF-8 come through, as the escape that JSON has."""
        done = map("builtins:str", os.fsdecode(b"a\xff"))
        assert done.stdout == '"a\\udcff"\n'

    def test_results_come_in_the_order_of_the_inputs(self, map: RunPython, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "done")
        args = ("functions:slow_first", "--jsonl", "--workers", "2", "0", "1", "2")
        assert lines(map(*args)) == [0, 1, 2]
        assert sorted(lines(map(*args, "--unordered"))) == [0, 1, 2]

    def test_unordered_results_come_at_once(self, map: RunPython, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "done")
        found = lines(map("functions:slow_first", "--jsonl", "--unordered", "0", "1"))
        assert sorted(found) == [0, 1]

    def test_a_stream_without_end(self, map: RunPython, tmp_path: Path) -> None:
        """Results do not wait for the next input, and no more is read than is needed."""
        with subprocess.Popen(
            [sys.executable, "-m", "atoll", "map", "functions:shout"],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            for word in ("one", "two", "three"):
                process.stdin.write(word + "\n")
                process.stdin.flush()
                assert process.stdout.readline() == f'"{word.upper()}"\n'
            process.stdin.close()
            assert process.wait(60) == 0

    def test_a_reader_that_has_enough(self, map: RunPython, tmp_path: Path) -> None:
        command = f"yes | {sys.executable} -m atoll map functions:shout | head -n 1"
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert (done.stdout, done.stderr) == ('"Y"\n', "")

    def test_a_file(self, map: RunPython, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "mine.py").write_text("import other\ndef f(x): return other.name + x")
        (tmp_path / "deep" / "other.py").write_text("name = 'other '")
        assert lines(map("deep/mine.py:f", "x")) == ["other x"]


class TestOptions:
    def test_workers_and_threads(self, map: RunPython) -> None:
        many = [str(n) for n in range(40)]
        assert len(set(lines(map("functions:who", "--workers", "1", *many)))) == 1
        found = lines(map("functions:who", "--workers", "1", "--threads", "3", *many))
        assert 1 <= len(set(found)) <= 3

    def test_retries(self, map: RunPython) -> None:
        assert lines(map("functions:flaky", "--retries", "2", "log")) == [3]
        assert map("functions:flaky", "--retries", "1", "log2").returncode == 1

    def test_timeout(self, map: RunPython) -> None:
        done = map(
            "functions:endless", "--jsonl", "--timeout", "0.2", "--errors", "report", "0", "1", "0"
        )
        first, second, third = lines(done, status=1)
        assert (first, third) == (0, 0)
        assert (second["error"], second["input"]) == ("TaskTimedOut", "1")

    def test_output_of_functions_goes_to_standard_error(self, map: RunPython) -> None:
        done = map("functions:chatter", "a", "b")
        assert done.stdout == '"a"\n"b"\n'
        assert sorted(done.stderr.splitlines()) == ["about a", "about b", "error a", "error b"]

    def test_a_bar_if_it_is_wanted(self, map: RunPython) -> None:
        done = map("functions:chatter", "--progress", "a", "b")
        assert lines(done) == ["a", "b"]
        assert "2/2" in done.stderr
        assert "about a\n" in done.stderr

    def test_a_bar_on_a_terminal(self, map: RunPython, tmp_path: Path) -> None:
        for option, is_shown in ((), True), (("--no-progress",), False):
            master, terminal = pty.openpty()
            termios.tcsetwinsize(master, (24, 80))
            command = [sys.executable, "-m", "atoll", "map", "functions:shout", "a", *option]
            done = subprocess.run(
                command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=terminal, timeout=60
            )
            os.write(terminal, b"end")
            os.close(terminal)
            shown = os.read(master, 65536)
            os.close(master)
            assert done.stdout == b'"A"\n'
            assert (b"1/1" in shown) == is_shown


class TestErrors:
    INPUTS = ("1", "0", "x", "2")

    def test_report(self, map: RunPython) -> None:
        done = map("functions:inverse", "--jsonl", "--errors", "report", *self.INPUTS)
        one, zero, text, two = lines(done, status=1)
        assert (one, two) == (1, 0.5)
        assert zero["error"] == "ZeroDivisionError"
        assert (zero["input"], zero["index"]) == ("0", 1)
        assert text["error"] == "ValueError"
        assert text["message"].startswith("not JSON: ")
        assert text["index"] == 2
        assert done.stderr.endswith("map: 2 of 4 inputs failed\n")

    def test_skip(self, map: RunPython) -> None:
        done = map("functions:inverse", "--jsonl", "--errors=skip", *self.INPUTS)
        assert lines(done) == [1, 0.5]
        assert done.stderr.splitlines() == [
            "python -m atoll map: 2 of 4 inputs failed:",
            "    ZeroDivisionError: division by zero (once with input 2, '0')",
            "    ValueError: not JSON: Expecting value: line 1 column 1 (char 0)"
            " (once with input 3, 'x')",
        ]

    def test_skip_tells_each_kind_of_error_with_how_often(self, map: RunPython) -> None:
        done = map("functions:inverse", "--jsonl", "--errors=skip", *"20x0[0")
        assert lines(done) == [0.5]
        assert "ZeroDivisionError: division by zero (3 times, first with input 2, '0')" in (
            done.stderr
        )

    def test_skip_of_all(self, map: RunPython) -> None:
        done = map("functions:inverse", "--jsonl", "--errors=skip", input="0\n" * 100)
        assert lines(done, status=1) == []
        assert "100 of 100 inputs failed:\n" in done.stderr
        assert "(100 times, first with input 1, '0')" in done.stderr
        assert lines(map("functions:inverse", "--jsonl", "--errors=skip", input="")) == []

    def test_skip_of_more_kinds_than_one_wants_to_read(self, map: RunPython) -> None:
        many = "".join(f"{n}\n" for n in range(2000))
        done = map("functions:leave", "--errors=skip", input=many)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 12
        assert "SystemExit: (other messages) (1000 times" in done.stderr
        assert done.stderr.endswith("    and 991 more kinds of errors\n")

    def test_fail_stops_at_the_first(self, map: RunPython) -> None:
        done = map("functions:inverse", "--jsonl", "--workers", "1", "1", "0", "2")
        assert done.returncode == 1
        assert done.stdout in ("1.0\n", "")
        assert "input 2, '0' failed:\nTraceback" in done.stderr
        assert 'functions.py", line 4, in inverse' in done.stderr

    def test_fail_shows_an_exception_once(self, map: RunPython) -> None:
        for function, text in ("inverse", "ZeroDivisionError"), ("chained", "functions.Odd: odd"):
            done = map(f"functions:{function}", "--jsonl", "0")
            assert done.stderr.count(text) == 1, done.stderr
            assert done.stderr.splitlines()[-1].startswith(text)
        done = map("functions:shout", "--jsonl", "[")
        assert done.stderr.count("\n") == 1
        assert "input 1, '[' failed: ValueError: not JSON: " in done.stderr

    def test_fail_does_not_read_on(self, map: RunPython, tmp_path: Path) -> None:
        command = f"yes 0 | {sys.executable} -m atoll map functions:inverse --jsonl"
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1

    def test_exit_and_results_without_json(self, map: RunPython) -> None:
        (exited,) = lines(map("functions:leave", "--errors=report", "bye"), status=1)
        assert (exited["error"], exited["message"]) == ("SystemExit", "bye")
        (odd,) = lines(map("functions:odd_result", "--errors=report", "x"), status=1)
        assert odd["error"] == "TypeError"
        (nan,) = lines(map("functions:nothing", "--errors=report", "x"), status=1)
        assert nan["error"] == "ValueError"
        assert nan["message"].startswith("the result is no JSON: ")
        for text in "NaN", "[-Infinity]":
            (given,) = lines(map("builtins:repr", "--jsonl", "--errors=report", text), status=1)
            assert given["message"].startswith("not JSON: ")
        done = map("functions:nothing", "x")
        assert (done.returncode, done.stdout) == (1, "")
        assert "input 1, 'x' failed:" in done.stderr

    @pytest.mark.parametrize(
        "args",
        [
            (),
            ("functions",),
            ("functions:",),
            (":f",),
            ("nope:f",),
            ("a b:f",),
            ("missing.py:f",),
            ("functions:1",),
            ("functions:shout", "--workers", "0"),
            ("functions:shout", "--threads", "x"),
            ("functions:shout", "--timeout", "-1"),
            ("functions:shout", "--retries", "-1"),
            ("functions:shout", "--errors", "ignore"),
        ],
    )
    def test_usage(self, map: RunPython, args: tuple[str, ...]) -> None:
        done = map(*args)
        assert (done.returncode, done.stdout) == (2, "")
        assert "usage: " in done.stderr

    @pytest.mark.parametrize(
        ("function", "why"),
        [
            ("functions:nope", "AttributeError"),
            ("functions:not_callable", "not callable"),
            ("broken.py:f", "ZeroDivisionError"),
            ("careless:f", "`atoll check careless` tells"),
        ],
    )
    def test_no_such_function(
        self, map: RunPython, tmp_path: Path, function: str, why: str
    ) -> None:
        (tmp_path / "broken.py").write_text("1 / 0")
        (tmp_path / "careless.py").write_text("raise ImportError('some extension refuses')")
        done = map(function, "x")
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_file_with_a_name_that_is_taken(self, map: RunPython, tmp_path: Path) -> None:
        (tmp_path / "sys.py").write_text("def f(x): return x")
        done = map("./sys.py:f", "x")
        assert done.returncode == 2
        assert "the name is taken" in done.stderr


class TestCtrlC:
    def test_it_says_how_far_it_got(self, map: RunPython, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "started")
        with subprocess.Popen(
            [sys.executable, "-m", "atoll", "map", "functions.py:announce", "started"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            (tmp_path / "started").read_text()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, "")
        assert "interrupted: 0 of 1" in err
        assert "Traceback" not in err

    def test_while_it_waits_for_inputs(self, map: RunPython, tmp_path: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "atoll", "map", "functions:shout"],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write("a\n")
            process.stdin.flush()
            assert process.stdout.readline() == '"A"\n'
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert process.stderr
            assert "interrupted: 1 of 1 or more inputs done" in process.stderr.read()


@pytest.mark.slow
def test_real_files(map: RunPython, tmp_path: Path) -> None:
    """The sources of the standard library and of site-packages, up to ten thousand."""
    (tmp_path / "count.py").write_text(
        dedent("""
        import ast
        def nodes(path):
            with open(path, "rb") as file:
                return sum(1 for _ in ast.walk(ast.parse(file.read())))
        """)
    )
    roots = {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}
    paths = sorted({str(path) for root in roots for path in Path(root).rglob("*.py")})[:10_000]
    done = map("count.py:nodes", "--errors=report", input="\n".join(paths), timeout=600)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(paths)
    for path, result in list(zip(paths, found, strict=True))[:: len(paths) // 100]:
        if isinstance(result, int):
            assert result == sum(1 for _ in ast.walk(ast.parse(Path(path).read_bytes())))
        else:
            assert result["error"] in ("SyntaxError", "ValueError", "UnicodeDecodeError")
