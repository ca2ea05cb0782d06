"""atoll.Future as a concurrent.futures.Future: wait(), callbacks, select, memory."""

import concurrent.futures
import copy
import gc
import pickle
import sys
import threading
import weakref
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

import atoll
from atoll import interpreters


class Blocked:
    """A task that waits for a value, which it returns; an exception class, which it raises."""

    def __init__(self, pool):
        tx, started = atoll.channel(None)
        self._go, gate = atoll.channel(None)

        def work(tx, gate):
            tx.send("running")
            value = gate.recv()
            if isinstance(value, type):
                raise value
            return value

        self.future = pool.submit(work, tx, gate)
        self.wait_until_running = started.recv

    def go(self, value):
        self._go.send(value)


class TestWait:
    def test_all_completed(self, pool):
        futures = [pool.submit(abs, -n) for n in range(20)]
        done, not_done = concurrent.futures.wait(futures)
        assert done == set(futures)
        assert not not_done

    def test_first_completed(self, pool):
        slow, fast = Blocked(pool), Blocked(pool)
        fast.go(1)
        done, not_done = concurrent.futures.wait(
            [slow.future, fast.future], return_when=concurrent.futures.FIRST_COMPLETED
        )
        assert (done, not_done) == ({fast.future}, {slow.future})
        slow.go(2)
        assert concurrent.futures.wait([slow.future]).done == {slow.future}

    def test_first_exception(self, pool):
        slow, bad = Blocked(pool), Blocked(pool)
        good = pool.submit(abs, -1)
        bad.go(LookupError)
        done, not_done = concurrent.futures.wait(
            [slow.future, bad.future, good], return_when=concurrent.futures.FIRST_EXCEPTION
        )
        assert bad.future in done
        assert slow.future in not_done
        slow.go(1)

    def test_first_exception_while_it_waits(self, pool, start_blocked):
        slow, bad = Blocked(pool), Blocked(pool)
        waiting = start_blocked(
            concurrent.futures.wait,
            [slow.future, bad.future],
            None,
            concurrent.futures.FIRST_EXCEPTION,
        )
        bad.go(LookupError)
        assert waiting.result().done == {bad.future}
        slow.go(1)

    def test_timeout(self, pool):
        slow = Blocked(pool)
        done, not_done = concurrent.futures.wait([slow.future], timeout=0.01)
        assert (done, not_done) == (set(), {slow.future})
        slow.go(1)
        assert concurrent.futures.wait([slow.future]).done == {slow.future}

    def test_cancelled_ones(self, pool, start_blocked):
        blocked = Blocked(pool)
        blocked.wait_until_running()
        waiting = start_blocked(concurrent.futures.wait, [blocked.future])
        assert blocked.future.cancel(interrupt=True)
        assert waiting.result().done == {blocked.future}

    def test_beside_futures_of_other_executors(self, shared):
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            futures = [shared.submit(abs, -1), threads.submit(abs, -2)]
            assert concurrent.futures.wait(futures).done == set(futures)

    def test_as_completed(self, pool):
        first, second = Blocked(pool), Blocked(pool)
        completed = concurrent.futures.as_completed([first.future, second.future])
        second.go("second")
        assert next(completed) is second.future
        first.go("first")
        assert next(completed) is first.future

    def test_as_completed_of_many(self, pool):
        futures = [pool.submit(abs, -n) for n in range(300)]
        got = [future.result() for future in concurrent.futures.as_completed(futures)]
        assert sorted(got) == list(range(300))

    def test_as_completed_timeout(self, pool):
        blocked = Blocked(pool)
        with pytest.raises(TimeoutError):
            list(concurrent.futures.as_completed([blocked.future], timeout=0.01))
        blocked.go(1)

    def test_one_future_from_many_threads(self, shared, background):
        """Watched by several at once, just when it ends."""
        for _ in range(100):
            future = shared.submit(abs, -1)
            ready = threading.Barrier(3)

            def wait(future=future, ready=ready):
                ready.wait()
                return concurrent.futures.wait([future], timeout=30).done

            waiting = [background(wait) for _ in range(3)]
            assert [each.result() for each in waiting] == [{future}] * 3


class TestCallbacks:
    def test_before_and_after_the_end(self, pool):
        blocked = Blocked(pool)
        called = []
        both = threading.Semaphore(0)
        for name in "ab":
            blocked.future.add_done_callback(
                lambda future, name=name: (called.append((name, future)), both.release())
            )
        assert called == []
        blocked.go(1)
        both.acquire(), both.acquire()
        assert called == [("a", blocked.future), ("b", blocked.future)]
        blocked.future.add_done_callback(lambda future: called.append("at once"))
        assert called[2:] == ["at once"]

    def test_in_this_interpreter_after_the_state_is_final(self, pool):
        blocked = Blocked(pool)
        seen = []
        done = threading.Event()

        def callback(future):
            seen.append((interpreters.get_current().id, threading.get_ident()))
            seen.append((future.done(), future.result(0), future.exception(0), future.cancelled()))
            done.set()

        blocked.future.add_done_callback(callback)
        blocked.go("value")
        done.wait()
        assert seen[0][0] == interpreters.get_current().id
        assert seen[0][1] != threading.get_ident()
        assert seen[1] == (True, "value", None, False)

    def test_of_a_cancelled_one_in_the_thread_that_cancels(self, pool):
        blocked = Blocked(pool)
        blocked.wait_until_running()
        called = []
        blocked.future.add_done_callback(lambda future: called.append(threading.get_ident()))
        assert blocked.future.cancel(interrupt=True)
        assert called == [threading.get_ident()]

    def test_one_that_raises(self, pool, caplog):
        blocked = Blocked(pool)
        done = threading.Event()
        blocked.future.add_done_callback(lambda future: 1 / 0)
        blocked.future.add_done_callback(lambda future: done.set())
        blocked.go(1)
        done.wait()
        assert "exception calling callback" in caplog.text
        assert pool.run(abs, -1) == 1

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_one_that_exits(self, pool):
        blocked = Blocked(pool)
        blocked.future.add_done_callback(lambda future: sys.exit("from a callback"))
        blocked.go(1)
        assert blocked.future.result() == 1
        assert pool.run(abs, -1) == 1

    def test_one_that_uses_the_pool(self):
        with atoll.Pool(1) as pool:
            blocked = Blocked(pool)
            futures = []
            done = threading.Event()

            def again(future):
                futures.append(pool.submit(abs, -future.result()))
                done.set()

            blocked.future.add_done_callback(again)
            blocked.go(5)
            done.wait()
            assert futures[0].result() == 5

    def test_one_that_waits_for_another_task(self):
        """The worker that makes the call is not counted on meanwhile."""
        with atoll.Pool(1, threads=2) as pool:
            blocked = Blocked(pool)
            got = []
            done = threading.Event()

            def wait(future):
                got.append(pool.submit(abs, -2).result())
                done.set()

            blocked.future.add_done_callback(wait)
            blocked.go(1)
            assert done.wait(60)
            assert got == [2]

    def test_shutdown_in_one(self, pool):
        blocked = Blocked(pool)
        errors = []
        done = threading.Event()

        def callback(future):
            pool.shutdown(wait=False)
            try:
                pool.shutdown()
            except RuntimeError as error:
                errors.append(str(error))
            done.set()

        blocked.future.add_done_callback(callback)
        blocked.go(1)
        done.wait()
        assert "would wait for itself" in errors[0]

    def test_of_one_that_could_not_be_sent(self, shared):
        called = []
        future = shared.submit(len, threading.Lock())
        future.add_done_callback(called.append)
        assert called == [future]
        assert concurrent.futures.wait([future]).done == {future}
        assert list(concurrent.futures.as_completed([future])) == [future]


class TestSelect:
    def test_futures_and_channels(self, pool):
        blocked = Blocked(pool)
        tx, rx = atoll.channel(None)
        queue = interpreters.create_queue()
        with pytest.raises(TimeoutError):
            atoll.select(blocked.future, rx, queue, timeout=0.01)
        tx.send("sent")
        assert atoll.select(blocked.future, rx)[:3] == (1, rx, "sent")
        blocked.go("returned")
        assert atoll.select(rx, queue, blocked.future) == (
            2,
            blocked.future,
            "returned",
            False,
        )
        # It is ready again and again.
        assert atoll.select(blocked.future, default=None).value == "returned"

    def test_errors(self, pool):
        with pytest.raises(ZeroDivisionError):
            atoll.select(pool.submit(divmod, 1, 0))
        with pytest.raises(interpreters.NotShareableError):
            atoll.select(pool.submit(len, threading.Lock()))
        blocked = Blocked(pool)
        blocked.wait_until_running()
        blocked.future.cancel(interrupt=True)
        with pytest.raises(CancelledError):
            atoll.select(blocked.future)

    def test_the_first_of_many(self, pool, start_blocked):
        slow, fast = Blocked(pool), Blocked(pool)
        waiting = start_blocked(atoll.select, slow.future, fast.future)
        fast.go("fast")
        assert waiting.result().index == 1
        slow.go("slow")


class TestObject:
    def test_type(self, shared):
        future = shared.submit(abs, -1)
        assert type(future) is atoll.Future
        assert isinstance(future, concurrent.futures.Future)
        assert atoll.Future[int]
        future.result()
        assert repr(future).startswith("<atoll.Future at 0x")
        assert repr(future).endswith(", finished>")

    def test_only_pools_make_them(self, shared):
        for make in (atoll.Future, lambda: object.__new__(atoll.Future)):
            with pytest.raises(TypeError):
                make()
        for base in concurrent.futures.Future, *atoll.Future.__mro__[1:-1]:
            with pytest.raises(TypeError):
                base.__new__(atoll.Future)

    def test_only_pools_settle_them(self, shared):
        future = shared.submit(abs, -1)
        for call in (
            lambda: future.set_result(1),
            lambda: future.set_exception(ValueError()),
            future.set_running_or_notify_cancel,
        ):
            with pytest.raises(RuntimeError):
                call()
        assert future.result() == 1

    def test_they_do_not_travel(self, shared):
        future = shared.submit(abs, -1)
        for refuse in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="belongs to the interpreter"):
                refuse(future)
        with pytest.raises(interpreters.NotShareableError):
            shared.run(repr, future)
        with pytest.raises(interpreters.NotShareableError):
            shared.run(repr, shared)

    def test_attributes(self, shared):
        future = shared.submit(abs, -1)
        with pytest.raises(AttributeError, match="nothing"):
            _ = future.nothing
        future.mine = 3
        assert future.mine == 3
        for name in ("_state", "_result", "_exception"):
            with pytest.raises(AttributeError):
                setattr(future, name, None)
        assert len({future, shared.submit(abs, -1)}) == 2

    def test_what_concurrent_futures_finds(self, shared):
        future = shared.submit(abs, -1)
        assert future.result() == 1
        assert (future._state, future._result, future._exception) == ("FINISHED", 1, None)
        future = shared.submit(divmod, 1, 0)
        assert type(future.exception()) is ZeroDivisionError
        assert (future._state, future._result) == ("FINISHED", None)
        assert future._exception is future.exception()


class TestMemory:
    def test_futures_are_freed(self, pool):
        future = pool.submit(abs, -1)
        watched = pool.submit(abs, -1)
        done = threading.Event()
        watched.add_done_callback(lambda future: done.set())
        done.wait()
        failed = pool.submit(divmod, 1, 0)
        with pytest.raises(ZeroDivisionError):
            failed.result()
        refused = pool.submit(len, threading.Lock())
        references = [weakref.ref(each) for each in (future, watched, failed, refused)]
        pool.shutdown()
        del future, watched, failed, refused
        gc.collect()
        assert [each() for each in references] == [None] * 4

    def test_a_result_that_refers_to_its_future(self, shared):
        future = shared.submit(list, [])
        future.result().append(future)
        reference = weakref.ref(future)
        del future
        gc.collect()
        assert reference() is None

    def test_a_forgotten_future_of_a_running_task(self, pool):
        blocked = Blocked(pool)
        blocked.wait_until_running()
        reference = weakref.ref(blocked.future)
        del blocked.future
        gc.collect()
        assert reference() is None
        blocked.go(1)
        assert pool.run(abs, -1) == 1

    def test_a_watched_one_stays_until_it_ends(self, pool):
        blocked = Blocked(pool)
        done = threading.Event()
        blocked.future.add_done_callback(lambda future: done.set())
        del blocked.future
        gc.collect()
        blocked.go(1)
        assert done.wait(60)

    def test_nothing_grows(self, pool):
        def resident():
            return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

        def work():
            for _ in range(4000):
                pool.run(len, "x" * 1000)
            futures = [pool.submit(bytes, 1000) for _ in range(1000)]
            for future in futures:
                future.result()
            failed = [pool.submit(divmod, 1, 0) for _ in range(100)]
            concurrent.futures.wait(failed)
            assert sum(pool.map(len, (["x" * 100] * 3000))) == 300_000
            cancelled = [pool.submit(bytes, 1000) for _ in range(300)]
            for future in cancelled:
                future.cancel(interrupt=True)
            concurrent.futures.wait(cancelled)

        work()
        work()
        gc.collect()
        before = resident()
        for _ in range(3):
            work()
        gc.collect()
        assert resident() - before < 6_000_000


def test_callbacks_come_before_those_who_wait(pool, start_blocked):
    """As with CPython's own futures, if the GIL does not change hands meanwhile."""
    in_order = 0
    for _ in range(20):
        blocked = Blocked(pool)
        called = []
        blocked.future.add_done_callback(called.append)
        waiting = start_blocked(lambda b=blocked, c=called: (b.future.result(), len(c)))
        blocked.go(1)
        in_order += waiting.result() == (1, 1)
    assert in_order > 10
