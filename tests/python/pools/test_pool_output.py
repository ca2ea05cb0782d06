"""What tasks print, kept by their futures."""

import io
import sys
import threading

import pytest

import atoll


@pytest.fixture(name="pool")
def pool_fixture():
    pool = atoll.Pool(1, capture_output=True)
    yield pool
    pool._stop()
    pool.shutdown()


def speak(*words):
    print(*words)
    print(*reversed(words), file=sys.stderr, end="", flush=True)


def speak_and_wait(tx, gate, word):
    print(word)
    tx.send("printed")
    try:
        gate.recv()
    finally:
        print("after", word)
        tx.send("over")


class Speaking:
    """A task that has printed a word, and waits."""

    def __init__(self, pool, word="word"):
        tx, self.said = atoll.channel(None)
        self.go, gate = atoll.channel(None)
        self.future = pool.submit(speak_and_wait, tx, gate, word)
        assert self.said.recv() == "printed"


def test_each_task_has_its_own(pool):
    futures = [pool.submit(speak, n, n + 1) for n in range(20)]
    for n, future in enumerate(futures):
        future.result()
        assert (future.stdout, future.stderr) == (f"{n} {n + 1}\n", f"{n + 1} {n}")


def test_what_was_printed_before_an_exception(pool):
    def fail():
        print("before")
        raise LookupError

    future = pool.submit(fail)
    assert isinstance(future.exception(), LookupError)
    assert future.stdout == "before\n"


def test_while_it_runs(pool):
    waiting = Speaking(pool)
    behind = pool.submit(print, "later")
    assert waiting.future.stdout == "word\n"
    assert (behind.stdout, behind.stderr) == ("", "")
    waiting.go.send(None)
    waiting.future.result()
    assert waiting.future.stdout == "word\nafter word\n"


def test_of_a_cancelled_one(pool):
    task = Speaking(pool)
    assert task.future.cancel(interrupt=True)
    assert task.future.stdout.startswith("word\n")
    assert task.said.recv() == "over"
    assert task.future.stdout == "word\nafter word\n"
    # The next one has its own.
    after = pool.submit(print, "next")
    after.result()
    assert after.stdout == "next\n"


def test_of_one_that_ran_for_too_long(pool):
    def spin():
        print("begun")
        while True:
            pass

    pool.run(abs, 1)
    future = pool.options(timeout=0.5).submit(spin)
    assert isinstance(future.exception(), atoll.TaskTimedOut)
    assert future.stdout == "begun\n"


def test_of_one_that_never_began(pool):
    task = Speaking(pool)
    waiting = pool.submit(print, "never")
    assert waiting.cancel()
    assert waiting.stdout == ""
    task.go.send(None)
    assert pool.submit(len, threading.Lock()).stdout is None


def test_each_thread_for_itself():
    with atoll.Pool(1, threads=2, capture_output=True) as pool:
        tasks = [Speaking(pool, word) for word in "ab"]
        for task in tasks:
            task.go.send(None)
        for task in tasks:
            task.future.result()
        assert [task.future.stdout for task in tasks] == ["a\nafter a\n", "b\nafter b\n"]


def test_beside_streams():
    """What no task prints goes to the streams."""
    out = io.StringIO()
    initializer = exec
    with atoll.Pool(
        1, capture_output=True, stdout=out, initializer=initializer, initargs=("print('set up')",)
    ) as pool:
        future = pool.submit(print, "task")
        future.result()
    assert future.stdout == "task\n"
    assert out.getvalue() == "set up\n"


def test_every_character(pool):
    text = "\0\ud800\U0001f40d"
    future = pool.submit(lambda: sys.stdout.write(text))
    future.result()
    assert future.stdout == text


def test_bytes(pool):
    future = pool.submit(lambda: sys.stdout.buffer.write("\u00e9\n".encode()))
    assert future.result() == 3
    assert future.stdout == "\u00e9\n"


def test_without_capture_output():
    with atoll.Pool(1) as pool:
        future = pool.submit(abs, 1)
        future.result()
        assert (future.stdout, future.stderr) == (None, None)
