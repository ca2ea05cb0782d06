"""Which signals the threads of pools take, and their child processes."""

import signal
import subprocess
import sys
import threading

import pytest

import atoll


def blocked_signals_of_child():
    """The mask that a child process of the calling thread is born with."""
    source = "import signal; print(*sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


class TestSignalMask:
    """Threads that run Python take the program's signals: their children inherit the mask."""

    @pytest.mark.parametrize("warm", [0, 1])
    def test_of_a_child_of_a_task(self, warm):
        with atoll.Pool(1, warm=warm) as pool:
            assert pool.run(blocked_signals_of_child) == []

    def test_a_child_of_a_task_can_be_terminated(self):
        def terminate():
            child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
            child.terminate()
            return child.wait(60)

        with atoll.Pool(1) as pool:
            assert pool.run(terminate) == -signal.SIGTERM

    def test_what_the_program_blocks_stays_blocked(self):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        try:
            with atoll.Pool(1) as pool:
                assert pool.run(blocked_signals_of_child) == [str(int(signal.SIGUSR2))]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def test_of_a_child_of_a_callback(self):
        tx, rx = atoll.channel()

        def spin(tx):
            tx.send(None)
            while True:
                pass

        found = []
        over = threading.Event()

        def look(future):
            found.append(blocked_signals_of_child())
            over.set()

        with atoll.Pool(1) as pool:
            future = pool.submit(spin, tx)
            rx.recv(60)
            future.add_done_callback(look)
            future.cancel(interrupt=True)
            assert over.wait(60)
        assert found == [[]]

    def test_atolls_own_threads_take_no_signals(self, run_source):
        """The one that watches for Ctrl-C, and the one that watches for timeouts."""
        done = run_source("""
            import pathlib, threading
            import atoll
            from atoll import interpreters

            def blocked(task):
                lines = (task / "status").read_text().splitlines()
                mask = next(line for line in lines if line.startswith("SigBlk"))
                return int(mask.split()[1], 16) != 0

            interp = interpreters.create()
            interp.exec("pass")
            interp.close()
            tasks = pathlib.Path("/proc/self/task")
            known = {threading.get_native_id()}
            print(all(blocked(task) for task in tasks.iterdir() if int(task.name) not in known))
        """)
        assert done.stdout == "True\n"


class TestCtrlC:
    """Who has to wait after it learns for what."""

    @pytest.mark.parametrize("make", ["atoll.Pool(1)", "atoll.futures.InterpreterPoolExecutor(1)"])
    def test_says_what_is_waited_for(self, interrupt_source, make):
        source = """
            import atoll, os, signal, sys

            ends, end = os.pipe()

            class Errors:
                def write(self, text):
                    sys.__stderr__.write(text)
                    if "waiting for" in text:
                        os.write(end, b"x")

                def flush(self):
                    sys.__stderr__.flush()

            def snore(tx, ends):
                tx.send("snores")
                os.read(ends, 1)  # in C, where it does not learn that it is to end

            sys.stderr = Errors()
            tx, rx = atoll.channel()
            with MAKE as pool:
                pool.submit(snore, tx, ends)
                rx.recv()
                print("ready", flush=True)
                signal.pause()
        """
        status, _, err = interrupt_source(source.replace("MAKE", make))
        assert status == -signal.SIGINT
        assert err.count("atoll: waiting for a task: snore (Ctrl-C stops waiting)\n") == 1
        assert "KeyboardInterrupt" in err

    def test_says_nothing_if_that_is_quick(self, interrupt_source):
        _, _, err = interrupt_source("""
            import atoll, signal
            with atoll.Pool(1) as pool:
                pool.run(abs, 1)
                print("ready", flush=True)
                signal.pause()
        """)
        assert "atoll: waiting" not in err
