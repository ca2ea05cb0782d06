"""What type checkers see of pools and channels: mypy finds the errors that are named here."""

from typing import assert_type

import atoll
from atoll.futures import InterpreterPoolExecutor


def repeat(text: str, times: int = 2) -> str:
    return text * times


def submits(pool: atoll.Pool, executor: InterpreterPoolExecutor) -> None:
    assert_type(pool.submit(repeat, "a", times=3), atoll.Future[str])
    assert_type(pool.run(repeat, "a", 3), str)
    assert_type(pool.options(timeout=1).submit(repeat, "a"), atoll.Future[str])
    assert_type(pool.options(timeout=1).run(repeat, "a"), str)
    assert_type(atoll.run(repeat, "a"), str)
    assert_type(pool.submit(repeat, "a").result(timeout=1), str)
    assert_type(next(pool.map(repeat, "ab", timeout=1, task_timeout=1)), str)
    pool.submit(repeat, 1)  # type: ignore[arg-type]
    pool.run(repeat, "a", "b")  # type: ignore[arg-type]
    pool.submit(repeat, "a", timeout=5)  # type: ignore[call-arg]
    pool.options(timeout=1).submit(repeat, 1)  # type: ignore[arg-type]
    pool.options(timeout=1).run(repeat)  # type: ignore[call-arg]
    atoll.run(repeat, 1)  # type: ignore[arg-type]
    executor.submit(repeat, 1)  # type: ignore[arg-type]


def channels() -> None:
    tx, rx = atoll.channel[int | None](4)
    assert_type(rx.recv(), int | None)
    tx.send("text")  # type: ignore[arg-type]
    ends: tuple[atoll.Sender[str], atoll.Receiver[str]] = atoll.channel()
    assert_type(ends[1].recv(), str)
    anything, _ = atoll.channel()
    anything.send("text")
    anything.send(1)
