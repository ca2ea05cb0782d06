"""What queues cost: round trips, pairs of put and get, throughput, and waiting itself."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from threading import Thread
from types import ModuleType

from csp import PAIRS, StockPartner, pairs_of
from measure import ATOLL, Library, Options, Row, interleaved_medians, libraries


def measure(options: Options) -> Iterator[Row]:
    yield from round_trip(options)
    yield put_and_get(options)
    yield throughput(options)
    yield idle_receiver()


class QueuePartner(StockPartner):
    """Another interpreter, in a thread, that sends back what it gets from a queue."""

    def __init__(self, library: Library) -> None:
        module = library.load()
        self.name = library.name
        self.there = module.create_queue()
        self.back = module.create_queue()
        source = "while (value := rx.get()) is not None: tx.put(value)"
        self.start(module.create(), source, rx=self.there, tx=self.back)


def round_trip(options: Options) -> Iterator[Row]:
    """An int to another interpreter and back, beside two threads that wake each other by a futex.

    The machine's own cost of waking somebody varies, so the two are measured in turns. The batches
    are long, like those of the futex: a scheduler takes milliseconds to put two threads that have
    slept on one CPU on two.
    """
    partners = [QueuePartner(library) for library in libraries()]
    taken: dict[str, list[float]] = {partner.name: [] for partner in partners}
    futex: list[float] = []
    try:
        for _ in range(options.pick(15, 3)):
            if program := os.environ.get("ATOLL_CORE_BENCH"):
                command = [program, "--raw-futex", "5000"]
                futex.append(float(subprocess.check_output(command, text=True)))
            functions: dict[str, Callable[[], object]] = {
                partner.name: partner.round_trip for partner in partners
            }
            for name, value in interleaved_medians(functions, batches=5, batch_us=50_000).items():
                taken[name].append(value)
    finally:
        for partner in partners:
            partner.close()
    values = {name: statistics.median(all_of_them) for name, all_of_them in taken.items()}
    aim = 1.5 * statistics.median(futex) if futex else None
    if futex:
        yield Row("raw futex there and back", "us", {ATOLL.name: statistics.median(futex)})
    yield Row("int there and back, queues", "us", values, aim=aim)


def put_and_get(options: Options) -> Row:
    """An int into a queue and out again, in one thread."""
    queues = {library.name: library.load().create_queue() for library in libraries()}
    functions = {name: pairs_of(queue.put, queue.get) for name, queue in queues.items()}
    taken = interleaved_medians(functions, batches=options.pick(400, 60))
    values = {name: median / PAIRS for name, median in taken.items()}
    return Row("int into a queue and out again", "us", values, aim=0.10)


SENDER = """
def send(queue, count):
    put = queue.put
    for number in range(count):
        put(number)
"""
RECEIVER = """
def receive(queue, count):
    get = queue.get
    for _ in range(count):
        get()
"""


def throughput(options: Options) -> Row:
    """Two interpreters that put and two that get, on one queue: time per item."""
    values = {}
    for library in libraries():
        # CPython's own is far slower, and its time per item does not depend on the number.
        count = options.pick(400_000, 50_000) // (1 if library is ATOLL else 40)
        runs = options.pick(5, 3)
        values[library.name] = statistics.median(
            microseconds_per_item(library.load(), count) for _ in range(runs)
        )
    return Row("item, 2 senders and 2 receivers", "us", values, aim=1.0)


def microseconds_per_item(module: ModuleType, count: int) -> float:
    queue = module.create_queue()
    interpreters = []
    for source, name in ((SENDER, "send"), (RECEIVER, "receive")) * 2:
        interpreter = module.create()
        interpreter.exec(source)
        interpreter.prepare_main(queue=queue)
        interpreters.append((interpreter, f"{name}(queue, {count})"))
    threads = [Thread(target=interpreter.exec, args=(call,)) for interpreter, call in interpreters]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - start
    for interpreter, _ in interpreters:
        interpreter.close()
    return taken * 1e6 / (2 * count)


WATCHED = 2.0  # seconds


def idle_receiver() -> Row:
    """The processor time that the whole process takes while a thread waits for a queue."""
    values = {}
    for library in libraries():
        module = library.load()
        queue = module.create_queue()
        interpreter = module.create()
        interpreter.prepare_main(queue=queue)
        thread = Thread(target=interpreter.exec, args=("queue.get()",))
        thread.start()
        time.sleep(0.2)
        before = time.process_time()
        time.sleep(WATCHED)
        values[library.name] = (time.process_time() - before) * 1e3
        queue.put(None)
        thread.join()
        interpreter.close()
    # The main thread's own going to sleep and waking up is in it.
    return Row(f"CPU of an idle receiver in {WATCHED:.0f} s", "ms", values, aim=0.2)
