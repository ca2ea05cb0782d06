"""Programs that other tools start: notebooks and pytest."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


def test_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    kernel = tmp_path / "data" / "kernels" / "atoll-test"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(
        '{"display_name": "test", "language": "python", "argv": '
        f'["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]}}'
    )
    cells = [
        "import atoll\npool = atoll.Pool(1)",
        """
        scale = 2
        class Item:
            def __init__(self, n): self.n = n
        def work(item):
            return Item(item.n * scale)
        def fail(n):
            inner = n - n
            return 1 / inner  # this line
        """,
        "back = pool.run(work, Item(4)); assert type(back) is Item; print(back.n)",
        "scale = 10\nprint(pool.run(work, Item(4)).n)",
        "print(list(pool.map(lambda n: n * scale, range(3))))",
        "pool.run(fail, 1)",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell)) for cell in cells]
    )
    client = nbclient.NotebookClient(
        notebook, timeout=60, kernel_name="atoll-test", allow_errors=True
    )
    client.execute(cwd=str(tmp_path))
    outputs = [
        "".join(
            each.get("text", "") or "\n".join(each.get("traceback", ())) for each in cell.outputs
        )
        for cell in notebook.cells
    ]
    assert outputs[:5] == ["", "", "8\n", "40\n", "[0, 10, 20]\n"]
    last = outputs[5]
    assert "ZeroDivisionError" in last
    assert "in fail" in last
    assert "return 1 / inner  # this line" in last
    assert ", line 8, in fail" in last, last


@pytest.mark.parametrize("mode", ["importlib", "prepend"])
def test_pytest(mode: str, tmp_path: Path) -> None:
    tests = tmp_path / "project" / "tests"
    tests.mkdir(parents=True)
    (tests / "helper_of_test.py").write_text("FACTOR = 3\n")
    (tests / "test_it.py").write_text(
        textwrap.dedent("""
        import atoll, pytest
        from atoll.futures import InterpreterPoolExecutor

        LIMIT = 4

        class Item:
            def __init__(self, n): self.n = n

        def work(item):
            return Item(item.n * LIMIT)

        def fail(n):
            return 1 / (n - n)  # this line

        def test_by_name():
            with atoll.Pool(1) as pool:
                back = pool.run(work, Item(2))
                assert type(back) is Item and back.n == 8

        def test_local():
            factor = 5
            with InterpreterPoolExecutor(1) as pool:
                assert pool.submit(lambda item: item.n * factor, Item(2)).result() == 10

        def test_failure():
            with atoll.Pool(1) as pool:
                pool.run(fail, 1)
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--import-mode={mode}", "-p", "no:cacheprovider", tests],
        cwd=tmp_path / "project",
        env={"PATH": "/usr/bin:/bin", "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert f'{tests / "test_it.py"}", line 14, in fail' in done.stdout, done.stdout
    assert "return 1 / (n - n)  # this line" in done.stdout
    assert "ZeroDivisionError" in done.stdout
