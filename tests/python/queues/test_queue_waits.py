"""Waiting at queues: timeouts, other threads, other interpreters, and the end of those."""

import math
import threading
import time
from fractions import Fraction
from textwrap import dedent
from unittest import mock

import pytest

from atoll import interpreters
from atoll.interpreters import (
    InterpreterError,
    QueueEmpty,
    QueueFull,
    create_queue,
)
from atoll.interpreters import _queues as queues


@pytest.fixture
def queue():
    return create_queue()


@pytest.fixture
def interp():
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


class TestTimeouts:
    @pytest.mark.parametrize("timeout", [-1, -0.001, -math.inf, -(10**400), math.nan])
    def test_negative_and_nan(self, queue, timeout):
        queue.put(1)
        for use in (lambda: queue.get(timeout=timeout), lambda: queue.put(1, timeout=timeout)):
            with pytest.raises(ValueError):
                use()
        assert queue.qsize() == 1

    @pytest.mark.parametrize("timeout", ["1", b"1", [], object(), 1j])
    def test_not_numbers(self, queue, timeout):
        queue.put(1)
        for use in (lambda: queue.get(timeout=timeout), lambda: queue.put(1, timeout=timeout)):
            with pytest.raises(TypeError):
                use()
        assert queue.qsize() == 1

    @pytest.mark.parametrize("timeout", [0.25, Fraction(1, 4)])
    def test_fractions_of_a_second_are_waited_for(self, queue, timeout):
        start = time.monotonic()
        with pytest.raises(QueueEmpty):
            queue.get(timeout=timeout)
        assert time.monotonic() - start >= 0.25
        full = create_queue(1)
        full.put(0)
        start = time.monotonic()
        with pytest.raises(QueueFull):
            full.put(1, timeout=timeout)
        assert time.monotonic() - start >= 0.25
        assert full.qsize() == 1

    @pytest.mark.parametrize("timeout", [None, 1e9, 1e300, math.inf, 10**400, 2**63])
    def test_huge_ones_wait_as_long_as_it_takes(self, queue, timeout):
        answer = []
        thread = threading.Thread(target=lambda: answer.append(queue.get(timeout=timeout)))
        thread.start()
        queue.put("came")
        thread.join()
        assert answer == ["came"]

    def test_the_clock_is_read_through_the_module(self, queue):
        with (
            mock.patch.object(queues, "time", wraps=time) as clock,
            pytest.raises(QueueEmpty),
        ):
            queue.get(timeout=0)
        clock.monotonic.assert_called()
        clock.time.assert_not_called()


class TestBlocking:
    def test_get_waits_for_another_thread(self, queue):
        answers = create_queue()
        thread = threading.Thread(target=lambda: answers.put(queue.get() + 1))
        thread.start()
        queue.put(1)
        assert answers.get() == 2
        thread.join()

    def test_put_waits_for_room(self):
        queue = create_queue(1)
        queue.put(0)
        thread = threading.Thread(target=lambda: [queue.put(number) for number in range(1, 100)])
        thread.start()
        assert [queue.get() for _ in range(100)] == list(range(100))
        thread.join()

    def test_another_interpreter_answers(self, queue, interp):
        back = create_queue()
        interp.prepare_main(queue=queue, back=back)
        thread = interp.call_in_thread(exec, "for _ in range(500): back.put(queue.get() * 2)")
        for number in range(500):
            queue.put(number)
            assert back.get() == number * 2
        thread.join()

    def test_a_blocked_thread_does_not_hold_the_interpreter_up(self, queue):
        thread = threading.Thread(target=queue.get)
        thread.start()
        assert sum(range(10000)) == 49995000
        queue.put(None)
        thread.join()

    def test_nothing_is_lost_or_doubled(self):
        """4 senders and 4 receivers, half of them in other interpreters; bounded queue."""
        work, done = create_queue(16), create_queue()
        count = 2000
        made = [interpreters.create() for _ in range(4)]
        for each in made:
            each.prepare_main(work=work, done=done, count=count)
        send = "for i in range(count): work.put((name, i))"
        receive = dedent("""
            got = []
            while (item := work.get()) is not None:
                got.append(item)
            done.put(got)
        """)
        threads = []

        def here(source, **names):
            names |= {"work": work, "done": done, "count": count}
            threads.append(threading.Thread(target=exec, args=(source, names)))

        def there(index, source, **names):
            if names:
                made[index].prepare_main(**names)
            threads.append(threading.Thread(target=made[index].exec, args=(source,)))

        here(send, name=0)
        here(send, name=1)
        there(0, send, name=2)
        there(1, send, name=3)
        senders = list(threads)
        here(receive)
        here(receive)
        there(2, receive)
        there(3, receive)
        for thread in threads:
            thread.start()
        for thread in senders:
            thread.join()
        for _ in range(4):
            work.put(None)
        batches = [done.get() for _ in range(4)]
        for thread in threads:
            thread.join()
        for batch in batches:
            for sender in range(4):
                mine = [number for name, number in batch if name == sender]
                assert mine == sorted(mine), "one sender's items arrive in order"
        received = sorted(item for batch in batches for item in batch)
        assert received == [(sender, number) for sender in range(4) for number in range(count)]
        for each in made:
            each.close()

    def test_timeouts_race_with_puts(self, queue):
        count = 300
        received = []

        def receive():
            while len(received) < count:
                try:
                    received.append(queue.get(timeout=0.0005))
                except QueueEmpty:
                    pass

        thread = threading.Thread(target=receive)
        thread.start()
        for number in range(count):
            queue.put(number)
        thread.join()
        assert received == list(range(count))


class TestClosing:
    def test_the_interpreter_s_own_threads_stop_waiting(self, queue, interp):
        """close() wakes them with an error, then joins them."""
        full = create_queue(1)
        full.put(0)
        ready = create_queue()
        interp.prepare_main(queue=queue, full=full, ready=ready)
        interp.exec(
            dedent("""
            import threading
            from atoll.interpreters import InterpreterError
            def wait(use):
                ready.put('waits')
                try:
                    use()
                except InterpreterError as error:
                    ready.put(str(error), unbounditems=KEEP)
                else:
                    ready.put('no error', unbounditems=KEEP)
            from atoll.interpreters._queues import UNBOUND_KEEP as KEEP
            for use in (queue.get, lambda: full.put(1), lambda: queue.get(timeout=600)):
                threading.Thread(target=wait, args=(use,)).start()
        """)
        )
        assert [ready.get() for _ in range(3)] == ["waits"] * 3
        interp.close()
        for _ in range(3):
            assert f"interpreter {interp.id} is being closed" in ready.get(timeout=0)
        # Nobody stands in line any more.
        queue.put("for us")
        assert queue.get_nowait() == "for us"
        assert full.get_nowait() == 0
        assert full.empty()

    def test_an_interpreter_that_waits_is_running(self, queue, interp):
        interp.prepare_main(queue=queue)
        started = create_queue()
        interp.prepare_main(started=started)
        thread = interp.call_in_thread(exec, "started.put(1); queue.get()")
        started.get()
        with pytest.raises(InterpreterError, match="running"):
            interp.close()
        queue.put(None)
        thread.join()
        interp.close()
