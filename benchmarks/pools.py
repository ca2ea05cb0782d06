"""What handing a call to a pool costs, beside CPython's executors."""

import concurrent.futures
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from time import perf_counter

from measure import ATOLL, STOCK, Options, Row, copy_of, interleaved_medians
from speedup import collatz

import atoll
from atoll.futures import InterpreterPoolExecutor

WORKERS = 2

#: Relatives of CPython's own, shown beside the rows.
THREADS, PROCESSES = "threads", "processes"


def triple(number: int) -> int:
    return 3 * number


def measure(options: Options) -> Iterator[Row]:
    with ExitStack() as stack:
        pool = stack.enter_context(atoll.Pool(WORKERS))
        executor = stack.enter_context(InterpreterPoolExecutor(WORKERS))
        peers: dict[str, Executor] = {
            THREADS: stack.enter_context(ThreadPoolExecutor(WORKERS)),
            PROCESSES: stack.enter_context(
                ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"))
            ),
        }
        if sys.version_info >= (3, 14):
            peers[STOCK.name] = stack.enter_context(
                concurrent.futures.InterpreterPoolExecutor(WORKERS)
            )
        everybody: list[Executor | atoll.Pool] = [pool, executor, *peers.values()]
        for each in everybody:
            # All workers are there, and know what they will need.
            list(each.map(triple, range(1000)))
        yield from submitting(pool, executor, peers, options)
        yield from mapping(pool, executor, peers, options)
    yield taking(options)
    yield speedup(options)


def submitting(
    pool: atoll.Pool, executor: Executor, peers: dict[str, Executor], options: Options
) -> Iterator[Row]:
    functions = {name: submit_and_wait(each) for name, each in peers.items()}
    functions["pool"] = submit_and_wait(pool)
    functions["executor"] = submit_and_wait(executor)
    functions["run"] = lambda: pool.run(triple, 7)
    taken = interleaved_medians(functions, batches=options.pick(150, 15))
    stock = {name: taken[name] for name in (STOCK.name,) if name in taken}
    others = {name: taken[name] for name in (THREADS, PROCESSES)}
    yield Row(
        "submit to result, Pool", "us", {ATOLL.name: taken["pool"]} | stock, aim=12, peers=others
    )
    yield Row("submit to result, executor", "us", {ATOLL.name: taken["executor"]} | stock, aim=12)
    yield Row("Pool.run()", "us", {ATOLL.name: taken["run"]} | stock)


def submit_and_wait(executor: Executor | atoll.Pool) -> Callable[[], object]:
    submit = executor.submit
    return lambda: submit(triple, 7).result()


def mapping(
    pool: atoll.Pool, executor: Executor, peers: dict[str, Executor], options: Options
) -> Iterator[Row]:
    """Per call of a function that does next to nothing."""
    long, short = range(options.pick(200_000, 50_000)), range(options.pick(5000, 1000))
    runs: dict[str, tuple[range, Callable[[range], Iterator[int]]]] = {
        "auto": (long, lambda numbers: pool.map(triple, numbers)),
        "single": (short, lambda numbers: pool.map(triple, numbers, chunksize=1)),
        "executor": (short, lambda numbers: executor.map(triple, numbers)),
    }
    for name, peer in peers.items():
        runs[name] = (short, partial(peer.map, triple))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.pick(15, 5)):
        for name, (numbers, start) in runs.items():
            begin = perf_counter()
            total = sum(start(numbers))
            times[name].append((perf_counter() - begin) / len(numbers) * 1e6)
            assert total == 3 * sum(numbers)
    taken = {name: statistics.median(each) for name, each in times.items()}
    stock = {name: taken[name] for name in (STOCK.name,) if name in taken}
    others = {name: taken[name] for name in (THREADS, PROCESSES)}
    yield Row(
        "call in Pool.map()", "us", {ATOLL.name: taken["auto"]} | stock, aim=3.33, peers=others
    )
    yield Row("call in Pool.map(chunksize=1)", "us", {ATOLL.name: taken["single"]} | stock, aim=10)
    yield Row("call in executor.map()", "us", {ATOLL.name: taken["executor"]} | stock, aim=10)


def taking(options: Options) -> Row:
    """A spare interpreter, beside the making of one."""
    values: dict[str, float] = {}
    taken = []
    with atoll.Pool(1, warm=2) as pool:
        for _ in range(options.pick(30, 5)):
            spares = pool.stats()
            while spares.spares == 0:
                os.sched_yield()
                spares = pool.stats()
            begin = perf_counter()
            interpreter = pool.take_interpreter()
            taken.append(perf_counter() - begin)
            interpreter.close()
    values[ATOLL.name] = statistics.median(taken) * 1e6
    if sys.version_info >= (3, 14):
        module = STOCK.load()
        made = []
        for _ in range(options.pick(15, 5)):
            begin = perf_counter()
            interpreter = module.create()
            made.append(perf_counter() - begin)
            interpreter.close()
        values[STOCK.name] = statistics.median(made) * 1e6
    return Row("a warm interpreter; CPython: create", "us", values, aim=100)


def speedup(options: Options) -> Row:
    """Pool.map() over CPU-bound work, against a loop in this interpreter."""
    cores = len(os.sched_getaffinity(0))
    end = options.pick(20_000, 5_000) * cores
    parts = [range(1 + start, end, 64) for start in range(64)]
    work = copy_of(collatz)
    factors = []
    with atoll.Pool(cores) as pool:
        list(pool.map(work, parts[:8]))
        for _ in range(options.pick(9, 3)):
            begin = perf_counter()
            expected = sum(collatz(part) for part in parts)
            serial = perf_counter() - begin
            begin = perf_counter()
            total = sum(pool.map(work, parts))
            factors.append(serial / (perf_counter() - begin))
            assert total == expected
    return Row(
        f"speed-up of Pool.map(), {cores} cores",
        "x",
        {ATOLL.name: statistics.median(factors)},
        aim=0.95 * cores,
    )
