"""Channels between interpreters: how ends travel, and many that send and receive."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import pytest

import atoll
from atoll import Closed, Sender, interpreters
from atoll.interpreters import Interpreter, InterpreterError, NotShareableError, create_queue

type InThread = Callable[..., Any]


@pytest.fixture
def interp() -> Iterator[Interpreter]:
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


@dataclass
class Job:
    """Goes by pickle, and carries an end."""

    number: int
    answer_to: Sender[int]


class TestTravel:
    def test_is_shareable(self) -> None:
        assert all(map(interpreters.is_shareable, atoll.channel()))

    def test_an_end_through_a_channel_is_another_clone(self) -> None:
        tx, rx = atoll.channel(1)
        inner_tx, inner_rx = atoll.channel(1)
        tx.send({"end": inner_tx})
        inner_tx.close()
        arrived = rx.recv()["end"]
        assert arrived == inner_tx
        assert arrived is not inner_tx
        arrived.send("through")
        assert inner_rx.recv() == "through"
        arrived.close()
        assert inner_rx.closed

    def test_on_its_way_it_keeps_its_side_open(self) -> None:
        queue = create_queue()
        tx, rx = atoll.channel(1)
        queue.put(tx)
        queue.put(tx)
        del tx
        gc.collect()
        assert not rx.closed
        queue.get()
        assert not rx.closed
        del queue
        gc.collect()
        assert rx.closed, "the undelivered one was released with the queue"

    def test_a_closed_one_does_not_travel(self) -> None:
        tx, rx = atoll.channel(1)
        tx.close()
        outer, _outer_rx = atoll.channel(1)
        with pytest.raises((Closed, NotShareableError)) as caught:
            outer.send([tx])
        assert "was closed" in f"{caught.value} {caught.value.__cause__}"
        assert rx.closed

    def test_calls(self, interp: Interpreter) -> None:
        tx, rx = atoll.channel(5)

        def produce(end: Any, count: int) -> None:
            with end:
                for number in range(count):
                    end.send(number)

        interp.call(produce, tx, 5)
        tx.close()
        assert list(rx) == [0, 1, 2, 3, 4]

    def test_results(self, interp: Interpreter) -> None:
        def make() -> object:
            import atoll

            return atoll.channel(1)

        tx, rx = interp.call(make)
        tx.send(1)
        assert rx.recv() == 1
        interp.exec("import gc; gc.collect()")
        tx.close()
        assert rx.closed, "those in the interpreter are gone"

    def test_prepare_main(self, interp: Interpreter) -> None:
        requests, answers = atoll.channel(), atoll.channel()
        interp.prepare_main(rx=requests[1], tx=answers[0])
        thread = interp.call_in_thread(
            exec, "with tx:\n    for value in rx: tx.send(value * 2)\nrx.close()"
        )
        requests[1].close()
        answers[0].close()
        for number in range(100):
            requests[0].send(number)
            assert answers[1].recv() == number * 2
        requests[0].close()
        with pytest.raises(Closed):
            answers[1].recv()
        thread.join()

    def test_inside_of_what_is_pickled(self) -> None:
        tx, rx = atoll.channel(1)
        answer_tx, answer_rx = atoll.channel(1)
        tx.send(Job(7, answer_tx))
        job = rx.recv()
        job.answer_to.send(job.number + 1)
        assert answer_rx.recv() == 8

    def test_twice_in_one_message(self) -> None:
        tx, rx = atoll.channel(1)
        inner_tx, inner_rx = atoll.channel(1)
        tx.send((inner_tx, [inner_tx], inner_rx))
        first, [second], third = rx.recv()
        assert first == second == inner_tx
        assert third == inner_rx
        first.close()
        inner_tx.close()
        assert third.closed == (first is second)

    def test_through_its_own_channel(self) -> None:
        tx, rx = atoll.channel(2)
        tx.send(rx)
        tx.send(tx)
        other_rx = rx.recv()
        other_tx = other_rx.recv()
        tx.close()
        rx.close()
        other_tx.send("round")
        assert other_rx.recv() == "round"

    def test_a_long_chain_of_channels_that_hold_each_other(self) -> None:
        first_tx, rx = atoll.channel(1)
        for _ in range(100_000):
            tx, next_rx = atoll.channel(1)
            tx.send(rx)
            rx = next_rx
        assert not first_tx.closed
        rx.close()
        assert first_tx.closed

    def test_exceptions_keep_their_classes(self, interp: Interpreter) -> None:
        tx, rx = atoll.channel()
        rx.close()
        with pytest.raises(interpreters.ExecutionFailed, match="Closed: channel"):
            interp.call(_send_one, tx)


def _send_one(end: Any) -> None:
    end.send(1)


class TestFlow:
    @pytest.mark.parametrize("capacity", [0, 1, 7, None])
    def test_first_in_first_out_per_sender(
        self, background: InThread, capacity: int | None
    ) -> None:
        tx, rx = atoll.channel(capacity)

        def send(end: Sender[Any], name: int) -> None:
            with end:
                for number in range(500):
                    end.send((name, number))

        with tx:
            senders = [background(send, tx.clone(), name) for name in range(4)]
        received = list(rx)
        for sender in senders:
            sender.result()
        for name in range(4):
            assert [number for sender, number in received if sender == name] == list(range(500))

    @pytest.mark.parametrize("capacity", [0, 1, 64])
    def test_eight_senders_eight_receivers_in_interpreters(self, capacity: int) -> None:
        flow(capacity, 1500)

    def test_a_million_items(self) -> None:
        flow(64, 125_000)

    def test_blocked_threads_let_others_run(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        blocked = start_blocked(rx.recv)
        assert sum(range(10_000)) == 49_995_000
        tx.send(None)
        assert blocked.result() is None


def flow(capacity: int, count: int) -> None:
    """8 senders and 8 receivers, two of them in each of 8 interpreters; nothing lost or doubled."""
    tx, rx = atoll.channel(capacity)
    results_tx, results_rx = atoll.channel(None)
    made = [interpreters.create() for _ in range(8)]
    threads = []
    for name, each in enumerate(made):
        each.prepare_main(tx=tx, rx=rx, results=results_tx, name=name, count=count)
        each.exec(
            dedent("""
            import threading
            def send():
                with tx:
                    for number in range(count):
                        tx.send(name * count + number)
            def receive():
                got = list(rx)
                rx.close()
                in_order = all(
                    mine == sorted(mine)
                    for mine in ([n for n in got if n // count == other] for other in range(8))
                )
                with results:
                    results.send((len(got), sum(got), in_order))
            """)
        )
        start = "threads = [threading.Thread(target=f) for f in (send, receive)]\n"
        start += "for t in threads: t.start()\nfor t in threads: t.join()"
        threads.append(each.call_in_thread(exec, start))
    tx.close()
    rx.close()
    results_tx.close()
    batches = list(results_rx)
    for thread in threads:
        thread.join()
    assert len(batches) == 8
    assert all(in_order for _, _, in_order in batches), "one sender's items arrive in order"
    total = 8 * count
    assert sum(length for length, _, _ in batches) == total
    assert sum(part for _, part, _ in batches) == total * (total - 1) // 2
    for each in made:
        each.close()
