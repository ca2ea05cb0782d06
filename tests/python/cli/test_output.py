"""Standard output that cannot be written."""

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    "map builtins:str a",
    "map builtins:len --jsonl --errors=skip 1 []",
    "map --help",
    "info",
    "check json",
    "cache",
    "--help",
    "--version",
]


def run(
    command: str, redirection: str, folder: Path, before: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        f"{before} {sys.executable} -m atoll {command} {redirection}",
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_and_a_closed_file(command: str, tmp_path: Path) -> None:
    """One line, and a status."""
    for redirection, why in (">/dev/full", "No space left on device"), (">&-", "is closed"):
        done = run(command, redirection, tmp_path)
        assert done.returncode == 1
        *others, line = done.stderr.splitlines()
        assert line.startswith("python -m atoll")
        assert why in line
        assert not any("Traceback" in each or "Exception" in each for each in others)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_that_nobody_reads(command: str, tmp_path: Path) -> None:
    """A reader that has had enough is no error."""
    done = run(command, "; echo $? >status) | true", tmp_path, "(")
    assert (tmp_path / "status").read_text() == "0\n"
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


def test_a_full_disk_ends_the_work(tmp_path: Path) -> None:
    done = run("map builtins:str", ">/dev/full", tmp_path, "yes |")
    assert done.returncode == 1
    assert "cannot write to standard output" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_standard_error_does_not_matter(redirection: str, tmp_path: Path) -> None:
    command = "map builtins:len --jsonl --errors=skip --progress 1 []"
    done = run(command, redirection, tmp_path)
    assert (done.returncode, done.stdout) == (0, "0\n")
