"""Holds the includes of the C++ sources against "Where things live" in docs/development.md.

    python tools/check_includes.py [--root FOLDER]

A layer may include the layers before it. Within a layer a folder may include what its row of the
table names. Printed, with exit status 1: an include that the table does not allow, a folder without
a row, a row without a folder, a name in a row that nothing includes any more, a starting point that
is not there.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = "docs/development.md"
LAYERS = (
    "include/atoll/base",
    "src/core",
    "src/py",
    "src/transfer",
    "src/runtime",
    "include/atoll",
    "src/api",
    "bindings",
)
"""From the bottom to the top. `include/atoll` is what `src/api` implements."""
ROOTS = {"include/atoll/base": "include", "include/atoll": "include", "bindings": "bindings"}
"""What paths in #include lines are relative to, where it is not `src`."""
TOP = "top"
"""How a row names the files that lie in no folder of the layer."""

ROW = re.compile(
    r"^\| `(?P<folder>[\w/]+)` \|[^|]+\|(?P<includes>[^|]*)\| `(?P<start>[\w./]+)`[^|]*\|$", re.M
)
INCLUDE = re.compile(r'^#include "([\w/]+\.hpp)"', re.M)


@dataclass(frozen=True)
class Row:
    includes: frozenset[str]
    start: str


@dataclass(frozen=True)
class Include:
    source: Path
    text: str
    target: str


def layer_of(folder: str) -> str:
    """The longest of LAYERS that `folder` lies in; "" for none."""
    return max(
        (each for each in LAYERS if f"{folder}/".startswith(f"{each}/")), key=len, default=""
    )


def name_in_layer(folder: str) -> str:
    rest = folder.removeprefix(layer_of(folder)).strip("/")
    return rest.split("/")[0] if rest else TOP


def read_table(root: Path) -> dict[str, Row]:
    page = (root / PAGE).read_text(encoding="utf-8")
    section = page.partition("\n## Where things live\n")[2].partition("\n## ")[0]
    return {
        row["folder"]: Row(frozenset(re.findall(r"`(\w+)`", row["includes"])), row["start"])
        for row in ROW.finditer(section)
    }


def folder_of(path: Path) -> str:
    """Of a source, relative to the root: its layer and the first folder in that."""
    layer = layer_of(path.parent.as_posix())
    name = name_in_layer(path.parent.as_posix())
    return layer if name == TOP else f"{layer}/{name}"


def includes(root: Path) -> Iterator[Include]:
    for layer in ("include", "src", "bindings"):
        for source in sorted((root / layer).rglob("*.[ch]pp")):
            path = source.relative_to(root)
            for text in INCLUDE.findall(source.read_text(encoding="utf-8")):
                for place in {"src", "include", ROOTS.get(layer_of(path.parent.as_posix()), "src")}:
                    if (root / place / text).is_file():
                        yield Include(path, text, folder_of(Path(place) / text))
                        break
                else:
                    if not (root / f"{source.parent}/{text}.in").is_file():
                        yield Include(path, text, "")


def problems(root: Path) -> Iterator[str]:
    table = read_table(root)
    if not table:
        yield f'{PAGE}: no table under "Where things live"'
    used = defaultdict[str, set[str]](set)
    folders = {
        folder_of(path.relative_to(root))
        for base in ("include", "src", "bindings")
        for path in (root / base).rglob("*.[ch]pp")
    }
    for each in includes(root):
        own = folder_of(each.source)
        if not each.target or each.target == own:
            continue
        mine, other = layer_of(own), layer_of(each.target)
        if mine != other:
            if LAYERS.index(other) > LAYERS.index(mine):
                yield f"{each.source} includes {each.text}: {mine} comes before {other}"
            continue
        name = name_in_layer(each.target)
        used[own].add(name)
        if own in table and name not in table[own].includes:
            where = f"the row of {own} in {PAGE}"
            yield f"{each.source} includes {each.text}: {where} does not name `{name}`"
    for folder in sorted(folders - table.keys()):
        yield f"{PAGE}: {folder} has no row"
    for folder, row in table.items():
        if folder not in folders:
            yield f"{PAGE}: {folder} has a row, and no sources"
        elif not (root / folder / row.start).is_file():
            yield f"{PAGE}: {folder}/{row.start} is not there"
        for name in sorted(row.includes - used[folder]):
            yield f"{PAGE}: {folder} does not include `{name}` any more"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    found = list(problems(parser.parse_args().root))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
