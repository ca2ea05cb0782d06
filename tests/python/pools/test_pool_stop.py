"""Tasks that are cancelled, interrupted and timed out, and what that leaves behind."""

import random
import threading
import time
from concurrent.futures import CancelledError

import pytest

import atoll
from atoll import interpreters


@pytest.fixture(name="pool")
def pool_fixture():
    pool = atoll.Pool(1)
    yield pool
    pool._stop()
    pool.shutdown()


def spin(tx):
    tx.send("running")
    while True:
        pass


class TestCancel:
    def test_before_it_begins(self, pool):
        tx, rx = atoll.channel(None)
        go, gate = atoll.channel(None)
        pool.submit(lambda tx, gate: (tx.send(1), gate.recv()), tx, gate)
        rx.recv()
        future = pool.submit(tx.send, "it ran")
        assert not future.running()
        assert future.cancel()
        assert future.cancel()
        assert future.cancelled()
        assert future.done()
        assert "cancelled" in repr(future)
        for method in (future.result, future.exception):
            with pytest.raises(CancelledError):
                method()
        go.send(None)
        pool.shutdown()
        assert len(rx) == 0

    def test_running_code_only_on_demand(self, pool, spin_until_told):
        tx, rx = atoll.channel(None)
        future = pool.submit(spin_until_told, tx)
        assert rx.recv() == "running"
        assert "running" in repr(future)
        assert not future.cancel()
        assert future.running()
        assert future.cancel(interrupt=True)
        assert future.cancelled()
        with pytest.raises(CancelledError):
            future.result()
        assert rx.recv() == "TaskInterrupted"
        assert pool.run(abs, -1) == 1

    def test_too_late(self, pool):
        future = pool.submit(abs, -1)
        future.result()
        assert not future.cancel()
        assert not future.cancel(interrupt=True)
        assert future.result() == 1

    def test_interrupt_of_what_has_not_begun(self, pool):
        tx, rx = atoll.channel(None)
        first = pool.submit(spin, tx)
        rx.recv()
        second = pool.submit(abs, -1)
        assert second.cancel(interrupt=True)
        assert first.cancel(interrupt=True)
        assert pool.run(abs, -2) == 2

    def test_bad_arguments(self, pool):
        future = pool.submit(abs, -1)
        with pytest.raises(TypeError):
            future.cancel(True)
        with pytest.raises(TypeError):
            future.cancel(interrupted=True)

    def test_whoever_waits_is_woken(self, pool, start_blocked):
        tx, rx = atoll.channel(None)
        future = pool.submit(spin, tx)
        rx.recv()
        waiting = start_blocked(future.result)
        future.cancel(interrupt=True)
        with pytest.raises(CancelledError):
            waiting.result()


class TestInterrupt:
    @pytest.mark.parametrize("where", ["queue", "channel", "select", "send", "future"])
    def test_of_a_wait_in_atoll(self, pool, where):
        def wait(where, tx, queue, rx, full):
            import atoll

            tx.send("running")
            try:
                if where == "queue":
                    queue.get()
                elif where == "channel":
                    rx.recv()
                elif where == "select":
                    atoll.select(rx, queue)
                elif where == "send":
                    full.send(1)
                else:
                    with atoll.Pool(1) as inner:
                        inner.run(rx.recv)
            except atoll.TaskInterrupted:
                tx.send("interrupted")
                raise

        tx, rx = atoll.channel(None)
        never_sent, never = atoll.channel(0)
        future = pool.submit(wait, where, tx, interpreters.create_queue(), never, never_sent)
        assert rx.recv() == "running"
        assert future.cancel(interrupt=True)
        assert rx.recv() == "interrupted"
        assert pool.run(abs, -1) == 1

    def test_a_task_that_catches_it_can_clean_up(self, pool):
        def work(tx, hand_over):
            import atoll

            try:
                tx.send("running")
                while True:
                    pass
            except atoll.TaskInterrupted:
                # A wait: the interrupt is over by now.
                hand_over.send("cleaned up")
                hand_over.send("indeed")

        tx, rx = atoll.channel(None)
        hand_over, taken = atoll.channel(0)
        future = pool.submit(work, tx, hand_over)
        rx.recv()
        assert future.cancel(interrupt=True)
        assert taken.recv() == "cleaned up"
        assert taken.recv() == "indeed"
        with pytest.raises(CancelledError):
            future.result()
        assert pool.run(abs, -1) == 1

    def test_one_that_goes_on_is_told_again(self, pool):
        def work(tx):
            for _ in range(3):
                try:
                    tx.send("running")
                    while True:
                        pass
                except BaseException as error:
                    tx.send(type(error).__name__)

        tx, rx = atoll.channel(None)
        future = pool.submit(work, tx)
        for _ in range(3):
            assert rx.recv() == "running"
            assert future.cancel(interrupt=True)
            assert rx.recv() == "TaskInterrupted"
        assert pool.run(abs, -1) == 1

    def test_in_yet_another_interpreter(self, pool):
        def work(tx, never):
            from atoll import interpreters

            inner = interpreters.create()
            try:
                inner.call(lambda tx, rx: (tx.send("running"), rx.recv()), tx, never)
            finally:
                inner.close()
                tx.send("left")

        tx, rx = atoll.channel(None)
        kept, never = atoll.channel(0)
        future = pool.submit(work, tx, never)
        assert rx.recv() == "running"
        assert future.cancel(interrupt=True)
        assert rx.recv() == "left"
        assert pool.run(abs, -1) == 1
        del kept

    def test_before_the_arguments_have_arrived(self, pool):
        class Slow:
            """Waits where it arrives."""

            def __init__(self, tx, gate):
                self._parts = tx, gate

            def __reduce__(self):
                def arrive(tx, gate):
                    tx.send("arriving")
                    gate.recv()

                return arrive, self._parts

        tx, rx = atoll.channel(None)
        go, gate = atoll.channel(None)
        future = pool.submit(lambda slow, tx: tx.send("called"), Slow(tx, gate), tx)
        assert rx.recv() == "arriving"
        assert future.cancel(interrupt=True)
        assert future.cancelled()
        go.send(None)
        assert pool.run(abs, -1) == 1
        assert len(rx) == 0

    def test_of_many_that_import_at_once(self):
        """A module stays locked for ever if that interrupts its import in atoll's own code."""
        for _ in range(5):
            with atoll.Pool(1, threads=8) as pool:
                kept, never = atoll.channel(0)
                futures = [pool.submit(never.recv) for _ in range(8)]
                for future in futures:
                    # Most of them are being unpacked, or have not begun.
                    assert future.cancel(interrupt=True)
                assert pool.run(abs, -1) == 1
                assert [pool.submit(len, kept).result() for _ in range(8)] == [0] * 8

    def test_it_never_hits_another_task(self):
        """Thousands of short tasks, cancelled at random moments."""
        chance = random.Random(5)
        with atoll.Pool(2, threads=2) as pool:
            for _ in range(150):
                futures = [
                    pool.submit(lambda n: sum(range(n)), n)
                    for n in (chance.randrange(3000) for _ in range(20))
                ]
                doomed = chance.sample(range(20), 7)
                for i in doomed:
                    for _ in range(chance.randrange(300)):
                        pass
                    futures[i].cancel(interrupt=True)
                for i, future in enumerate(futures):
                    if future.cancelled():
                        assert i in doomed
                    else:
                        future.result()
            # The workers are whole.
            assert list(pool.map(abs, range(1000))) == list(range(1000))
            stats = pool.stats()
            assert stats.failed == 0
            assert stats.cancelled > 0

    def test_the_results_of_the_others_are_right(self):
        with atoll.Pool(1) as pool:
            for round_ in range(300):
                doomed = pool.submit(lambda: [i + 1 for i in range(2000)])
                other = pool.submit(lambda n: (n, sum(range(500))), round_)
                doomed.cancel(interrupt=True)
                assert other.result() == (round_, 124750)


class TestTimeout:
    def test_stops_the_code(self, pool, spin_until_told):
        tx, rx = atoll.channel(None)
        pool.run(abs, -1)  # what takes time when it is done first
        future = pool.options(timeout=0.5).submit(spin_until_told, tx)
        with pytest.raises(atoll.TaskTimedOut, match=r"it has run for more than 0\.5 s"):
            future.result()
        assert type(future.exception()) is atoll.TaskTimedOut
        assert not future.cancelled()
        assert not future.cancel()
        assert "timed out" in repr(future)
        assert [rx.recv(), rx.recv()] == ["running", "TaskInterrupted"]
        with pytest.raises(atoll.TaskTimedOut):
            pool.options(timeout=0.5).run(spin_until_told, tx)
        assert pool.run(abs, -1) == 1
        assert pool.stats().timed_out == 2

    def test_counts_from_its_start(self, pool):
        tx, rx = atoll.channel(None)
        go, gate = atoll.channel(None)
        pool.submit(lambda tx, gate: (tx.send(1), gate.recv()), tx, gate)
        rx.recv()
        waiting = pool.options(timeout=0.2).submit(abs, -1)
        with pytest.raises(TimeoutError) as caught:
            waiting.result(0.4)
        assert not isinstance(caught.value, atoll.TaskTimedOut)
        assert not waiting.done()
        go.send(None)
        assert waiting.result() == 1

    def test_of_a_task_of_a_task(self, pool):
        """The exception travels as any other."""

        def inner():
            _kept, never = atoll.channel()
            with atoll.Pool(1) as pool:
                pool.options(timeout=0.01).run(never.recv)

        with pytest.raises(atoll.TaskTimedOut, match=r"more than 0\.01 s"):
            pool.run(inner)

    def test_of_a_wait_in_atoll(self, pool):
        kept, never = atoll.channel(0)
        with pytest.raises(TimeoutError):
            pool.options(timeout=0.01).run(never.recv)
        assert pool.run(abs, -1) == 1
        del kept

    def test_many_at_once(self):
        with atoll.Pool(1, threads=8) as pool:
            kept, never = atoll.channel(0)
            begin = time.monotonic()
            limited = [pool.options(timeout=0.05 + 0.01 * i) for i in range(8)]
            futures = [each.submit(never.recv) for each in limited]
            assert all(isinstance(f.exception(), atoll.TaskTimedOut) for f in futures)
            assert time.monotonic() - begin < 30
            assert pool.run(abs, -1) == 1
            del kept

    def test_one_that_is_not_reached(self, pool):
        assert [pool.options(timeout=60).run(abs, -n) for n in range(500)] == list(range(500))

    def test_close_calls(self):
        """The end of the task and its timeout at the same moment."""
        with atoll.Pool(2) as pool:
            outcomes = set()
            for n in range(400):
                future = pool.options(timeout=0.0001).submit(lambda n: sum(range(n)), 20 * n)
                try:
                    assert future.result() == sum(range(20 * n))
                    outcomes.add("returned")
                except atoll.TaskTimedOut:
                    outcomes.add("timed out")
                assert pool.run(sum, range(100)) == 4950
            assert outcomes <= {"returned", "timed out"}
            assert pool.stats().failed == 0


class TestLeavingTheBlock:
    def test_with_an_exception_stops_what_runs(self, spin_until_told):
        tx, rx = atoll.channel(None)
        with pytest.raises(LookupError), atoll.Pool(2) as pool:  # noqa: PT012
            running = [pool.submit(spin_until_told, tx) for _ in range(2)]
            waiting = [pool.submit(abs, -1) for _ in range(5)]
            assert {rx.recv(), rx.recv()} == {"running"}
            raise LookupError
        assert all(future.cancelled() for future in running + waiting)
        assert {rx.recv(), rx.recv()} == {"TaskInterrupted"}
        assert pool.closed

    def test_without_one_waits(self):
        with atoll.Pool(2) as pool:
            futures = [pool.submit(abs, -n) for n in range(50)]
        assert all(future.done() for future in futures)
        assert [future.result() for future in futures] == list(range(50))

    def test_from_another_thread(self, background):
        """Somebody else's tasks are stopped, too."""
        tx, rx = atoll.channel(None)
        begun = threading.Event()
        pool = atoll.Pool(1)

        def use():
            future = pool.submit(spin, tx)
            rx.recv()
            begun.set()
            return future.exception(60)

        user = background(use)
        with pytest.raises(LookupError), pool:  # noqa: PT012
            begun.wait()
            raise LookupError
        with pytest.raises(CancelledError):
            user.result()
