"""The table of folders in docs/development.md is what the sources include."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"\| `(?P<layer>src/\w+|bindings)` \| (?P<folders>`.+`) \|")
INCLUDE = re.compile(r'#include "((?:\w+/)+)\w+\.hpp"')
LAYERS = ["src/core", "src/py", "src/transfer", "src/runtime", "src/api", "bindings"]


def rows() -> dict[str, list[str]]:
    text = (ROOT / "docs/development.md").read_text(encoding="utf-8")
    return {row["layer"]: re.findall(r"`(\w+)`", row["folders"]) for row in ROW.finditer(text)}


def includes(layer: str) -> list[tuple[Path, str]]:
    return [
        (path.relative_to(ROOT), match[1].rstrip("/"))
        for path in (ROOT / layer).rglob("*.?pp")
        for match in INCLUDE.finditer(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("layer", list(rows()))
def test_each_folder_includes_those_before_it(layer):
    folders = rows()[layer]
    wrong = []
    prefix = layer.removeprefix("src/") + "/" if layer.startswith("src/") else ""
    for path, included in includes(layer):
        own = path.relative_to(layer).parts[0]
        if (path.parent / own).suffix or not included.startswith(prefix):
            continue
        target = included.removeprefix(prefix).split("/")[0]
        if target not in folders:
            continue
        assert own in folders, f"{own} is not in the table of docs/development.md"
        if folders.index(target) > folders.index(own):
            wrong.append(f"{path}: {included}")
    assert not wrong


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_includes_those_before_it(layer):
    later = {each.removeprefix("src/") for each in LAYERS[LAYERS.index(layer) + 1 :]}
    wrong = [
        f"{path}: {included}"
        for path, included in includes(layer)
        if included.split("/")[0] in later
        or (LAYERS.index(layer) < LAYERS.index("src/api") and included == "atoll")
    ]
    assert not wrong
