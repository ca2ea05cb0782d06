"""What channels cost, beside CPython's own queues: a rendezvous there and back, and a buffer."""

from collections.abc import Callable, Iterator
from threading import Thread

from measure import ATOLL, STOCK, Options, Row, interleaved_medians, libraries

import atoll


def measure(options: Options) -> Iterator[Row]:
    yield round_trip(options)
    yield buffered(options)


def round_trip(options: Options) -> Row:
    """An int to another interpreter, and back."""
    partners = [Partner()]
    if STOCK in libraries():
        partners.append(StockPartner())
    try:
        functions: dict[str, Callable[[], object]] = {
            partner.name: partner.round_trip for partner in partners
        }
        # CPython's queues look every 10 ms whether there is something.
        values = interleaved_medians(functions, batches=options.pick(200, 20))
    finally:
        for partner in partners:
            partner.close()
    return Row("int there and back, rendezvous", "us", values)


class Partner:
    """Another interpreter, in a thread, that sends back what it receives."""

    name = ATOLL.name

    def __init__(self) -> None:
        self.tx, there = atoll.channel()
        back, self.rx = atoll.channel()
        self.start(ATOLL.load().create(), "for value in rx: tx.send(value)", rx=there, tx=back)

    def start(self, interpreter: object, source: str, **names: object) -> None:
        self.interpreter = interpreter
        interpreter.prepare_main(**names)  # type: ignore[attr-defined]
        self.thread = Thread(target=interpreter.exec, args=(source,))  # type: ignore[attr-defined]
        self.thread.start()

    def round_trip(self) -> None:
        self.tx.send(1)
        self.rx.recv()

    def end(self) -> None:
        self.tx.close()

    def close(self) -> None:
        self.end()
        self.thread.join()
        self.interpreter.close()  # type: ignore[attr-defined]


class StockPartner(Partner):
    name = STOCK.name

    def __init__(self) -> None:
        module = STOCK.load()
        self.there = module.create_queue()
        self.back = module.create_queue()
        source = "while (value := rx.get()) is not None: tx.put(value)"
        self.start(module.create(), source, rx=self.there, tx=self.back)

    def round_trip(self) -> None:
        self.there.put(1)
        self.back.get()

    def end(self) -> None:
        self.there.put(None)


PAIRS = 100  # per call, so that the call itself does not count


def buffered(options: Options) -> Row:
    """An int into a buffer and out again, in one thread."""
    tx, rx = atoll.channel(16)
    functions = {ATOLL.name: pairs_of(tx.send, rx.recv)}
    if STOCK in libraries():
        queue = STOCK.load().create_queue(16)
        functions[STOCK.name] = pairs_of(queue.put, queue.get)
    taken = interleaved_medians(functions, batches=options.pick(400, 60))
    values = {name: median / PAIRS for name, median in taken.items()}
    return Row("int into a channel and out again", "us", values, aim=0.10)


def pairs_of(send: Callable[[int], object], recv: Callable[[], object]) -> Callable[[], object]:
    repeat = range(PAIRS)

    def run() -> None:
        for _ in repeat:
            send(1)
            recv()

    return run
