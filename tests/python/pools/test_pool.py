"""atoll.Pool: tasks, what they raise, and how they are stopped."""

import gc
import math
import threading
import traceback

import pytest

import atoll
from atoll import interpreters
from atoll.futures import InterpreterPoolExecutor
from atoll.interpreters import ExecutionFailed, NotShareableError


def spin(tx):
    """Runs until it is stopped."""
    tx.send("running")
    while True:
        pass


def wait_for_gate(tx, gate):
    """Blocks in atoll until it gets a value."""
    tx.send("running")
    return gate.recv()


class TestCalls:
    def test_run_and_submit(self, shared):
        assert shared.run(sum, range(10)) == 45
        future = shared.submit(pow, 2, 100)
        assert future.result() == 2**100
        assert future.result() == 2**100
        assert future.exception() is None
        assert future.done()
        assert not future.running()
        assert not future.cancelled()
        assert not future.cancel()

    def test_in_another_interpreter_and_thread(self, shared):
        def where():
            import threading

            from atoll import interpreters

            return interpreters.get_current().id, threading.get_native_id()

        there = shared.run(where)
        assert there[0] != interpreters.get_current().id
        assert there[1] != threading.get_native_id()
        assert there == shared.submit(where).result()

    def test_the_result_is_the_same_object_each_time(self, shared):
        future = shared.submit(list, "ab")
        assert future.result() is future.result()

    def test_lambdas_closures_and_keywords(self, shared):
        base = 40

        def add(n):
            return base + n

        assert shared.run(lambda n: n * n, 7) == 49
        assert shared.run(add, 2) == 42
        assert shared.submit(lambda *args, **kwargs: (args, kwargs), 1, b=2).result() == (
            (1,),
            {"b": 2},
        )

    def test_keywords_with_the_names_of_parameters(self, shared):
        names = {"self": 1, "function": 2, "fn": 3, "args": 4, "kwargs": 5}
        assert shared.run(lambda **kwargs: kwargs, **names) == names
        assert shared.submit(lambda **kwargs: kwargs, **names).result() == names

    def test_all_keywords_are_the_functions(self, shared):
        def fetch(url, timeout=60, **others):
            return url, timeout, others

        expected = ("u", 5, {"chunksize": 1})
        limited = shared.options(timeout=60)
        for each in (shared, limited):
            assert each.run(fetch, "u", timeout=5, chunksize=1) == expected
            assert each.submit(fetch, "u", timeout=5, chunksize=1).result() == expected
        assert atoll.run(fetch, "u", timeout=5, chunksize=1) == expected

    def test_an_instance_of_a_local_class_comes_back(self, shared):
        class Point:
            def __init__(self, x):
                self.x = x

        def move(point):
            point.x += 1
            return point

        moved = shared.run(move, Point(1))
        assert type(moved) is Point
        assert moved.x == 2

    def test_state_stays_in_the_interpreter(self, shared):
        def count():
            import builtins

            builtins.counter = getattr(builtins, "counter", 0) + 1
            return builtins.counter

        first = shared.run(count)
        assert shared.run(count) == first + 1

    @pytest.mark.parametrize("call", ["submit", "run"])
    def test_bad_arguments(self, shared, call):
        method = getattr(shared, call)
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            method()
        with pytest.raises(TypeError, match="needs a callable, not int"):
            method(3)
        with pytest.raises(TypeError, match="needs a callable, not str"):
            method("print()")
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            getattr(shared.options(timeout=1), call)()
        with pytest.raises(TypeError, match="needs a callable, not int"):
            getattr(shared.options(timeout=1), call)(3)

    def test_options(self, shared):
        for timeout in (0, -1, -math.inf, math.nan, False):
            with pytest.raises(ValueError, match="timeout"):
                shared.options(timeout=timeout)
        with pytest.raises(TypeError):
            shared.options(timeout="1")
        for timeout in (None, 60, 1e300, 10**400, math.inf):
            limited = shared.options(timeout=timeout)
            assert limited.run(abs, -1) == 1
            assert limited.submit(abs, -1).result() == 1
            assert list(limited.map(abs, [-1, 2], chunksize=1)) == [1, 2]
            assert list(limited.imap_unordered(abs, [-1], timeout=60)) == [1]
        assert repr(shared.options(timeout=3)) == f"{shared!r}.options(timeout=3)"
        with pytest.raises(TypeError):
            shared.options(5)


class TestWhatCannotTravel:
    def test_an_argument_fails_its_future_only(self, shared):
        bad = shared.submit(len, {"jobs": [1, {"lock": threading.Lock()}]})
        good = shared.submit(len, "abc")
        assert bad.done()
        assert not bad.cancel()
        assert not bad.running()
        with pytest.raises(NotShareableError, match=r"args\[0\]\['jobs'\]\[1\]\['lock'\]: .*lock"):
            bad.result()
        assert isinstance(bad.exception(), NotShareableError)
        assert "finished" in repr(bad)
        assert good.result() == 3

    def test_a_keyword_argument(self, shared):
        with pytest.raises(NotShareableError, match=r"kwargs\['key'\]"):
            shared.submit(sorted, [], key=threading.Lock()).result()

    def test_run_raises_it(self, shared):
        with pytest.raises(NotShareableError, match=r"args\[1\]"):
            shared.run(print, 1, threading.Lock())

    def test_a_function(self, shared):
        lock = threading.Lock()
        with pytest.raises(NotShareableError):
            shared.submit(lambda: lock).result()
        with pytest.raises(NotShareableError):
            shared.submit(threading.Lock().acquire).result()

    def test_a_result(self, shared):
        def answer():
            import threading

            return {"jobs": [1, threading.Lock()]}

        with pytest.raises(NotShareableError, match=r"\['jobs'\]\[1\]: .*lock") as caught:
            shared.submit(answer).result()
        assert "cannot pickle" in str(caught.value.__cause__)
        assert shared.run(abs, -1) == 1

    def test_what_cannot_be_read_there(self, shared):
        class Odd:
            def __reduce__(self):
                return int, ("no number",)

        with pytest.raises(NotShareableError):
            shared.submit(repr, Odd()).result()

    def test_an_error_of_the_argument_itself(self, shared):
        class Angry:
            def __reduce__(self):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            shared.submit(repr, Angry())
        assert shared.run(abs, -1) == 1


class TestExceptions:
    def test_type_arguments_notes_and_the_remote_traceback(self, shared):
        def fail():
            error = KeyError("name", 3)
            error.add_note("a note")
            raise error

        future = shared.submit(fail)
        with pytest.raises(KeyError) as caught:
            future.result()
        error = caught.value
        assert error.args == ("name", 3)
        assert error.__notes__ == ["a note"]
        assert isinstance(error.__cause__, ExecutionFailed)
        shown = str(error.__cause__.excinfo.errdisplay)
        assert "in fail" in shown
        assert "KeyError: ('name', 3)" in shown
        assert future.exception() is error

    @pytest.mark.parametrize("made", [atoll.Pool, InterpreterPoolExecutor])
    def test_what_is_shown_says_it_once_per_side(self, made):
        """The remote traceback, and the one of the caller."""

        def fail():
            raise LookupError("gone")

        with made(1) as pool, pytest.raises(LookupError) as caught:
            pool.submit(fail).result()
        shown = "".join(traceback.format_exception(caught.value))
        assert shown.count("LookupError: gone\n") == 2
        assert shown.startswith(
            "atoll.interpreters.ExecutionFailed: Uncaught in the interpreter:\n\nTraceback"
        )

    def test_its_own_cause_stays(self, shared):
        def fail():
            try:
                raise LookupError("first")
            except LookupError as error:
                raise OSError("second") from error

        with pytest.raises(OSError, match="second") as caught:
            shared.run(fail)
        assert isinstance(caught.value.__cause__, LookupError)
        assert isinstance(caught.value.__cause__.__cause__, ExecutionFailed)

    def test_a_group(self, shared):
        def fail():
            raise ExceptionGroup("several", [ValueError(1), TypeError("two")])

        with pytest.raises(ExceptionGroup) as caught:
            shared.run(fail)
        assert [type(each) for each in caught.value.exceptions] == [ValueError, TypeError]

    @pytest.mark.parametrize(
        "error",
        [
            SystemExit(3),
            KeyboardInterrupt(),
            GeneratorExit(),
            StopIteration(5),
            RecursionError("deep"),
            MemoryError(),
        ],
        ids=repr,
    )
    def test_whatever_is_raised_arrives(self, shared, error):
        def fail():
            raise error

        for future in (shared.submit(fail), shared.submit(fail)):
            arrived = future.exception()
            assert type(arrived) is type(error)
            assert arrived.args == error.args
        assert shared.run(abs, -1) == 1

    def test_recursion_without_end(self, shared):
        def fall():
            return fall()

        with pytest.raises(RecursionError):
            shared.run(fall)
        assert shared.run(abs, -1) == 1

    def test_sys_exit_ends_the_task_only(self, shared):
        def leave():
            import sys

            sys.exit("bye")

        with pytest.raises(SystemExit, match="bye"):
            shared.run(leave)
        assert shared.run(abs, -1) == 1

    def test_a_class_of_its_own(self, shared):
        class Odd(Exception):
            pass

        def fail():
            raise Odd(1)

        with pytest.raises(Odd) as caught:
            shared.run(fail)
        assert caught.value.args == (1,)

    def test_one_that_cannot_be_rebuilt(self, shared):
        def fail():
            class Strange(Exception):
                def __reduce__(self):
                    return int, ("no number",)

            raise Strange("1 and 2")

        with pytest.raises(ExecutionFailed, match="Strange: 1 and 2") as caught:
            shared.run(fail)
        assert "in fail" in caught.value.excinfo.errdisplay

    def test_one_that_cannot_be_shown(self, shared):
        def fail():
            class Silent(Exception):
                def __str__(self):
                    raise ZeroDivisionError

                __repr__ = __str__

            raise Silent

        with pytest.raises((ExecutionFailed, Exception)):
            shared.run(fail)
        assert shared.submit(fail).exception() is not None
        assert shared.run(abs, -1) == 1

    def test_a_false_one(self, shared):
        class Nothing(Exception):
            def __bool__(self):
                return False

            def __len__(self):
                return 0

        def fail(error):
            raise error

        future = shared.submit(fail, Nothing())
        with pytest.raises(Nothing):
            future.result()
        with pytest.raises(Nothing):
            list(shared.map(fail, [Nothing()]))


class TestResult:
    def test_timeout(self, pool):
        tx, started = atoll.channel(None)
        go, gate = atoll.channel(None)
        future = pool.submit(wait_for_gate, tx, gate)
        started.recv()
        assert future.running()
        assert not future.done()
        for timeout in (0, -1, 0.001, 0.02, -math.inf, 1e-9, False):
            with pytest.raises(TimeoutError):
                future.result(timeout)
            with pytest.raises(TimeoutError):
                future.exception(timeout=timeout)
        go.send("through")
        assert future.result(10**400) == "through"
        assert future.result(timeout=0) == "through"

    def test_bad_timeouts(self, shared):
        future = shared.submit(abs, -1)
        with pytest.raises(ValueError, match="NaN"):
            future.result(math.nan)
        with pytest.raises(TypeError):
            future.result("1")
        with pytest.raises(TypeError):
            future.result(1, 2)
        with pytest.raises(TypeError):
            future.result(seconds=1)

    def test_from_many_threads(self, pool, start_blocked):
        tx, started = atoll.channel(None)
        go, gate = atoll.channel(None)
        future = pool.submit(wait_for_gate, tx, gate)
        started.recv()
        waiting = [start_blocked(future.result) for _ in range(5)]
        go.send([1])
        results = [each.result() for each in waiting]
        assert results == [[1]] * 5


class TestManyThreads:
    def test_each_gets_its_own(self, pool, background):
        def work(offset):
            futures = [pool.submit(lambda n: n + 1, offset + n) for n in range(200)]
            return [future.result() for future in futures]

        threads = [background(work, 1000 * i) for i in range(8)]
        for i, thread in enumerate(threads):
            assert thread.result() == [1000 * i + n + 1 for n in range(200)]
        stats = pool.stats()
        assert stats.submitted == stats.finished == 1600

    def test_none_waits_while_there_is_a_worker_to_make(self, background):
        # Each pair of tasks needs two workers at once. With one too few counted it hangs.
        def meet(tx, rx):
            tx.send(1)
            return rx.recv()

        for _ in range(20):
            with atoll.Pool(1, threads=3) as pool:
                pool.run(abs, -1)
                for _ in range(20):
                    one, two = atoll.channel(0), atoll.channel(0)
                    filler = pool.submit(abs, -2)
                    first = pool.submit(meet, one[0], two[1])
                    second = pool.submit(lambda tx, rx: (rx.recv(), tx.send(2))[0], two[0], one[1])
                    assert (first.result(), second.result(), filler.result()) == (2, 1, 2)


class TestStats:
    def test_counts(self, pool):
        tx, started = atoll.channel(None)
        go, gate = atoll.channel(None)
        assert pool.stats() == (0,) * 11
        blocked = [pool.submit(wait_for_gate, tx, gate) for _ in range(2)]
        started.recv(), started.recv()
        waiting = [pool.submit(abs, -n) for n in range(5)]
        stats = pool.stats()
        assert (stats.submitted, stats.running, stats.waiting) == (7, 2, 5)
        assert (stats.workers, stats.interpreters) == (2, 2)
        assert waiting[0].cancel()
        assert waiting[1].cancel()
        stats = pool.stats()
        assert (stats.cancelled, stats.waiting) == (2, 3)
        go.send(1), go.send(2)
        assert {future.result() for future in blocked} == {1, 2}
        assert [future.result() for future in waiting[2:]] == [2, 3, 4]
        with pytest.raises(ZeroDivisionError):
            pool.run(divmod, 1, 0)
        stats = pool.stats()
        assert (stats.finished, stats.failed, stats.cancelled) == (5, 1, 2)
        assert (stats.running, stats.waiting) == (0, 0)

    def test_of_a_forgotten_pool_nothing_stays(self):
        pool = atoll.Pool(1)
        future = pool.submit(abs, -3)
        del pool
        gc.collect()
        assert future.result() == 3
