"""Channels when interpreters are closed, signals come, and the process ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import Any

import pytest

import atoll
from atoll import Closed, WouldBlock, interpreters
from atoll.interpreters import Interpreter, InterpreterError

type RunPython = Callable[..., subprocess.CompletedProcess[str]]
type InThread = Callable[..., Any]

if sys.version_info >= (3, 13):
    LEAK_TX = "import ctypes; ctypes.pythonapi.Py_IncRef(ctypes.py_object(tx))"
else:
    # Isolated interpreters cannot load ctypes; but a cycle through this C type is never collected.
    LEAK_TX = dedent("""
        import zlib
        class Cycle(bytes): pass
        cycle = Cycle(b"zdict")
        cycle.again = zlib.decompressobj(zdict=cycle)
        cycle.tx = tx
        del cycle
    """)


@pytest.fixture
def interp() -> Iterator[Interpreter]:
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


class TestLifeAndDeath:
    def test_an_interpreter_s_ends_are_closed_with_it(
        self, start_blocked: InThread, interp: Interpreter
    ) -> None:
        tx, rx = atoll.channel(2)
        interp.prepare_main(tx=tx)
        interp.exec("tx.send('kept')")
        tx.close()
        receiver = start_blocked(lambda: list(rx))
        interp.close()
        assert receiver.result() == ["kept"], "what was sent stays"

    def test_its_receivers_too(self, start_blocked: InThread, interp: Interpreter) -> None:
        tx, rx = atoll.channel()
        interp.prepare_main(rx=rx)
        rx.close()
        sender = start_blocked(tx.send, 1)
        interp.close()
        with pytest.raises(Closed):
            sender.result()

    def test_ends_that_leak_are_closed_with_the_interpreter(
        self, start_blocked: InThread, interp: Interpreter
    ) -> None:
        """A reference that nobody gives back, as some C extension might hold it."""
        tx, rx = atoll.channel()
        interp.prepare_main(tx=tx)
        interp.exec(LEAK_TX)
        tx.close()
        receiver = start_blocked(rx.recv)
        interp.close()
        with pytest.raises(Closed):
            receiver.result()

    def test_its_own_threads_stop_waiting(self, interp: Interpreter) -> None:
        """close() wakes them with an error, then joins them."""
        tx, rx = atoll.channel()
        reports_tx, reports = atoll.channel(None)
        interp.prepare_main(tx=tx, rx=rx, reports=reports_tx)
        interp.exec(
            dedent("""
            import threading
            import atoll
            from atoll.interpreters import InterpreterError
            def wait(use):
                reports.send('waits')
                try:
                    use()
                except InterpreterError as error:
                    reports.send(str(error))
                else:
                    reports.send('no error')
            never = atoll.channel()
            for use in (rx.recv, lambda: never[0].send(1),
                        lambda: atoll.select(rx, timeout=600), atoll.after(600).recv):
                threading.Thread(target=wait, args=(use,)).start()
        """)
        )
        assert [reports.recv() for _ in range(4)] == ["waits"] * 4
        interp.close()
        for _ in range(4):
            assert f"interpreter {interp.id} is being closed" in reports.recv(timeout=0)
        # Nobody stands in line any more.
        with pytest.raises(WouldBlock):
            tx.send_nowait(1)

    def test_exit_with_blocked_threads(self, run_python: RunPython) -> None:
        done = run_python(
            "-c",
            dedent("""
            import threading, atoll
            from atoll import interpreters
            tx, rx = atoll.channel()
            ready_tx, ready = atoll.channel(None)
            uses = [rx.recv, lambda: atoll.select(rx, atoll.after(600)), atoll.after(600).recv]
            def wait(use):
                ready_tx.send(1)
                use()
            for use in uses:
                threading.Thread(target=wait, args=(use,), daemon=True).start()
            interp = interpreters.create()
            interp.prepare_main(rx=rx, ready=ready_tx)
            def block():
                try:
                    interp.exec("ready.send(1); rx.recv()")
                except interpreters.InterpreterError:
                    pass
                except interpreters.ExecutionFailed:
                    pass
            threading.Thread(target=block, daemon=True).start()
            for _ in range(4):
                ready.recv()
            print("done", flush=True)
            """),
            timeout=30,
        )
        assert done.stdout == "done\n"
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        "use",
        [
            "rx.recv()",
            "tx.send(1)",
            "rx.recv(timeout=600)",
            "next(rx)",
            "atoll.select(rx, (other_tx, 1))",
            "atoll.select(None, timeout=600)",
            "atoll.after(600).recv()",
            "interp.exec('rx.recv()')",
        ],
    )
    def test_ctrl_c(self, wait_until_asleep: Callable[[int], None], use: str) -> None:
        script = dedent(f"""
            import signal, atoll
            from atoll import interpreters
            signal.signal(signal.SIGINT, signal.default_int_handler)
            tx, rx = atoll.channel()
            other_tx, other_rx = atoll.channel()
            interp = interpreters.create()
            interp.prepare_main(rx=rx)
            print("ready", flush=True)
            try:
                {use}
            except KeyboardInterrupt:
                # Nobody stands in line any more.
                for nowait in (rx.recv_nowait, lambda: tx.send_nowait(1), other_rx.recv_nowait):
                    try:
                        nowait()
                    except atoll.WouldBlock:
                        pass
                    else:
                        print("served a ghost")
                print("interrupted", flush=True)
            interp.close()
        """)
        command = [sys.executable, "-c", script]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        wait_until_asleep(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert out == b"interrupted\n", err

    def test_a_signal_handler_that_returns_does_not_end_the_wait(
        self, run_python: RunPython
    ) -> None:
        done = run_python(
            "-c",
            dedent("""
            import signal, threading, time, os, atoll
            tx, rx = atoll.channel()
            calls = []
            def handler(*args):
                calls.append(1)
                if len(calls) < 20:
                    signal.setitimer(signal.ITIMER_REAL, 0.001)
                else:
                    threading.Thread(target=tx.send, args=("value",)).start()
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            print(rx.recv(), len(calls))
            """),
            check=True,
        )
        assert done.stdout == "value 20\n"

    def test_waiting_costs_no_cpu_time(self, start_blocked: InThread) -> None:
        tx, rx = atoll.channel()
        blocked = [
            start_blocked(use) for use in (rx.recv, lambda: atoll.select(rx, atoll.after(600)))
        ]
        before = time.process_time()
        with pytest.raises(TimeoutError):
            rx.recv(timeout=1)
        assert time.process_time() - before < 0.02
        tx.close()
        with pytest.raises(Closed):
            blocked[0].result()
        assert blocked[1].result().closed

    def test_no_memory_is_left_behind(self) -> None:
        def work() -> None:
            for _ in range(2000):
                tx, rx = atoll.channel(4)
                tx.send(b"x" * 10_000)
                tx.send(rx.clone())
                rx.recv()
                rx.recv().close()
                atoll.select(rx, (tx, b"y" * 10_000), atoll.after(60))

        def resident() -> int:
            with open("/proc/self/statm") as file:  # noqa: PTH123
                return int(file.read().split()[1]) * 4

        work()
        before = resident()
        for _ in range(5):
            work()
        assert resident() - before < 4000, "KB"
