"""What it costs to send a value and receive it, beside other ways to copy Python objects.

One thread puts a value into a queue and takes it out again, so that nothing is measured but
encoding and decoding. pickle, marshal and msgspec serialize and deserialize, without anything in
between. A column is empty where that way cannot carry the value, or brings back another one (a
tuple of msgspec's is a list).
"""

import marshal
import multiprocessing
import pickle
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from measure import ATOLL, STOCK, Library, Options, Row, interleaved_medians, libraries

try:
    import msgspec
except ModuleNotFoundError:  # pip install .[bench]
    msgspec = None

COLUMNS = (ATOLL.name, STOCK.name, "pickle", "marshal", "Pipe", "msgpack")


@dataclass
class Order:
    number: int
    customer: str
    total: float
    paid: bool
    tags: list[str]


def values(random: Random) -> Iterator[tuple[str, Any, float | None]]:
    """Name, value, and how many times faster than pickle it is meant to be; None for a scalar."""

    def text(length: int) -> str:
        return "".join(random.choices("abcdefghijklmnopqrstuvwxyz ", k=length))

    def order(number: int) -> Order:
        return Order(number, text(12), random.random() * 100, True, [text(5), text(6)])

    yield "int", 123456, None
    yield "float", 1.5, None
    yield "str of 100", text(100), None
    yield "bytes of 1 KB", random.randbytes(1024), None
    yield "tuple of 3", (7, "seven", 7.5), 2.5
    yield "dict of 40 strings", {f"key{i}": text(10) for i in range(40)}, 2.5
    yield "list of 100 ints", [random.randrange(1_000_000) for _ in range(100)], 2.5
    yield "100 records", [record(i, text) for i in range(100)], 3
    yield "1000 dicts of 1 KB", [kilobyte(i, text) for i in range(1000)], 3
    yield "dataclass", order(1), 2.5
    yield "100 dataclasses", [order(i) for i in range(100)], 2.5
    yield "nested JSON of 100 KB", document(random, text), 2.5
    yield "100 datetime/UUID/Decimal", [row(i, random) for i in range(100)], 2.5


def record(number: int, text: Callable[[int], str]) -> dict[str, Any]:
    return {
        "id": number,
        "name": text(10),
        "score": number / 3,
        "active": number % 2 == 0,
        "tags": [text(4), text(5)],
        "parent": None,
    }


def kilobyte(number: int, text: Callable[[int], str]) -> dict[str, Any]:
    """12 fields; numbers, and texts of about 1000 characters in all."""
    lengths = {"name": 12, "email": 20, "street": 24, "city": 10, "title": 40, "note": 880}
    fields = {name: text(length) for name, length in lengths.items()}
    numbers = {"id": number, "age": number % 90, "height": 1.5 + number / 2000}
    return numbers | fields | {"active": True, "manager": None, "tags": ["a", "b"]}


def document(random: Random, text: Callable[[int], str]) -> dict[str, Any]:
    def user(number: int) -> dict[str, Any]:
        return {
            "id": number,
            "name": {"first": text(6), "last": text(9)},
            "contact": {"email": text(18), "phones": [text(11), text(11)]},
            "location": {"lat": random.uniform(-90, 90), "lon": random.uniform(-180, 180)},
            "tags": [text(5) for _ in range(4)],
            "friends": [{"id": random.randrange(10_000), "name": text(10)} for _ in range(3)],
            "active": random.random() < 0.5,
            "balance": None if random.random() < 0.1 else round(random.random() * 1000, 2),
        }

    return {"version": 1, "users": [user(i) for i in range(220)], "next": None}


def row(number: int, random: Random) -> dict[str, Any]:
    return {
        "at": datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(10**8)),
        "id": uuid.UUID(int=random.getrandbits(128), version=4),
        "price": Decimal(random.randrange(10**6)) / 100,
    }


type Run = Callable[[Any, range], Any]


def by_queue(put: Callable[[Any], object], get: Callable[[], Any]) -> Run:
    def run(value: Any, repeat: range) -> Any:
        for _ in repeat:
            put(value)
            got = get()
        return got

    return run


def by_functions(dumps: Callable[[Any], Any], loads: Callable[[Any], Any]) -> Run:
    def run(value: Any, repeat: range) -> Any:
        for _ in repeat:
            got = loads(dumps(value))
        return got

    return run


class Pipe:
    """multiprocessing's. For what does not fit in a pipe that nobody reads, a thread sends."""

    FITS = 32 * 1024

    def __init__(self) -> None:
        self.receiving, self.sending = multiprocessing.Pipe(duplex=False)
        self.asked = threading.Semaphore(0)
        self.large: Any = None
        threading.Thread(target=self.send_what_is_asked, daemon=True).start()

    def send_what_is_asked(self) -> None:
        while self.asked.acquire():
            self.sending.send(self.large)

    def ask(self, value: Any) -> None:
        self.large = value
        self.asked.release()

    def run_of(self, size: int) -> Run:
        return by_queue(self.sending.send if size <= self.FITS else self.ask, self.receiving.recv)


def queue_of(library: Library) -> Run:
    queue = library.load().create_queue()
    return by_queue(queue.put, queue.get)


def brings_back(run: Run, value: Any) -> bool:
    try:
        return bool(run(value, range(1)) == value)
    except (TypeError, ValueError, OverflowError):
        return False


def measure(options: Options) -> Iterator[Row]:
    ways = {library.name: queue_of(library) for library in libraries()}
    ways["pickle"] = by_functions(partial(pickle.dumps, protocol=5), pickle.loads)
    ways["marshal"] = by_functions(marshal.dumps, marshal.loads)
    if msgspec:
        ways["msgpack"] = by_functions(msgspec.msgpack.encode, msgspec.msgpack.decode)
    pipe = Pipe()
    for name, value, faster in values(Random(1)):
        size = len(pickle.dumps(value))
        ways["Pipe"] = pipe.run_of(size)
        # The call of a runner must not count.
        repeat = range(100 if size < 4096 else 1)
        runs: dict[str, Callable[[], object]] = {
            way: partial(run, value, repeat) for way, run in ways.items() if brings_back(run, value)
        }
        taken = interleaved_medians(runs, batches=options.pick(60, 15))
        yield Row(
            name,
            "us",
            {way: median / len(repeat) for way, median in taken.items()},
            aim=None if faster else 0.1,
            times={"pickle": faster, STOCK.name: 4} if faster else {},
        )
