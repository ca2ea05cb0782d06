"""Pools: how they are set up, what breaks them, how their interpreters come and go."""

import gc
import math
import sys
import threading

import pytest

import atoll
from atoll import interpreters
from atoll.futures import BrokenInterpreterPool
from atoll.interpreters import ExecutionFailed, InterpreterError, NotShareableError


def interpreter_id():
    from atoll import interpreters

    return interpreters.get_current().id


def open_interpreters():
    return {each.id for each in interpreters.list_all()}


class Blocked:
    """Tasks that wait until they are let go, with what they return."""

    def __init__(self, pool, count):
        tx, started = atoll.channel(None)
        self._go, gate = atoll.channel(None)

        def work(tx, gate):
            from atoll import interpreters

            tx.send(interpreters.get_current().id)
            return gate.recv()

        self.futures = [pool.submit(work, tx, gate) for _ in range(count)]
        self.where = [started.recv() for _ in range(count)]

    def go(self):
        for _ in self.futures:
            self._go.send("gone")
        return [future.result() for future in self.futures]


THREAD_STATES = """
    import ctypes
    api = ctypes.pythonapi
    api.PyInterpreterState_Get.restype = ctypes.c_void_p
    for function in api.PyInterpreterState_ThreadHead, api.PyThreadState_Next:
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
    def thread_states():
        state, count = api.PyInterpreterState_ThreadHead(api.PyInterpreterState_Get()), 0
        while state:
            state, count = api.PyThreadState_Next(state), count + 1
        return count
"""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="3.12 keeps them")
def test_workers_leave_no_thread_state_where_their_interpreters_come_from(run_source):
    """Tools that read the stacks of all threads do not expect those that have none."""
    run_source(
        THREAD_STATES
        + """
    import atoll
    def work(tx, gate):
        tx.send(1)
        return gate.recv()
    tx, started = atoll.channel(None)
    go, gate = atoll.channel(None)
    before = thread_states()
    with atoll.Pool(2) as pool:
        futures = [pool.submit(work, tx, gate) for _ in range(2)]
        for _ in futures: started.recv()
        assert thread_states() == before, (thread_states(), before)
        for _ in futures: go.send(2)
        assert [future.result() for future in futures] == [2, 2]
    """
    )


class TestArguments:
    @pytest.mark.parametrize("name", ["interpreters", "threads"])
    @pytest.mark.parametrize("value", [0, -1, 100_001, 10**30, -(10**30)])
    def test_numbers(self, name, value):
        with pytest.raises(ValueError, match=r"interpreters|threads|too large"):
            atoll.Pool(**{name: value})

    def test_too_many_workers(self):
        with pytest.raises(ValueError, match=r"interpreters \* threads"):
            atoll.Pool(1000, threads=1000)

    @pytest.mark.parametrize("value", [-1, 10**30])
    def test_warm(self, value):
        with pytest.raises(ValueError, match=r"warm|too large"):
            atoll.Pool(1, warm=value)

    @pytest.mark.parametrize("value", [0, -1])
    def test_max_tasks(self, value):
        with pytest.raises(ValueError, match="max_tasks_per_interpreter"):
            atoll.Pool(1, max_tasks_per_interpreter=value)
        with atoll.Pool(1, max_tasks_per_interpreter=10**30) as pool:
            assert pool.run(abs, -1) == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            {"interpreters": "2"},
            {"interpreters": 2.0},
            {"interpreters": math.nan},
            {"threads": None},
            {"warm": "1"},
            {"max_tasks_per_interpreter": "1"},
            {"initializer": 3},
            {"initializer": "print()"},
            {"initializer": print, "initargs": 3},
            {"preload": "json"},
            {"preload": 3},
            {"preload": [3]},
            {"name": 3},
            {"unknown": 1},
        ],
        ids=str,
    )
    def test_types(self, arguments):
        with pytest.raises(TypeError):
            atoll.Pool(**arguments)

    def test_config(self):
        with pytest.raises(ValueError, match="config"):
            atoll.Pool(1, config="unknown")
        with atoll.Pool(1, config="legacy") as pool:
            assert pool.run(abs, -1) == 1

    def test_defaults(self):
        with atoll.Pool() as pool:
            assert pool.interpreters == len(__import__("os").sched_getaffinity(0))
            assert repr(pool) == f"<atoll.Pool, {pool.interpreters} interpreters, open>"
        assert repr(pool).endswith("shut down>")


class TestSetUp:
    def test_initializer_runs_once_in_each_interpreter(self):
        tx, rx = atoll.channel(None)

        def initialize(tx, word):
            import builtins

            from atoll import interpreters

            builtins.word = word
            tx.send(interpreters.get_current().id)

        with atoll.Pool(2, threads=3, initializer=initialize, initargs=(tx, "hello")) as pool:
            blocked = Blocked(pool, 6)
            assert set(blocked.where) == {rx.recv(), rx.recv()}
            blocked.go()
            assert set(pool.map(lambda _: word, range(100))) == {"hello"}  # noqa: F821
        assert len(rx) == 0

    def test_initargs_that_cannot_be_sent(self):
        before = open_interpreters()
        with pytest.raises(NotShareableError, match=r"args\[1\]"):
            atoll.Pool(1, initializer=print, initargs=(1, threading.Lock()))
        assert open_interpreters() == before

    def test_initializer_that_fails(self):
        before = open_interpreters()
        tx, rx = atoll.channel(None)

        def initialize(rx):
            rx.recv()
            raise LookupError("not today")

        with atoll.Pool(1, threads=2, initializer=initialize, initargs=(rx,)) as pool:
            futures = [pool.submit(abs, -n) for n in range(5)]
            assert not pool.broken
            tx.send(None)
            for future in futures:
                with pytest.raises(atoll.BrokenInterpreterPool) as caught:
                    future.result()
                assert isinstance(caught.value.__cause__, ExecutionFailed)
                assert "LookupError: not today" in str(caught.value.__cause__)
                assert str(caught.value).endswith("set-up failed: LookupError: not today")
            assert pool.broken
            assert repr(pool).endswith("broken>")
            for call in (pool.submit, pool.run):
                with pytest.raises(atoll.BrokenInterpreterPool) as caught:
                    call(abs, -1)
                assert "LookupError: not today" in str(caught.value.__cause__)
            with pytest.raises(atoll.BrokenInterpreterPool):
                pool.map(abs, [1])
            with pytest.raises(atoll.BrokenInterpreterPool):
                pool.take_interpreter()
            assert pool.stats().failed == 5
            assert pool.stats().waiting == 0
        assert open_interpreters() == before

    def test_initializer_that_exits(self):
        def leave():
            raise SystemExit(3)

        with (
            atoll.Pool(1, initializer=leave) as pool,
            pytest.raises(atoll.BrokenInterpreterPool, match="its set-up failed"),
        ):
            pool.run(abs, -1)

    def test_preload(self):
        with atoll.Pool(1, preload=["colorsys", "xml.dom.minidom"]) as pool:
            loaded = pool.run(lambda: list(__import__("sys").modules))
            assert {"colorsys", "xml.dom.minidom"} <= set(loaded)

    def test_preload_before_the_initializer(self):
        def initialize():
            import builtins
            import sys

            builtins.was_there = "colorsys" in sys.modules

        with atoll.Pool(1, preload=iter(["colorsys"]), initializer=initialize) as pool:
            assert pool.run(lambda: was_there) is True  # noqa: F821

    def test_preload_of_nothing(self):
        with (
            atoll.Pool(1, preload=["no_such_module"]) as pool,
            pytest.raises(atoll.BrokenInterpreterPool) as caught,
        ):
            pool.run(abs, -1)
        assert "No module named 'no_such_module'" in str(caught.value.__cause__)


class TestInterpreters:
    def test_made_when_needed_and_closed(self):
        before = open_interpreters()
        with atoll.Pool(3) as pool:
            assert open_interpreters() == before
            for n in range(20):
                assert pool.run(abs, -n) == n
            assert (pool.stats().workers, pool.stats().interpreters) == (1, 1)
            assert len(open_interpreters() - before) == 1
            blocked = Blocked(pool, 3)
            assert open_interpreters() - before == set(blocked.where)
            blocked.go()
        assert open_interpreters() == before

    def test_threads_share_one(self):
        with atoll.Pool(1, threads=4) as pool:
            blocked = Blocked(pool, 4)
            assert len(set(blocked.where)) == 1
            assert pool.stats()[-3:] == (4, 1, 0)
            assert blocked.go() == ["gone"] * 4

    def test_threads_in_several(self):
        with atoll.Pool(2, threads=2) as pool:
            blocked = Blocked(pool, 4)
            assert sorted(blocked.where.count(each) for each in set(blocked.where)) == [2, 2]
            blocked.go()

    def test_strangers_cannot_close_them(self):
        with atoll.Pool(1) as pool:
            blocked = Blocked(pool, 1)
            (stranger,) = [each for each in interpreters.list_all() if each.id in blocked.where]
            for _ in range(2):
                assert stranger.is_running()
                with pytest.raises(InterpreterError, match="running"):
                    stranger.close()
                with pytest.raises(InterpreterError, match="running"):
                    stranger.exec("pass")
                if blocked.futures[0].done():
                    break
                blocked.go()
            del stranger
            gc.collect()
            assert pool.run(interpreter_id) == blocked.where[0]

    @pytest.mark.parametrize("threads", [1, 3])
    def test_recycling(self, threads):
        with atoll.Pool(2, threads=threads, max_tasks_per_interpreter=10) as pool:
            futures = [pool.submit(interpreter_id) for _ in range(100)]
            where = [future.result() for future in futures]
            assert len(set(where)) >= 10 - 1
            # With several threads, those that had begun are added.
            assert max(where.count(each) for each in set(where)) <= 10 + threads - 1
        stats = pool.stats()
        assert stats.finished == 100
        assert stats.recycled >= 10 - 2
        assert stats.interpreters == 0

    def test_recycling_after_each_task(self):
        with atoll.Pool(1, max_tasks_per_interpreter=1) as pool:
            assert len({pool.run(interpreter_id) for _ in range(10)}) == 10
            assert list(pool.map(abs, range(5), chunksize=1)) == list(range(5))

    def test_a_recycled_one_is_set_up(self):
        tx, rx = atoll.channel(None)
        with atoll.Pool(
            1, max_tasks_per_interpreter=2, initializer=tx.send, initargs=("up",)
        ) as pool:
            for n in range(6):
                assert pool.run(abs, -n) == n
        assert len(rx) in (3, 4)

    def test_what_a_task_leaves_behind(self):
        """Threads, exit callbacks: closing waits for them."""
        tx, rx = atoll.channel(None)

        def work(tx):
            import atexit
            import threading

            threading.Thread(target=tx.send, args=("thread",)).start()
            atexit.register(tx.send, "exit")

        with atoll.Pool(1) as pool:
            pool.run(work, tx)
        assert [rx.recv(), rx.recv()] == ["thread", "exit"]


class TestWarm:
    def test_spares(self):
        before = open_interpreters()
        tx, ready = atoll.channel(None)
        with atoll.Pool(2, warm=2, initializer=tx.send, initargs=("ready",)) as pool:
            assert [ready.recv(), ready.recv()] == ["ready"] * 2
            taken = pool.take_interpreter()
            # It is replaced.
            ready.recv()
            assert taken.call(abs, -1) == 1
            assert not taken.is_running()
            assert taken.id in open_interpreters()
            taken.close()
            blocked = Blocked(pool, 2)
            assert [ready.recv(), ready.recv()] == ["ready"] * 2
            blocked.go()
        assert open_interpreters() == before
        assert pool.stats().spares == 0

    def test_an_unused_pool(self):
        before = open_interpreters()
        with atoll.Pool(1, warm=1):
            pass
        pool = atoll.Pool(1, warm=3)
        pool.shutdown(wait=False)
        pool.shutdown()
        assert open_interpreters() == before

    def test_recycled_ones_are_replaced(self):
        with atoll.Pool(1, warm=1, max_tasks_per_interpreter=1) as pool:
            assert len({pool.run(interpreter_id) for _ in range(8)}) == 8

    def test_taken_ones_are_yours(self):
        with atoll.Pool(1, warm=1, preload=["colorsys"]) as pool:
            taken = pool.take_interpreter()
            assert taken.call(lambda: "colorsys" in __import__("sys").modules)
        assert taken.call(abs, -2) == 2
        taken.close()
        with pytest.raises(RuntimeError, match="after shutdown"):
            pool.take_interpreter()

    def test_without_spares(self):
        with atoll.Pool(1) as pool:
            taken = pool.take_interpreter()
            assert taken.call(abs, -2) == 2
            identity = taken.id
            del taken
            gc.collect()
            assert identity not in open_interpreters()

    def test_a_set_up_that_fails(self):
        pool = atoll.Pool(1, warm=1, initializer=divmod, initargs=(1, 0))
        with pytest.raises(atoll.BrokenInterpreterPool):
            pool.run(abs, -1)
        pool.shutdown()


class TestShutdown:
    def test_twice_and_after(self):
        pool = atoll.Pool(1)
        future = pool.submit(abs, -1)
        assert not pool.closed
        pool.shutdown()
        pool.shutdown()
        pool.shutdown(wait=False, cancel_futures=True)
        assert pool.closed
        assert future.result() == 1
        for call in (pool.submit, pool.run):
            with pytest.raises(RuntimeError, match="after shutdown"):
                call(abs, -1)
        with pytest.raises(RuntimeError, match="after shutdown"):
            pool.submit(len, threading.Lock())

    def test_an_unused_pool(self):
        before = open_interpreters()
        pool = atoll.Pool(1)
        pool.shutdown()
        with atoll.Pool(1) as other:
            assert not other.closed
        for each in (pool, other):
            assert each.closed
            assert each._ended
            assert each.stats() == (0,) * 11
            with pytest.raises(RuntimeError, match="after shutdown"):
                each.submit(abs, -1)
        assert open_interpreters() == before

    def test_without_waiting(self):
        pool = atoll.Pool(1)
        blocked = Blocked(pool, 1)
        waiting = pool.submit(abs, -1)
        pool.shutdown(wait=False)
        assert not waiting.done()
        blocked.go()
        assert waiting.result() == 1
        pool.shutdown()

    def test_cancel_futures(self):
        pool = atoll.Pool(1)
        blocked = Blocked(pool, 1)
        waiting = [pool.submit(abs, -1) for _ in range(5)]
        pool.shutdown(False, cancel_futures=True)
        assert all(future.cancelled() for future in waiting)
        assert not blocked.futures[0].done()
        assert blocked.go() == ["gone"]
        pool.shutdown()
        assert pool.stats().cancelled == 5

    def test_while_others_submit(self, background):
        for _ in range(10):
            pool = atoll.Pool(2)
            begun = threading.Event()

            def submit(pool=pool, begun=begun):
                futures = []
                try:
                    while True:
                        futures.append(pool.submit(abs, -1))
                        begun.set()
                except RuntimeError:
                    return sum(future.result() for future in futures) == len(futures)

            threads = [background(submit) for _ in range(3)]
            begun.wait()
            pool.shutdown()
            assert all(thread.result() for thread in threads)

    def test_from_many_threads(self, background):
        pool = atoll.Pool(1)
        blocked = Blocked(pool, 1)
        waiting = [background(lambda: pool.shutdown() or pool._ended) for _ in range(4)]
        assert not pool._ended
        assert blocked.go() == ["gone"]
        # None of them came back before the end.
        assert [each.result() for each in waiting] == [True] * 4
        assert not set(blocked.where) & open_interpreters()

    def test_bad_arguments(self):
        with atoll.Pool(1) as pool:
            with pytest.raises(TypeError):
                pool.shutdown(True, True)
            with pytest.raises(TypeError):
                pool.shutdown(now=True)


class TestUnderLoad:
    @pytest.mark.parametrize("warm", [0, 1])
    def test_submit_cancel_and_shutdown(self, background, warm):
        """All at once, from several threads: nothing breaks, and every future is over."""
        for round_ in range(8):
            pool = atoll.Pool(2, threads=2, warm=warm, max_tasks_per_interpreter=7)
            begun = threading.Barrier(5)
            refusals = []

            def use(number, pool=pool, begun=begun, refusals=refusals):
                futures = []
                begun.wait(60)
                try:
                    for n in range(60):
                        futures.append(pool.submit(lambda n: sum(range(n)), 50 * n))
                        if n % 3 == number % 3:
                            futures[n // 2].cancel(interrupt=n % 2 == 0)
                except RuntimeError as error:
                    # BrokenInterpreterPool is one, too, and tells its cause.
                    refusals.append(str(error))
                return futures

            def end(pool=pool, begun=begun, round_=round_):
                begun.wait(60)
                pool.run(abs, round_)
                pool.shutdown(cancel_futures=round_ % 2 == 0)
                return []

            users = [background(use, number) for number in range(4)] + [background(end)]
            futures = [future for user in users for future in user.result()]
            pool.shutdown()
            assert not pool.broken, pool._failure()
            assert set(refusals) <= {"cannot schedule new futures after shutdown"}
            assert all(future.done() for future in futures)
            assert pool.stats().failed == 0


class TestForgotten:
    def test_tasks_are_carried_out(self):
        before = open_interpreters()
        pool = atoll.Pool(1)
        blocked = Blocked(pool, 1)
        futures = [pool.submit(abs, -n) for n in range(10)]
        last = pool.submit(interpreter_id)
        del pool
        gc.collect()
        blocked.go()
        assert [future.result() for future in futures] == list(range(10))
        assert last.result() not in before

    def test_in_a_cycle(self):
        pool = atoll.Pool(1)
        pool.me = pool
        future = pool.submit(abs, -1)
        del pool
        gc.collect()
        assert future.result() == 1


class TestInSubinterpreters:
    def test_a_pool_of_another_interpreter(self):
        home = interpreters.create()

        def use():
            import atoll

            with atoll.Pool(2) as pool:
                return list(pool.map(abs, range(-10, 0)))

        assert home.call(use) == list(range(10, 0, -1))
        home.close()

    def test_forgotten_there_it_is_done_when_that_one_closes(self):
        before = open_interpreters()
        tx, rx = atoll.channel(None)
        home = interpreters.create()
        home.prepare_main(tx=tx)
        home.exec(
            "import atoll\n"
            "pool = atoll.Pool(1)\n"
            "futures = [pool.submit(tx.send, n) for n in range(20)]\n"
        )
        home.close()
        assert [rx.recv() for _ in range(20)] == list(range(20))
        assert open_interpreters() == before

    def test_closed_while_tasks_run(self, start_blocked):
        before = open_interpreters()
        tx, rx = atoll.channel(None)
        go, gate = atoll.channel(None)
        home = interpreters.create()
        home.prepare_main(tx=tx, gate=gate)
        home.exec(
            "import atoll\n"
            "pool = atoll.Pool(2, max_tasks_per_interpreter=1)\n"
            "def work(tx, gate):\n"
            "    tx.send('running')\n"
            "    tx.send(gate.recv())\n"
            "futures = [pool.submit(work, tx, gate) for _ in range(4)]\n"
            "futures[0].add_done_callback(print)\n"
        )
        assert [rx.recv(), rx.recv()] == ["running"] * 2
        closing = start_blocked(home.close)
        for n in range(4):
            go.send(n)
        closing.result()
        assert sorted(str(rx.recv()) for _ in range(6)) == ["0", "1", "2", "3"] + ["running"] * 2
        assert open_interpreters() == before


class TestWhatTheyWereGiven:
    """They go when the task is over, not when its future goes."""

    def test_of_a_finished_task(self):
        sender, receiver = atoll.channel(8)

        def send(sender, count):
            for i in range(count):
                sender.send(i)

        with atoll.Pool(1) as pool:
            future = pool.submit(send, sender, 3)
            sender.close()
            assert list(receiver) == [0, 1, 2]
            future.result()

    def test_of_a_failed_task(self):
        sender, receiver = atoll.channel(8)
        with atoll.Pool(1) as pool:
            future = pool.submit(divmod, sender, 1)
            sender.close()
            assert list(receiver) == []
            with pytest.raises(TypeError):
                future.result()

    def test_of_a_cancelled_task(self):
        sender, receiver = atoll.channel(8)
        with atoll.Pool(1) as pool:
            blocked = Blocked(pool, 1)
            future = pool.submit(print, sender)
            sender.close()
            assert future.cancel()
            assert list(receiver) == []
            blocked.go()

    def test_of_a_map(self):
        sender, receiver = atoll.channel(8)
        with atoll.Pool(1) as pool:
            results = pool.map(repr, [sender, sender])
            sender.close()
            assert list(receiver) == []
            assert len(list(results)) == 2

    def test_of_a_pool_that_breaks(self):
        sender, receiver = atoll.channel(8)
        pool = atoll.Pool(1, initializer=divmod, initargs=(1, 0))
        future = pool.submit(print, sender)
        sender.close()
        assert list(receiver) == []
        with pytest.raises(BrokenInterpreterPool):
            future.result()
        pool.shutdown()


class TestTheDefaultPool:
    def test_shutdown(self, run_python):
        source = """
import atoll
from atoll import interpreters
atoll.shutdown()
assert atoll.run(abs, -1) == 1
first = atoll.default_pool()
atoll.shutdown()
assert first.closed and [each.id for each in interpreters.list_all()] == [0]
assert list(atoll.map(abs, [-2])) == [2] and atoll.default_pool() is not first
"""
        assert run_python("-c", source, check=True).stderr == ""

    def test_modules_without_an_import(self, run_python):
        source = (
            "import atoll\n"
            "assert atoll.futures.InterpreterPoolExecutor and atoll.interpreters.create\n"
            "assert atoll.lowlevel and atoll.channels and 'futures' in dir(atoll)\n"
        )
        run_python("-c", source, check=True)

    @pytest.mark.skipif(sys.version_info < (3, 15), reason="3.15 has lazy imports")
    def test_lazy_imports(self, run_python):
        source = "import atoll\nwith atoll.Pool(1) as pool: assert pool.run(abs, -1) == 1"
        run_python("-X", "lazy_imports=all", "-c", source, check=True)

    def test_progress_without_tqdm(self, run_python):
        source = """
import sys
sys.modules["tqdm"] = None
import atoll
with atoll.Pool(1) as pool:
    try: pool.map(abs, [1], progress=True)
    except ImportError as error: assert "pip install 'atoll[progress]'" in str(error)
    else: raise AssertionError
    assert pool.stats().submitted == 0
"""
        run_python("-c", source, check=True)
