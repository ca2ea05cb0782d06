"""Futures of pools in event loops: await, asyncio.wrap_future(), and what cancelling does."""

import asyncio
import threading

import pytest

import atoll
from atoll.futures import InterpreterPoolExecutor
from atoll.interpreters import NotShareableError


def work(tx, gate):
    """Waits for a value, which it returns; says what it is at."""
    try:
        tx.send("running")
        return gate.recv()
    except BaseException as error:
        tx.send(type(error).__name__)
        raise


class Task:
    """A task that waits for `go`; `said` has what it is at."""

    def __init__(self, pool):
        tx, self.said = atoll.channel(None)
        self.go, gate = atoll.channel(None)
        self.future = pool.submit(work, tx, gate)

    async def begin(self):
        assert await asyncio.to_thread(self.said.recv) == "running"


class TestAwait:
    def test_results(self, shared):
        async def main():
            future = shared.submit(pow, 2, 10)
            assert await future == 1024
            assert await future == 1024
            assert await asyncio.gather(*(shared.submit(abs, -n) for n in range(50))) == list(
                range(50)
            )
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(asyncio.wait_for(shared.submit(abs, -n), 60))
                    for n in range(20)
                ]
            assert [task.result() for task in tasks] == list(range(20))

        asyncio.run(main())

    def test_exceptions(self, shared):
        async def main():
            with pytest.raises(ZeroDivisionError):
                await shared.submit(divmod, 1, 0)
            with pytest.raises(NotShareableError):
                await shared.submit(len, threading.Lock())
            kept, never = atoll.channel()
            with pytest.raises(atoll.TaskTimedOut):
                await shared.options(timeout=0.01).submit(never.recv)
            kept.close()

        asyncio.run(main())

    def test_the_loop_goes_on(self, pool):
        async def main():
            task = Task(pool)
            waits = asyncio.ensure_future(task.future)
            await task.begin()
            rounds = 0
            while rounds < 10:
                await asyncio.sleep(0)
                rounds += 1
            assert not waits.done()
            task.go.send("value")
            assert await waits == "value"

        asyncio.run(main())

    def test_in_several_loops(self, pool, background):
        """One future, awaited in two loops, of two threads."""
        task = Task(pool)

        async def wait():
            return await task.future

        loops = [background(asyncio.run, wait()) for _ in range(2)]
        task.go.send(7)
        assert [loop.result() for loop in loops] == [7, 7]

    def test_without_a_loop(self, pool):
        task = Task(pool)
        with pytest.raises(RuntimeError, match="no running event loop"):
            task.future.__await__().send(None)
        task.go.send(None)

    def test_a_loop_that_is_closed_first(self, pool, caplog):
        task = Task(pool)
        loop = asyncio.new_event_loop()

        async def begin():
            iterator = task.future.__await__()
            assert iterator.send(None) is not None
            return iterator

        iterator = loop.run_until_complete(begin())
        loop.close()
        task.go.send(1)
        assert task.future.result() == 1
        assert not caplog.records
        iterator.close()


class TestCancelling:
    def test_one_that_waits_never_begins(self, pool):
        async def main():
            running = [Task(pool) for _ in range(2)]
            for each in running:
                await each.begin()
            waiting = Task(pool)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await waiting.future
            assert waiting.future.cancelled()
            for each in running:
                each.go.send(1)
            with pytest.raises(atoll.Closed):
                waiting.said.recv()

        asyncio.run(main())

    @pytest.mark.parametrize("how", ["timeout", "wait_for", "cancel", "group"])
    def test_one_that_runs_is_interrupted(self, how, spin_until_told):
        """And the pool can be left: nothing runs any more."""
        tx, said = atoll.channel(None)

        async def main():
            with atoll.Pool(1) as pool:
                future = pool.submit(spin_until_told, tx)
                assert await asyncio.to_thread(said.recv) == "running"
                await getattr(self, how)(future)
                assert future.cancelled()

        asyncio.run(main())
        assert said.recv() == "TaskInterrupted"

    async def timeout(self, future):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await future

    async def wait_for(self, future):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(future, 0.01)

    async def cancel(self, future):
        waits = asyncio.ensure_future(future)
        await asyncio.sleep(0)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits

    async def group(self, future):
        async def fail():
            raise LookupError

        async def wait():
            await future

        with pytest.raises(ExceptionGroup):  # noqa: PT012
            async with asyncio.TaskGroup() as group:
                group.create_task(wait())
                group.create_task(fail())

    def test_a_shield(self, pool):
        async def main():
            task = Task(pool)
            await task.begin()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(task.future), 0.01)
            assert task.future.running()
            task.go.send(5)
            assert await task.future == 5

        asyncio.run(main())

    def test_by_somebody_else(self, pool):
        """As with wrap_future(), those who wait are cancelled."""

        async def main():
            task = Task(pool)
            await task.begin()
            waits = asyncio.ensure_future(task.future)
            await asyncio.sleep(0)
            assert task.future.cancel(interrupt=True)
            with pytest.raises(asyncio.CancelledError):
                await waits
            with pytest.raises(asyncio.CancelledError):
                await task.future

        asyncio.run(main())


class TestWrapFuture:
    def test_results(self, shared):
        async def main():
            futures = [shared.submit(abs, -n) for n in range(50)]
            assert await asyncio.gather(*map(asyncio.wrap_future, futures)) == list(range(50))
            with pytest.raises(ZeroDivisionError):
                await asyncio.wrap_future(shared.submit(divmod, 1, 0))

        asyncio.run(main())

    def test_one_that_waits_never_begins(self, pool):
        async def main():
            running = [Task(pool) for _ in range(2)]
            for each in running:
                await each.begin()
            waiting = pool.submit(abs, -1)
            wrapped = asyncio.wrap_future(waiting)
            wrapped.cancel()
            with pytest.raises(asyncio.CancelledError):
                await wrapped
            # asyncio passes that on in its next round.
            await asyncio.sleep(0)
            assert waiting.cancelled()
            for each in running:
                each.go.send(1)

        asyncio.run(main())

    def test_one_that_runs_is_interrupted(self, spin_until_told):
        tx, said = atoll.channel(None)

        async def main():
            with atoll.Pool(1) as pool:
                future = pool.submit(spin_until_told, tx)
                assert await asyncio.to_thread(said.recv) == "running"
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await asyncio.wrap_future(future)
                # Leaving does not wait for ever.

        asyncio.run(main())
        assert said.recv() == "TaskInterrupted"

    def test_not_that_of_an_executor(self):
        """Its futures do what the standard library's do."""

        async def main():
            with InterpreterPoolExecutor(1) as executor:
                task = Task(executor)
                await task.begin()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.wrap_future(task.future), 0.01)
                await asyncio.sleep(0)
                assert task.future.running()
                task.go.send(3)
                assert task.future.result() == 3

        asyncio.run(main())

    def test_cancel_says_what_it_is_told(self, pool):
        task = Task(pool)
        assert task.said.recv() == "running"
        assert not task.future.cancel()

        async def main():
            asyncio.wrap_future(task.future)
            assert not task.future.cancel(interrupt=False)
            assert task.future.cancel()

        asyncio.run(main())
