"""What all Python tests share."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

# Build machines stall; a slow example is no failure.
hypothesis.settings.register_profile("atoll", deadline=None)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=100_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "atoll"))

# The shell starts jobs in the background with Ctrl-C ignored, and they hand that down.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

type RunPython = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the source tree."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    """Runs Python with the given arguments in a fresh process, in an empty directory.

    `run_python("-c", source)` returns the completed process with its output as text; `check=True`
    raises where the exit status is not 0, `timeout` (seconds) ends a process that hangs.
    """

    def run(
        *args: str | os.PathLike[str],
        check: bool = False,
        timeout: float = 60,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *args],
            cwd=tmp_path,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            pytest.fail(f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    return run
