"""Pool.map() and imap_unordered(): order, laziness, chunks, and what is raised where."""

import gc
import itertools
import threading
import weakref
from concurrent.futures import CancelledError

import pytest

import atoll
from atoll.interpreters import NotShareableError


@pytest.fixture(params=["map", "imap_unordered"])
def any_map(request, pool):
    return getattr(pool, request.param)


class Counted:
    """An endless iterable that knows how far it was read."""

    def __init__(self):
        self.taken = 0

    def __iter__(self):
        while True:
            self.taken += 1
            yield self.taken - 1


class TestResults:
    def test_in_order(self, pool):
        assert list(pool.map(lambda n: n * n, range(1000))) == [n * n for n in range(1000)]

    def test_as_they_come(self, pool):
        tx, rx = atoll.channel(None)

        def work(n, rx):
            return rx.recv() if n == 0 else n

        results = pool.imap_unordered(work, range(4), itertools.repeat(rx), chunksize=1)
        got = [next(results) for _ in range(3)]
        tx.send("last")
        assert sorted(got) == [1, 2, 3]
        assert list(results) == ["last"]

    def test_every_result_comes_once(self, any_map):
        assert sorted(any_map(lambda n: -n, range(5000))) == sorted(-n for n in range(5000))

    def test_several_iterables_end_with_the_shortest(self, any_map):
        assert sorted(any_map(pow, [2, 3, 4], itertools.count(), range(5, 100))) == [1, 2, 3]

    def test_nothing(self, any_map):
        assert list(any_map(abs, [])) == []
        assert list(any_map(abs)) == []
        results = any_map(abs, iter(()))
        for _ in range(3):
            with pytest.raises(StopIteration):
                next(results)

    @pytest.mark.parametrize("chunksize", [1, 2, 7, 1000, 10**20])
    def test_chunksize(self, any_map, chunksize):
        if chunksize > 10**9:
            with pytest.raises((OverflowError, ValueError)):
                list(any_map(abs, range(-10, 0), chunksize=chunksize))
            return
        assert sorted(any_map(abs, range(-100, 0), chunksize=chunksize)) == list(range(1, 101))

    def test_chunks_grow(self, pool):
        assert len(list(pool.map(abs, range(20_000)))) == 20_000
        assert pool.stats().finished < 10_000
        before = pool.stats().finished
        assert len(list(pool.map(abs, range(100), chunksize=1))) == 100
        assert pool.stats().finished == before + 100
        assert len(list(pool.map(abs, range(100), chunksize=30))) == 100
        assert pool.stats().finished == before + 104

    def test_iterators_beside_each_other(self, pool):
        a = pool.map(lambda n: n, range(300))
        b = pool.map(lambda n: -n, range(300))
        assert [x + y for x, y in zip(a, b, strict=True)] == [0] * 300


class TestLaziness:
    def test_an_endless_iterable(self, any_map):
        assert len(list(itertools.islice(any_map(abs, itertools.count()), 3000))) == 3000

    def test_it_works_ahead_but_not_for_ever(self, pool):
        numbers = Counted()
        results = pool.map(lambda n: n, numbers)
        assert 0 < numbers.taken < 100
        for expected in range(100):
            assert next(results) == expected
        assert numbers.taken < 100_000

    @pytest.mark.parametrize("buffersize", [1, 2, 5])
    def test_buffersize(self, any_map, buffersize):
        numbers = Counted()
        results = any_map(lambda n: n, numbers, buffersize=buffersize)
        assert numbers.taken == buffersize
        for count in range(1, 50):
            next(results)
            # The one that was consumed makes room for one when the next is asked for.
            assert numbers.taken <= count + buffersize

    def test_buffersize_below_chunksize(self, any_map):
        assert sorted(any_map(abs, range(100), buffersize=3, chunksize=10)) == list(range(100))

    @pytest.mark.parametrize("chunksize", [None, 1, 3])
    @pytest.mark.parametrize("large", ["inputs", "results"])
    def test_bytes(self, any_map, chunksize, large):
        megabyte = 1 << 20
        numbers = Counted()
        if large == "inputs":
            function, inputs = (
                len,
                (bytes(megabyte) for _ in zip(range(400), numbers, strict=False)),
            )
        else:
            function, inputs = bytes, (megabyte for _ in zip(range(400), numbers, strict=False))
        ahead = []
        results = any_map(function, inputs, chunksize=chunksize, buffer_bytes=8 * megabyte)
        for count, result in enumerate(results):
            del result
            ahead.append(numbers.taken - count)
        assert len(ahead) == 400
        # The first of them tell how large they are.
        assert max(ahead[50:]) <= 8 + 3 * 2 + 1

    def test_a_task_for_each_worker_whatever_its_size(self, pool):
        numbers = Counted()
        inputs = (bytes(1 << 20) for _ in numbers)
        results = pool.map(len, inputs, chunksize=1, buffer_bytes=1000)
        assert numbers.taken == 2
        assert [next(results) for _ in range(10)] == [1 << 20] * 10

    def test_no_limit_to_bytes(self, pool):
        numbers = Counted()
        results = pool.map(len, (bytes(1 << 20) for _ in numbers), buffer_bytes=None, chunksize=1)
        assert numbers.taken == 6
        next(results)

    def test_memory_by_reference_does_not_count(self, pool):
        memory = atoll.SharedBuffer(1 << 20)
        numbers = Counted()
        results = pool.map(len, (memory for _ in numbers), chunksize=1, buffer_bytes=100_000)
        assert numbers.taken == 6
        assert next(results) == 1 << 20

    def test_the_first_result_does_not_wait_for_the_input(self, pool):
        tx, rx = atoll.channel(None)

        def numbers():
            yield 1
            tx.send("second")
            yield 2

        results = pool.map(abs, numbers(), buffersize=1)
        assert len(rx) == 0
        assert list(results) == [1, 2]


class TestErrors:
    def test_in_its_place(self, pool):
        def invert(n):
            return 1 // n

        results = pool.map(invert, [1, -1, 0, 1])
        assert [next(results), next(results)] == [1, -1]
        with pytest.raises(ZeroDivisionError) as caught:
            next(results)
        assert "in invert" in str(caught.value.__cause__)
        with pytest.raises(StopIteration):
            next(results)

    @pytest.mark.parametrize("chunksize", [None, 1, 3, 50])
    @pytest.mark.parametrize("place", [0, 1, 10])
    def test_all_before_it_are_delivered(self, pool, chunksize, place):
        got = []
        with pytest.raises(ZeroDivisionError):  # noqa: PT012
            for result in pool.map(
                lambda n, place: n // (n != place), range(20), [place] * 20, chunksize=chunksize
            ):
                got.append(result)
        assert got == list(range(place))

    def test_stop_iteration_of_a_call_is_not_the_end(self, any_map):
        def work(n):
            if n == 3:
                raise StopIteration("early")
            return n

        with pytest.raises(RuntimeError, match="StopIteration") as caught:
            list(any_map(work, range(10)))
        assert type(caught.value.__cause__) is StopIteration

    @pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
    def test_base_exceptions(self, any_map, error):
        def work(error):
            raise error

        with pytest.raises(type(error)):
            list(any_map(work, [error]))

    @pytest.mark.parametrize("chunksize", [None, 1, 4])
    def test_an_iterable_that_raises(self, any_map, chunksize):
        def numbers():
            yield from range(6)
            raise LookupError("no more")

        got = []
        with pytest.raises(LookupError, match="no more"):  # noqa: PT012
            for result in any_map(abs, numbers(), chunksize=chunksize):
                got.append(result)
        assert sorted(got) == list(range(6))

    @pytest.mark.parametrize("chunksize", [None, 1, 4, 100])
    def test_an_argument_that_cannot_be_sent(self, any_map, chunksize):
        got = []
        items = [1, 2, 3, 4, 5, {"here": threading.Lock()}, 7]
        with pytest.raises(NotShareableError, match=r"^args\[0\]\['here'\]: .*lock"):  # noqa: PT012
            for result in any_map(repr, items, chunksize=chunksize):
                got.append(result)
        assert sorted(got) == list("12345")

    def test_a_function_that_cannot_be_sent(self, any_map):
        lock = threading.Lock()
        with pytest.raises(NotShareableError):
            list(any_map(lambda n: lock, range(10)))

    @pytest.mark.parametrize("chunksize", [None, 1, 100])
    def test_a_result_that_cannot_be_sent(self, pool, chunksize):
        def work(n):
            import threading

            return [n, threading.Lock()] if n == 5 else n

        got = []
        with pytest.raises(NotShareableError, match=r"\[1\]: .*lock"):  # noqa: PT012
            for result in pool.map(work, range(10), chunksize=chunksize):
                got.append(result)
        assert got == list(range(5))

    def test_task_timeout(self, any_map):
        def work(n):
            while n == 2:
                pass
            return n

        with pytest.raises(atoll.TaskTimedOut, match=r"more than 0\.05 s"):
            list(any_map(work, range(10), task_timeout=0.05, chunksize=1))

    def test_timeout_is_for_all_results(self, any_map):
        kept, never = atoll.channel(0)
        results = any_map(lambda n, rx: n and rx.recv(), [0, 1, 2], [never] * 3, timeout=1)
        assert next(results) == 0
        with pytest.raises(TimeoutError) as caught:
            next(results)
        assert type(caught.value) is TimeoutError
        # What waits is cancelled, what runs is stopped: the workers are free.
        assert next(results, "over") == "over"
        assert list(any_map(abs, [-1, -2], timeout=60)) == [1, 2]
        kept.close()

    def test_timeout_that_is_over_at_once(self, any_map):
        kept, never = atoll.channel(0)
        with pytest.raises(TimeoutError):
            next(any_map(lambda rx: rx.recv(), [never], timeout=0))
        kept.close()

    def test_the_pool_breaks(self):
        pool = atoll.Pool(1, initializer=divmod, initargs=(1, 0))
        results = pool.map(abs, range(10))
        with pytest.raises(atoll.BrokenInterpreterPool) as caught:
            list(results)
        assert "ZeroDivisionError" in str(caught.value.__cause__)
        with pytest.raises(atoll.BrokenInterpreterPool):
            pool.map(abs, [1])
        pool.shutdown()


class TestEnds:
    def blocked(self, pool, method="map"):
        """A map whose first calls wait; its iterator, what starts them, what lets them go."""
        tx, started = atoll.channel(None)
        go, gate = atoll.channel(None)

        def work(n, tx, gate):
            tx.send(n)
            return gate.recv()

        results = getattr(pool, method)(
            work, itertools.count(), itertools.repeat(tx), itertools.repeat(gate), chunksize=1
        )
        assert {started.recv(), started.recv()} == {0, 1}
        return results, started, go

    @pytest.mark.parametrize("method", ["map", "imap_unordered"])
    def test_close_cancels_what_has_not_begun(self, pool, method):
        results, started, go = self.blocked(pool, method)
        assert pool.stats().waiting > 0
        results.close()
        assert pool.stats().waiting == 0
        assert pool.stats().running == 2
        go.send("a"), go.send("b")
        with pytest.raises(StopIteration):
            next(results)
        pool.shutdown()
        assert len(started) == 0

    @pytest.mark.parametrize("method", ["map", "imap_unordered"])
    def test_forgetting_the_iterator_does_so_too(self, pool, method):
        results, started, go = self.blocked(pool, method)
        del results
        gc.collect()
        assert pool.stats().waiting == 0
        go.send("a"), go.send("b")
        pool.shutdown()
        assert len(started) == 0

    def test_an_error_cancels_the_rest(self, pool):
        tx, started = atoll.channel(None)

        def work(n, tx):
            tx.send(n)
            return 1 // n

        with pytest.raises(ZeroDivisionError):
            list(pool.map(work, itertools.count(), itertools.repeat(tx), chunksize=1))
        assert pool.stats().waiting == 0
        pool.shutdown()
        assert 1 <= len(started) < 20

    def test_a_loop_that_is_left(self, any_map, pool):
        for result in any_map(abs, itertools.count()):
            if result == 20:
                break
        pool.shutdown()
        assert pool.stats().waiting == 0

    def test_the_arguments_are_not_kept(self, pool):
        class Item:
            pass

        def items():
            for _ in range(100):
                item = Item()
                kept.append(weakref.ref(item))
                yield id(item), item

        kept = []
        assert len(list(pool.map(lambda item: item[0], items()))) == 100
        gc.collect()
        assert not any(each() for each in kept)

    def test_the_pool_lives_as_long_as_the_iterator(self):
        results = atoll.Pool(1).map(abs, range(1000))
        gc.collect()
        assert list(results) == list(range(1000))

    def test_shutdown_while_it_is_consumed(self, pool):
        results = pool.map(abs, itertools.count(), chunksize=1)
        assert next(results) == 0
        pool.shutdown()
        got = []
        # What was submitted is delivered.
        with pytest.raises(RuntimeError, match="after shutdown"):  # noqa: PT012
            for result in results:
                got.append(result)
        assert got == list(range(1, 1 + len(got)))
        assert got

    def test_shutdown_cancels_what_it_waits_for(self, pool):
        results, _, go = self.blocked(pool)
        pool.shutdown(wait=False, cancel_futures=True)
        go.send("a"), go.send("b")
        assert {next(results), next(results)} == {"a", "b"}
        with pytest.raises(CancelledError):
            next(results)

    def test_after_shutdown(self, any_map, pool):
        pool.shutdown()
        with pytest.raises(RuntimeError, match="after shutdown"):
            any_map(abs, [1])


class TestArguments:
    @pytest.mark.parametrize("name", ["chunksize", "buffersize", "buffer_bytes"])
    @pytest.mark.parametrize("value", [0, -1, 1.5, "1"])
    def test_counts(self, any_map, name, value):
        with pytest.raises(ValueError if isinstance(value, int) else TypeError, match=name):
            any_map(abs, [1], **{name: value})

    @pytest.mark.parametrize("value", [0, -1, float("nan")])
    def test_task_timeout(self, any_map, value):
        with pytest.raises(ValueError, match="task_timeout"):
            any_map(abs, [1], task_timeout=value)

    @pytest.mark.parametrize("value", [-1, float("nan")])
    def test_timeout(self, any_map, value):
        with pytest.raises(ValueError, match="timeout"):
            any_map(abs, [1], timeout=value)

    def test_no_callable_no_iterable(self, any_map):
        with pytest.raises(TypeError, match="callable"):
            any_map(3, [1])
        with pytest.raises(TypeError, match=r"iterable|iteration"):
            any_map(abs, 3)
        with pytest.raises(TypeError):
            any_map()


class TestProgress:
    @pytest.mark.parametrize("method", ["map", "imap_unordered"])
    def test_a_bar(self, pool, method, capsys):
        pytest.importorskip("tqdm")
        results = getattr(pool, method)(abs, range(-50, 0), progress=True)
        assert sorted(results) == list(range(1, 51))
        assert "50/50" in capsys.readouterr().err

    def test_without_a_length(self, pool, capsys):
        pytest.importorskip("tqdm")
        assert list(pool.map(pow, iter([2, 3]), itertools.count(), progress=True)) == [1, 3]
        assert "2it" in capsys.readouterr().err

    def test_an_error_passes(self, pool):
        pytest.importorskip("tqdm")
        with pytest.raises(ZeroDivisionError):
            list(pool.map(divmod, [1], [0], progress=True))


class TestDefaultPool:
    def test_map_and_run(self):
        assert list(atoll.map(abs, range(-3, 0))) == [3, 2, 1]
        assert atoll.run(pow, 2, 10) == 1024
        assert atoll.run(lambda a, **kwargs: (a, kwargs), 1, b=2) == (1, {"b": 2})
        assert list(atoll.map(abs, [-1], timeout=60, task_timeout=60)) == [1]

    def test_a_pool_that_is_over_is_replaced(self):
        from atoll._pool import default_pool

        first = default_pool()
        assert default_pool() is first
        first.shutdown()
        assert atoll.run(abs, -1) == 1
        assert default_pool() is not first
