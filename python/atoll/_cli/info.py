"""Show the versions of atoll and Python, what this Python supports, and where things are."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

import atoll
from atoll import _install

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def run(options: argparse.Namespace) -> int:
    facts = gather()
    if options.json:
        print(json.dumps(facts, indent=2))
        return 0
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):{width}}{_show(value)}")
    return 0


def _show(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def gather() -> dict[str, Any]:
    return {
        "atoll": atoll.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "interpreters": _support(),
        "standard_interpreters": _standard_module(),
        "cores": usable_cores(),
        "cores_of_machine": os.cpu_count(),
        "workers_by_default": usable_cores(),
        "installed": atoll.installed(),
        "installed_in_children": _install.ENVIRONMENT in os.environ,
        "cloudpickle": _version("cloudpickle"),
        "tqdm": _version("tqdm"),
        "platform": platform.platform(),
        "executable": sys.executable,
        "package": os.path.dirname(os.path.abspath(atoll.__file__)),
        "extension": _extension(),
    }


def _support() -> str:
    """Whether an isolated interpreter can be made here, by making one."""
    try:
        from atoll import interpreters

        interp = interpreters.create()
        interp.close()
    except Exception as error:
        return f"no: {type(error).__name__}: {error}"
    return "yes, isolated, each with its own GIL"


def _standard_module() -> str | None:
    if sys.version_info < (3, 14):
        return None
    return "concurrent.interpreters" + (" (now atoll's)" if atoll.installed() else "")


def _extension() -> str | None:
    try:
        from atoll import _atoll
    except ImportError as error:
        return f"cannot be loaded: {error}"
    return os.path.abspath(_atoll.__file__)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
