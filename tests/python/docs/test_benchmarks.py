"""The published benchmark can be run. What it measures is no subject of tests."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

type RunPython = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("temperature", ["cold", "warm"])
@pytest.mark.parametrize(
    "way",
    [
        "Regular",
        "Threading",
        "Multiprocessing",
        pytest.param(
            "Subinterpreters",
            marks=pytest.mark.skipif(sys.version_info < (3, 14), reason="CPython lacks it"),
        ),
        "atoll executor",
        "atoll pool",
    ],
)
def test_ways_to_spread_the_work(
    run_python: RunPython,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    temperature: str,
) -> None:
    folder = project / "benchmarks"
    monkeypatch.setenv("PYTHONPATH", str(folder))
    done = run_python(folder / "published_work.py", way, "cpu", "0", "2", temperature, check=True)
    assert float(done.stdout) > 0


def test_the_server_answers(project: Path) -> None:
    from urllib.request import ProxyHandler, build_opener

    with subprocess.Popen(
        [sys.executable, project / "benchmarks" / "published_server.py", "0.001"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/"
        with build_opener(ProxyHandler({})).open(url) as answer:
            assert answer.read() == b"ok"
        server.stdin.close()
        assert server.wait(60) == 0


def test_the_plot(run_python: RunPython, project: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [
        {"work": work, "way": way, "cold": [0.2], "warm": [0.1, 0.3], "reason": reason}
        for work in ("cpu", "io")
        for way, reason in (("Regular", None), ("Subinterpreters", "not here"))
    ]
    machine = {"python": "CPython", "cores": 2, "atoll": "0"}
    (tmp_path / "rows.json").write_text(json.dumps({"machine": machine, "rows": rows}))
    plot = project / "benchmarks" / "published_plot.py"
    run_python(plot, "rows.json", "plot.png", check=True)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
