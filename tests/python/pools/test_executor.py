"""atoll.futures.InterpreterPoolExecutor: what it adds to and shares with CPython's class."""

import asyncio
import concurrent.futures
import gc
import itertools
import sys
import threading
import weakref

import pytest

import atoll
import atoll.futures
from atoll import interpreters
from atoll.futures import BrokenInterpreterPool, InterpreterPoolExecutor
from atoll.interpreters import ExecutionFailed, NotShareableError


@pytest.fixture(name="executor")
def executor_fixture():
    executor = InterpreterPoolExecutor(2)
    yield executor
    executor._pool._stop()
    executor.shutdown()


class TestClass:
    def test_it_is_a_thread_pool_by_type_only(self):
        assert issubclass(InterpreterPoolExecutor, concurrent.futures.ThreadPoolExecutor)
        assert issubclass(InterpreterPoolExecutor, concurrent.futures.Executor)
        # dask looks for that.
        assert "ThreadPoolExecutor" not in InterpreterPoolExecutor.__name__
        assert "thread" not in InterpreterPoolExecutor.__module__.lower()
        assert issubclass(BrokenInterpreterPool, concurrent.futures.BrokenExecutor)
        assert atoll.BrokenInterpreterPool is BrokenInterpreterPool

    def test_what_programs_look_at(self):
        executor = InterpreterPoolExecutor(3, "workers")
        assert executor._max_workers == 3
        assert executor._thread_name_prefix == "workers"
        assert len(executor._threads) == 0
        executor.submit(abs, -1).result()
        assert [thread.name for thread in executor._threads] == ["workers_0"]
        assert executor._broken is False
        executor.shutdown()
        for thread in executor._threads:
            thread.join()
            assert not thread.is_alive()

    @pytest.mark.parametrize("value", [0, -1])
    def test_max_workers(self, value):
        with pytest.raises(ValueError, match="max_workers must be greater than 0"):
            InterpreterPoolExecutor(value)

    def test_bad_arguments(self):
        with pytest.raises(TypeError):
            InterpreterPoolExecutor("2")
        with pytest.raises(TypeError, match="scripts not supported"):
            InterpreterPoolExecutor(1, initializer="print()")
        with pytest.raises(TypeError, match="callable"):
            InterpreterPoolExecutor(1, initializer=3)
        with pytest.raises(TypeError):
            InterpreterPoolExecutor(1, "", None, (), True)

    def test_by_its_standard_name(self, run_source):
        proc = run_source("""
            import atoll
            atoll.install()
            from concurrent.futures import InterpreterPoolExecutor
            from concurrent.futures.interpreter import BrokenInterpreterPool
            assert InterpreterPoolExecutor.__module__ == 'concurrent.futures.interpreter'
            def work(n): return n * n
            with InterpreterPoolExecutor(2) as executor:
                print(list(executor.map(work, range(5))))
                base = 1
                print(type(executor.submit(lambda n: n + base, 1).exception()).__name__)
        """)
        assert proc.stdout.startswith("[0, 1, 4, 9, 16]\n")
        assert proc.stderr == ""


class TestSubmit:
    def test_calls(self, executor):
        base = 40
        assert executor.submit(pow, 2, exp=5).result() == 32
        assert executor.submit(lambda n: base + n, 2).result() == 42
        names = {"self": 1, "fn": 2, "timeout": 3, "function": 4}
        assert executor.submit(lambda **kwargs: kwargs, **names).result() == names
        assert type(executor.submit(abs, -1)) is atoll.Future

    def test_what_is_no_callable_fails_when_it_is_called(self, executor):
        with pytest.raises(TypeError, match="scripts not supported"):
            executor.submit("print()")
        with pytest.raises(TypeError, match="not callable"):
            executor.submit(3).result()
        with pytest.raises(TypeError):
            executor.submit()

    def test_without_closures(self):
        base = 40
        with InterpreterPoolExecutor(1, closures=False) as executor:
            with pytest.raises(NotShareableError):
                executor.submit(lambda n: base + n, 2).result()
            assert executor.submit(lambda n: n, 2).result() == 2

    def test_exceptions(self, executor):
        with pytest.raises(ZeroDivisionError) as caught:
            executor.submit(divmod, 1, 0).result()
        assert isinstance(caught.value.__cause__, ExecutionFailed)
        with pytest.raises(NotShareableError, match=r"args\[0\]"):
            executor.submit(len, threading.Lock()).result()

    def test_running_code_can_be_stopped(self, executor):
        def spin(tx):
            tx.send(1)
            while True:
                pass

        tx, rx = atoll.channel(None)
        future = executor.submit(spin, tx)
        rx.recv()
        assert not future.cancel()
        assert future.cancel(interrupt=True)

    def test_workers_are_started_when_needed(self):
        with InterpreterPoolExecutor(5) as executor:
            for n in range(10):
                assert executor.submit(abs, -n).result() == n
            assert len(executor._threads) == 1

    def test_after_shutdown(self, executor):
        executor.shutdown(wait=False, cancel_futures=True)
        executor.shutdown()
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            executor.submit(abs, -1)


class TestInitializer:
    def test_runs_in_each_interpreter(self):
        tx, rx = atoll.channel(None)
        with InterpreterPoolExecutor(2, initializer=tx.send, initargs=("up",)) as executor:
            assert executor.submit(abs, -1).result() == 1
        assert rx.recv() == "up"

    def test_fails(self, caplog):
        tx, rx = atoll.channel(None)

        def initialize(rx):
            rx.recv()
            raise LookupError("not today")

        with InterpreterPoolExecutor(1, initializer=initialize, initargs=(rx,)) as executor:
            futures = [executor.submit(abs, -1) for _ in range(3)]
            tx.send(1)
            for future in futures:
                with pytest.raises(BrokenInterpreterPool) as caught:
                    future.result()
                assert "not today" in str(caught.value.__cause__)
            with pytest.raises(BrokenInterpreterPool):
                executor.submit(abs, -1)
            assert executor._broken
        assert "Exception in initializer" in caplog.text
        assert "not today" in caplog.text

    def test_cannot_be_sent(self, caplog):
        with InterpreterPoolExecutor(1, initializer=len, initargs=(threading.Lock(),)) as executor:
            future = executor.submit(abs, -1)
            with pytest.raises(BrokenInterpreterPool) as caught:
                future.result()
            assert isinstance(caught.value.__cause__, NotShareableError)
            with pytest.raises(BrokenInterpreterPool):
                executor.submit(abs, -1)
        assert "Exception in initializer" in caplog.text


class TestMap:
    @pytest.mark.parametrize("chunksize", [-1, 0, 1, 3, 1000])
    @pytest.mark.parametrize("buffersize", [None, 1, 4])
    def test_results(self, executor, chunksize, buffersize):
        results = executor.map(
            pow, range(50), range(50), chunksize=chunksize, buffersize=buffersize
        )
        assert list(results) == [n**n for n in range(50)]

    @pytest.mark.parametrize("chunksize", [1, 3])
    def test_endless(self, executor, chunksize):
        results = executor.map(abs, itertools.count(), buffersize=6, chunksize=chunksize)
        assert list(itertools.islice(results, 200)) == list(range(200))

    @pytest.mark.parametrize("chunksize", [1, 3, 100])
    def test_an_exception_in_its_place(self, executor, chunksize):
        got = []
        with pytest.raises(ZeroDivisionError):  # noqa: PT012
            for result in executor.map(lambda n: n // (n != 7), range(20), chunksize=chunksize):
                got.append(result)
        assert got == list(range(7))

    @pytest.mark.parametrize("chunksize", [1, 3])
    def test_timeout(self, executor, chunksize):
        kept, never = atoll.channel(None)
        results = executor.map(
            lambda n, rx: rx.recv() if n else n,
            range(9),
            [never] * 9,
            timeout=0.05,
            chunksize=chunksize,
        )
        with pytest.raises(TimeoutError):
            list(results)
        kept.close()
        gc.collect()

    def test_close_cancels(self, executor):
        go, gate = atoll.channel(None)
        tx, started = atoll.channel(None)
        results = executor.map(
            lambda n, tx, rx: n and (tx.send(1), rx.recv()), range(50), [tx] * 50, [gate] * 50
        )
        assert next(results) == 0
        started.recv(), started.recv()
        results.close()
        go.send(1), go.send(2)
        executor.shutdown()
        assert len(started) == 0

    @pytest.mark.parametrize("value", [0, -1, 1.5, "1"])
    def test_buffersize(self, executor, value):
        with pytest.raises(ValueError if isinstance(value, int) else TypeError, match="buffersize"):
            executor.map(abs, [1], buffersize=value)

    def test_the_executor_is_not_kept(self):
        executor = InterpreterPoolExecutor(1)
        results = executor.map(abs, range(10))
        reference = weakref.ref(executor)
        del executor
        gc.collect()
        assert reference() is None
        assert list(results) == list(range(10))


class TestAsyncio:
    def test_run_in_executor(self, executor):
        async def main():
            loop = asyncio.get_running_loop()
            return await asyncio.gather(
                *(loop.run_in_executor(executor, pow, n, 2) for n in range(30))
            )

        assert asyncio.run(main()) == [n * n for n in range(30)]

    def test_default_executor(self):
        async def main():
            loop = asyncio.get_running_loop()
            executor = InterpreterPoolExecutor(2)
            loop.set_default_executor(executor)
            here = interpreters.get_current().id
            there = await loop.run_in_executor(
                None, lambda: __import__("atoll.interpreters").interpreters.get_current().id
            )
            return here != there, executor

        differs, executor = asyncio.run(main())
        assert differs
        # asyncio.run() ends it.
        assert executor._shutdown

    def test_an_exception(self, executor):
        async def main():
            with pytest.raises(ZeroDivisionError):
                await asyncio.get_running_loop().run_in_executor(executor, divmod, 1, 0)

        asyncio.run(main())


class TestMemory:
    def test_executors_are_freed(self):
        def count():
            gc.collect()
            return sum(type(each) is weakref.ReferenceType for each in gc.get_objects())

        def use():
            with InterpreterPoolExecutor(1) as executor:
                executor.submit(abs, -1).result()

        use()
        before = count()
        for _ in range(10):
            use()
        assert count() - before < 10

    def test_a_forgotten_one_does_its_work(self):
        executor = InterpreterPoolExecutor(1)
        futures = [executor.submit(abs, -n) for n in range(20)]
        del executor
        gc.collect()
        assert [future.result() for future in futures] == list(range(20))

    @pytest.mark.skipif(sys.version_info < (3, 14), reason="the class came with CPython 3.14")
    def test_same_signature_as_the_standard_class(self):
        import inspect

        standard = concurrent.futures.InterpreterPoolExecutor
        ours = inspect.signature(InterpreterPoolExecutor).parameters
        assert list(ours)[:4] == list(inspect.signature(standard).parameters)[:4]
        for name in ("submit", "map", "shutdown"):
            expected = inspect.signature(getattr(standard, name)).parameters
            assert list(
                inspect.signature(getattr(InterpreterPoolExecutor, name)).parameters
            ) == list(expected)


def test_a_forgotten_executor_ends():
    executor = InterpreterPoolExecutor(2)
    results = executor.map(abs, range(-5, 5))
    threads = executor._threads
    del executor
    gc.collect()
    for thread in threads:
        thread.join()
    assert list(results) == [abs(n) for n in range(-5, 5)]
