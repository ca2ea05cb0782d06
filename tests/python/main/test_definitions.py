"""What stands in a script gives in a worker what it gives in an imported module.

Programs run a definition after the other, in the ways in which programs are started; what each
gave is compared here. A program without a guard binds the same names again and again, as a notebook
does.
"""

import ast
import importlib.util
import itertools
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("atoll_test_definitions", HERE / "definitions.py")
assert _spec
assert _spec.loader
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
DEFINITIONS = _module.DEFINITIONS

CARRIERS = ["pool", "executor", "call", "channel", "install"]
BEGIN = "import runner\n"
END = "runner.report()\n"

type Results = dict[str, dict[str, list[str]]]


def text_of(name: str) -> str:
    """The definition, and functions that give what is asked."""
    definition = DEFINITIONS[name]
    asked = (
        f"def ask_{name}_{i}(): return repr(({each}))\n"
        for i, each in enumerate(definition.expressions)
    )
    return definition.source + "\n" + "".join(asked)


def check_of(name: str, carriers: list[str]) -> str:
    count = len(DEFINITIONS[name].expressions)
    functions = ", ".join(f"ask_{name}_{i}" for i in range(count))
    return f"runner.check({name!r}, [{functions}], {carriers})\n"


def some_carrier(name: str) -> list[str]:
    return [CARRIERS[list(DEFINITIONS).index(name) % len(CARRIERS)]]


def one_after_the_other(carriers: Callable[[str], list[str]]) -> str:
    parts = [text_of(name) + check_of(name, carriers(name)) for name in DEFINITIONS]
    return BEGIN + "".join(parts) + END


def groups() -> Iterable[list[str]]:
    """The names of definitions that can stand in one script, as they bind different names."""
    found: list[tuple[set[str], list[str]]] = []
    for name, definition in DEFINITIONS.items():
        tree = ast.parse(definition.source)
        bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        bound |= {getattr(node, "name", "") or "" for node in tree.body}
        for names, members in found:
            if not names & bound and len(members) < 12:
                names |= bound
                members.append(name)
                break
        else:
            found.append((bound, [name]))
    return [members for _, members in found]


def guarded(names: list[str], carriers: Callable[[str], list[str]]) -> str:
    checks = "".join("    " + check_of(name, carriers(name)) for name in names)
    guard = 'if __name__ == "__main__":\n'
    return BEGIN + "".join(map(text_of, names)) + guard + checks + "    " + END


def run(folder: Path, *arguments: str | Path, source: str | None = None) -> Results:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={"PYTHONPATH": str(HERE), "PATH": "/usr/bin:/bin"},
        input=source,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("{"))
    results: Results = json.loads(line)
    return results


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the definitions give in modules that are imported."""
    folder = tmp_path_factory.mktemp("imported")
    given = {}
    for name in DEFINITIONS:
        path = folder / f"imported_{name}.py"
        path.write_text(text_of(name))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        try:
            spec.loader.exec_module(module)
            asked = range(len(DEFINITIONS[name].expressions))
            given[name] = [getattr(module, f"ask_{name}_{i}")() for i in asked]
        finally:
            del sys.modules[path.stem]
    return given


def compare(results: Results, expected: dict[str, list[str]], names: Iterable[str]) -> None:
    wrong = {
        f"{name} by {way}": (given, expected[name])
        for name in names
        for way, given in results[name].items()
        if given != expected[name]
    }
    assert not wrong, json.dumps(wrong, indent=1)


def test_there_are_enough() -> None:
    assert len(DEFINITIONS) >= 100


@pytest.mark.slow
@pytest.mark.parametrize("carrier", ["pool", "call"])
def test_a_script_without_a_guard(
    carrier: str, tmp_path: Path, expected: dict[str, list[str]]
) -> None:
    (tmp_path / "script.py").write_text(one_after_the_other(lambda _: [carrier]))
    compare(run(tmp_path, "script.py"), expected, DEFINITIONS)


@pytest.mark.slow
def test_a_script_with_a_guard(tmp_path: Path, expected: dict[str, list[str]]) -> None:
    def run_group(number: int, names: list[str]) -> Results:
        (tmp_path / f"script{number}.py").write_text(guarded(names, some_carrier))
        return run(tmp_path, f"script{number}.py")

    results: Results = {}
    with ThreadPoolExecutor(2) as executor:
        for of_group in executor.map(run_group, itertools.count(), groups()):
            results |= of_group
    compare(results, expected, DEFINITIONS)


@pytest.mark.slow
def test_a_command(tmp_path: Path, expected: dict[str, list[str]]) -> None:
    compare(run(tmp_path, "-c", one_after_the_other(some_carrier)), expected, DEFINITIONS)


def first_group() -> list[str]:
    return next(iter(groups()))


def test_standard_input(tmp_path: Path, expected: dict[str, list[str]]) -> None:
    source = guarded(first_group(), lambda _: CARRIERS)
    compare(run(tmp_path, "-", source=source), expected, first_group())


def test_a_package(tmp_path: Path, expected: dict[str, list[str]]) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "other.py").write_text("K = 1\n")
    source = "from . import other\n" + guarded(first_group(), lambda _: CARRIERS)
    (package / "tool.py").write_text(source)
    compare(run(tmp_path, "-m", "package.tool"), expected, first_group())


def test_a_zip_file(tmp_path: Path, expected: dict[str, list[str]]) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as file:
        file.writestr("__main__.py", guarded(first_group(), lambda _: CARRIERS))
    compare(run(tmp_path, "app.zip"), expected, first_group())


def typed_in(source: str) -> str:
    """What one types into a REPL for that: an empty line ends a statement, and no other is one."""
    typed = []
    for statement in ast.parse(source).body:
        lines = [line for line in ast.unparse(statement).splitlines() if line.strip()]
        typed += [*lines, ""] if len(lines) > 1 else lines
    return "\n".join(typed) + "\n"


@pytest.mark.slow
def test_the_repl(tmp_path: Path, expected: dict[str, list[str]]) -> None:
    source = typed_in(one_after_the_other(some_carrier))
    compare(run(tmp_path, "-i", "-q", source=source), expected, DEFINITIONS)


def test_a_module_of_pytest(tmp_path: Path, expected: dict[str, list[str]]) -> None:
    """One that only pytest can import."""
    names = first_group()
    checks = "".join("    " + check_of(name, CARRIERS) for name in names)
    (tmp_path / "test_it.py").write_text(
        BEGIN + "".join(map(text_of, names)) + "def test():\n" + checks + "    " + END
    )
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    options = ["--import-mode=importlib", "--rootdir", tmp_path, "-qqs", "-p", "no:cacheprovider"]
    compare(run(folder, "-m", "pytest", *options, tmp_path / "test_it.py"), expected, names)
