"""List or clear the private copies of extension modules, which isolated interpreters load where
modules refuse them. They are made again when they are needed."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from atoll import _atoll

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=("list", "clear"), nargs="?", default="list", help="list (default), clear"
    )
    parser.add_argument("--json", action="store_true", help="list as one JSON object")


def run(options: argparse.Namespace) -> int:
    folder = _atoll._extension_cache()
    try:
        files = sorted(entries(folder), key=lambda each: each["name"])
        if options.action == "clear":
            for each in files:
                os.unlink(os.path.join(folder, each["file"]))
    except OSError as error:
        print(f"atoll cache: {folder}: {error.strerror}", file=sys.stderr)
        return 1
    total = sum(each["bytes"] for each in files)
    if options.json:
        print(json.dumps({"folder": folder, "bytes": total, "files": files}, indent=2))
        return 0
    if options.action == "list":
        for each in files:
            print(f"{each['bytes'] / 1e6:9.1f} MB  {each['name']}")
    done = "removed from" if options.action == "clear" else "in"
    print(f"{len(files)} files, {total / 1e6:.1f} MB, {done} {folder or '(no folder)'}")
    return 0


def entries(folder: str) -> list[dict[str, Any]]:
    """The copies. Programs that have loaded one keep it, whatever becomes of its file."""
    if not folder or not os.path.isdir(folder):
        return []
    with os.scandir(folder) as found:
        return [
            {
                "file": each.name,
                "name": each.name.partition("-")[2],
                "bytes": each.stat(follow_symlinks=False).st_size,
            }
            for each in found
            if each.is_file(follow_symlinks=False)
        ]
