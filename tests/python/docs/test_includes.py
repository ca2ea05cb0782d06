"""tools/check_includes.py holds the includes against docs/development.md."""

import shutil
import subprocess
import sys

import pytest


def check(root, project):
    return subprocess.run(
        [sys.executable, project / "tools/check_includes.py", "--root", root],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def copy(project, tmp_path):
    """A project that may be spoiled."""
    for folder in ("include", "src", "bindings"):
        shutil.copytree(project / folder, tmp_path / folder)
    (tmp_path / "docs").mkdir()
    shutil.copy(project / "docs/development.md", tmp_path / "docs")
    return tmp_path


def test_the_table_is_true(project):
    done = check(project, project)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def spoil(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_layer_above(project, copy):
    spoil(copy / "src/core/wait/waiter.hpp", "#include", '#include "py/ref.hpp"\n#include')
    done = check(copy, project)
    assert done.returncode == 1
    assert done.stdout == (
        "src/core/wait/waiter.hpp includes py/ref.hpp: src/core comes before src/py\n"
    )


def test_a_folder_that_is_not_named(project, copy):
    spoil(
        copy / "src/core/base/status.hpp", "#include", '#include "core/wait/waiter.hpp"\n#include'
    )
    done = check(copy, project)
    assert done.returncode == 1
    assert "the row of src/core/base in docs/development.md does not name `wait`" in done.stdout


def test_a_new_folder(project, copy):
    (copy / "src/core/frozen").mkdir()
    (copy / "src/core/frozen/map.hpp").write_text("#pragma once\n", encoding="utf-8")
    assert check(copy, project).stdout == "docs/development.md: src/core/frozen has no row\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "| `base` | `parking.hpp` |",
            "| `base`, `memory` | `parking.hpp` |",
            "does not include `memory` any more",
        ),
        ("`parking.hpp` |", "`parked.hpp` |", "src/core/parking/parked.hpp is not there"),
        (
            "| `src/core/parking` |",
            "| `src/core/sleeping` |",
            "src/core/sleeping has a row, and no sources",
        ),
        ("## Where things live", "## Where things are", 'no table under "Where things live"'),
    ],
)
def test_what_the_table_says_and_is_not_so(project, copy, old, new, message):
    spoil(copy / "docs/development.md", old, new)
    done = check(copy, project)
    assert done.returncode == 1
    assert message in done.stdout
