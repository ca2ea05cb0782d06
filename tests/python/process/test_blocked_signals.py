"""Signals, and the end of the process, while somebody is blocked. Each case is its own process."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

PRELUDE = """
import os, signal, sys, threading, time
from atoll import interpreters
from atoll import pep554 as channels
queue = interpreters.create_queue()
full = interpreters.create_queue(1)
full.put(0)
recv, send = channels.create()
def waits():
    os.write(1, b'waits\\n')
"""

#: All that can block, as source in which the names of PRELUDE are bound.
BLOCKING = {
    "get": "queue.get()",
    "get_timeout": "queue.get(timeout=600)",
    "put": "full.put(1)",
    "recv": "recv.recv()",
    "send": "send.send(1)",
}

blocking = pytest.mark.parametrize("use", BLOCKING.values(), ids=BLOCKING)


def wait_until_asleep(pid):
    """The main thread of the process sleeps in a futex: it blocks."""
    for _ in range(1_000_000):
        wchan = Path(f"/proc/{pid}/wchan").read_text()
        state = re.sub(r".*\) ", "", Path(f"/proc/{pid}/stat").read_text())[0]
        if state == "S" and (wchan == "0" or "futex" in wchan):
            return
        os.sched_yield()
    pytest.fail("the process does not block")


class Process:
    def __init__(self, source):
        self.popen = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + dedent(source)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.popen.kill()
        self.popen.communicate()

    def expect(self, line):
        got = self.popen.stdout.readline()
        assert got == f"{line}\n", (got, self.popen.stderr.read() if not got else "")

    def signal_when_blocked(self, number=signal.SIGINT):
        wait_until_asleep(self.popen.pid)
        self.popen.send_signal(number)

    def end(self, status=0):
        out, err = self.popen.communicate(timeout=60)
        assert self.popen.returncode == status, (self.popen.returncode, out, err)
        return out, err


class TestCtrlC:
    @blocking
    def test_in_the_main_interpreter(self, use):
        with Process(f"""
            waits()
            try:
                {use}
            except KeyboardInterrupt:
                print('interrupted', flush=True)
            # Nothing was taken, and nobody stands in line.
            queue.put('x')
            assert queue.get_nowait() == 'x'
            assert full.get_nowait() == 0 and full.empty()
            send.send_nowait('y')
            assert recv.recv_nowait() == 'y'
        """) as process:
            process.expect("waits")
            process.signal_when_blocked()
            start = time.monotonic()
            process.expect("interrupted")
            assert time.monotonic() - start < 30
            _, err = process.end()
            assert err == ""

    @blocking
    @pytest.mark.parametrize("caught", [False, True])
    def test_in_another_interpreter(self, use, caught):
        with Process(f"""
            interp = interpreters.create()
            interp.prepare_main(queue=queue, full=full, recv=recv, send=send)
            source = {use!r}
            if {caught}:
                source = f'''
            try:
                {{source}}
            except KeyboardInterrupt:
                print('caught', flush=True)
            '''
            interp.exec('import os; os.write(1, b"waits\\\\n")')
            try:
                interp.exec(source)
            except KeyboardInterrupt:
                print('interrupted', flush=True)
            assert interp.call(eval, '1 + 1') == 2
            queue.put('x')
            assert queue.get_nowait() == 'x'
            interp.close()
        """) as process:
            process.expect("waits")
            process.signal_when_blocked()
            start = time.monotonic()
            if caught:
                process.expect("caught")
            else:
                process.expect("interrupted")
            assert time.monotonic() - start < 30
            _, err = process.end()
            assert err == ""

    def test_uncaught(self):
        with Process("waits(); queue.get()") as process:
            process.expect("waits")
            process.signal_when_blocked()
            _, err = process.end(-signal.SIGINT)
            assert err.endswith("KeyboardInterrupt\n")

    def test_other_threads_go_on(self):
        with Process("""
            answers = interpreters.create_queue()
            thread = threading.Thread(target=lambda: answers.put(queue.get()))
            thread.start()
            waits()
            try:
                recv.recv()
            except KeyboardInterrupt:
                queue.put('for the thread')
                assert answers.get() == 'for the thread'
            thread.join()
        """) as process:
            process.expect("waits")
            process.signal_when_blocked()
            process.end()


class TestHandlers:
    def test_they_run_and_the_wait_goes_on(self):
        with Process("""
            def handler(*args):
                print('handled', flush=True)
                if count == 2:
                    queue.put('from the handler')
            def count_and_handle(*args):
                global count
                count += 1
                handler()
            count = 0
            signal.signal(signal.SIGUSR1, count_and_handle)
            waits()
            start = time.monotonic()
            assert queue.get(timeout=600) == 'from the handler'
        """) as process:
            process.expect("waits")
            for _ in range(2):
                process.signal_when_blocked(signal.SIGUSR1)
                process.expect("handled")
            process.end()

    def test_a_signal_just_before_the_sleep_is_not_for_later(self):
        with Process("""
            signal.signal(signal.SIGALRM, lambda *args: queue.put('from the handler'))
            for microseconds in range(1, 61):
                start = time.monotonic()
                # The second one, so that a failure does not hang.
                signal.setitimer(signal.ITIMER_REAL, microseconds * 1e-6, 30)
                queue.get()
                signal.setitimer(signal.ITIMER_REAL, 0)
                assert time.monotonic() - start < 25
        """) as process:
            process.end()

    def test_the_deadline_stays(self):
        with Process("""
            signal.signal(signal.SIGALRM, lambda *args: None)
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
            start = time.monotonic()
            try:
                queue.get(timeout=0.5)
            except interpreters.QueueEmpty:
                took = time.monotonic() - start
            assert took >= 0.5, took
        """) as process:
            process.end()

    def test_an_exception_ends_the_wait(self):
        with Process("""
            def handler(*args):
                raise LookupError('from the handler')
            signal.signal(signal.SIGUSR1, handler)
            waits()
            try:
                full.put(1)
            except LookupError:
                print('raised', flush=True)
            assert full.get() == 0 and full.empty()
        """) as process:
            process.expect("waits")
            process.signal_when_blocked(signal.SIGUSR1)
            process.expect("raised")
            process.end()

    def test_a_handler_may_wait_itself(self):
        with Process("""
            def handler(*args):
                threading.Timer(0, queue.put, ('inner',)).start()
                print(queue.get(timeout=60), flush=True)
            signal.signal(signal.SIGUSR1, handler)
            waits()
            recv.recv(timeout=600)
        """) as process:
            process.expect("waits")
            process.signal_when_blocked(signal.SIGUSR1)
            process.expect("inner")
            wait_until_asleep(process.popen.pid)


class TestExit:
    @blocking
    def test_daemon_threads_blocked(self, use):
        with Process(f"""
            for _ in range(4):
                threading.Thread(target=lambda: {use}, daemon=True).start()
        """) as process:
            out, err = process.end()
            assert out == err == ""

    @blocking
    def test_daemon_threads_blocked_in_other_interpreters(self, use):
        with Process(f"""
            made = [interpreters.create() for _ in range(3)]
            for interp in made:
                interp.prepare_main(queue=queue, full=full, recv=recv, send=send)
                threading.Thread(target=interp.exec, args=({use!r},), daemon=True).start()
            while not all(interp.is_running() for interp in made):
                pass
        """) as process:
            _, err = process.end()
            assert "Fatal" not in err

    @blocking
    def test_threads_of_other_interpreters_blocked(self, use):
        """Nobody closes the interpreter; its own thread waits for ever."""
        with Process(f"""
            interp = interpreters.create()
            interp.prepare_main(queue=queue, full=full, recv=recv, send=send)
            interp.exec('''
            import threading
            thread = threading.Thread(target=lambda: {use})
            thread.start()
            ''')
        """) as process:
            _, err = process.end()
            assert "Fatal" not in err

    def test_items_left(self):
        with Process("""
            interp = interpreters.create()
            interp.prepare_main(queue=queue, send=send)
            interp.exec('for i in range(100): queue.put([i] * 1000); send.send_nowait(queue)')
            queue.put(queue)
            queue.put(memoryview(bytearray(1000)))
            send.send_buffer_nowait(bytearray(1000))
            interp.close()
        """) as process:
            out, err = process.end()
            assert out == err == ""
