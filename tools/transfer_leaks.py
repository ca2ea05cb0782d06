"""Send values of every kind again and again, and see whether the process grows.

    python tools/transfer_leaks.py [--count 1000000] [KIND ...]

Prints a line per kind: how many transfers, and by how many KB the process grew in each of the last
three quarters of them, at the least: a table that is enlarged once is no leak. The exit status is 1
if that is more than --allowed KB.
"""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import gc
import itertools
import pathlib
import re
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atoll
from atoll import interpreters


@dataclasses.dataclass
class Data:
    x: Any
    y: Any = None


@dataclasses.dataclass(slots=True)
class Slots:
    x: Any


class Color(enum.Enum):
    RED = 1


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024


class Registered:
    pass


class Refused:
    def __reduce__(self) -> Any:
        raise RuntimeError("no")


def module_function(x: int) -> int:
    return x + FACTOR


def cyclic() -> list[Any]:
    own: list[Any] = []
    own.append(Data(own))
    return own


def encode_registered(_: Registered) -> int:
    return 1


def decode_registered(_: int) -> Registered:
    return Registered()


at = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
FACTOR = 2
shared = ["shared"]
KINDS: dict[str, Any] = {
    "none": None,
    "int": 123456,
    "huge int": 1 << 1000,
    "float": 1.5,
    "complex": 1j,
    "str": "x" * 100,
    "latin-1": "\xe9" * 100,
    "wide str": "\u20ac\U0001f600" * 10,
    "bytes": b"x" * 1000,
    "large bytes": b"x" * 100_000,
    "bytearray": bytearray(100),
    "memoryview": memoryview(b"x" * 100),
    "tuple": (1, "two", 3.0),
    "list": list(range(20)),
    "dict": {f"key{i}": str(i) for i in range(10)},
    "odd dict": {1: 2, (3,): 4, "\u20ac": 5},
    "set": {1, 2, 3},
    "frozenset": frozenset({1, 2}),
    "slice and range": [slice(1, 2), range(10)],
    "records": [{"a": i, "b": str(i), "c": [i]} for i in range(10)],
    "aliases": [shared, shared, {"k": shared}],
    "cycle": cyclic(),
    "datetimes": [at, at.date(), at.timetz(), at - at],
    "library": [uuid.UUID(int=1), decimal.Decimal("1.5"), pathlib.PurePosixPath("/a")],
    "dataclass": Data(1, [2]),
    "slots": Slots(1),
    "enum": Color.RED,
    "named tuple": Pair(1, 2),
    "class and function": [Data, len, re.compile],
    "pickled": re.compile("x"),
    "lambda": lambda x: x + 1,
    "__main__ function": module_function,
    "registered": Registered(),
    "refused": [1, {"k": Refused()}],
    "refused generator": [[{"a": 1, "b": 2}, (x for x in ())]],
}
#: By pickle, or through Python code: so many times fewer.
SLOW = {
    "pickled": 10,
    "__main__ function": 100,
    "refused": 100,
    "refused generator": 100,
    "library": 4,
}


def size_kb() -> int:
    gc.collect()
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1])
    raise RuntimeError("no Pss_Anon in smaps_rollup")


def sender(value: Any, by_value: bool) -> Callable[[int], None]:
    queue = interpreters.create_queue()
    tx, rx = atoll.channel(1)
    put, get = (tx.send, rx.recv) if by_value else (queue.put, queue.get)

    def run(count: int) -> None:
        for _ in range(count):
            try:
                put(value)
            except interpreters.NotShareableError:
                continue
            get()

    return run


def growth(name: str, count: int) -> tuple[int, int]:
    count = max(100, count // SLOW.get(name, 1))
    run = sender(KINDS[name], by_value=name == "__main__ function")
    quarter = count // 4
    run(quarter)
    sizes = [size_kb()]
    for _ in range(3):
        run(quarter)
        sizes.append(size_kb())
    return 4 * quarter, min(after - before for before, after in itertools.pairwise(sizes))


def main() -> int:
    parser = argparse.ArgumentParser(description="Does sending values make the process grow?")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--count", type=int, default=1_000_000, help="transfers of each kind")
    parser.add_argument("--allowed", type=int, default=64, metavar="KB")
    arguments = parser.parse_args()
    atoll.register(Registered, encode_registered, decode_registered)
    failed = []
    for name in arguments.kinds or KINDS:
        start = time.monotonic()
        count, grown = growth(name, arguments.count)
        print(
            f"{name:20}{count:>10,} {grown:>7,} KB {time.monotonic() - start:>7.1f} s", flush=True
        )
        if grown > arguments.allowed:
            failed.append(name)
    if failed:
        print("grew:", ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
