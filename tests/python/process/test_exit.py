"""Leaving the process in every state, and Ctrl-C. Each case is a process of its own."""

import os
import signal
import subprocess
import sys
from textwrap import dedent

import pytest

LEFTOVER_WARNING = "close them with Interpreter.close()"


def run(source, *, expect=0, timeout=60, env=None):
    proc = subprocess.run(
        [sys.executable, "-c", dedent(source)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=env,
    )
    assert proc.returncode == expect, (proc.returncode, proc.stdout, proc.stderr)
    return proc


def interrupt_when_ready(source, *, repeat=False):
    """Run `source` and send SIGINT when it prints "ready"; with `repeat`, until it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", dedent(source)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as proc:
        try:
            assert proc.stdout.readline() == "ready\n"
            for _ in range(50 if repeat else 1):
                proc.send_signal(signal.SIGINT)
                try:
                    out, err = proc.communicate(timeout=0.5 if repeat else 50)
                    return proc.returncode, out, err
                except subprocess.TimeoutExpired:
                    continue
            pytest.fail("the process goes on")
        finally:
            proc.kill()


class TestExit:
    def test_nothing_left(self):
        proc = run(
            "from atoll import interpreters; i = interpreters.create(); i.exec('x = 1'); i.close()"
        )
        assert proc.stderr == ""

    def test_idle_interpreters_left(self):
        proc = run("""
            from atoll import interpreters
            kept = [interpreters.create() for _ in range(3)]
            for i in kept: i.exec('import json, threading')
        """)
        if sys.version_info >= (3, 14):
            assert LEFTOVER_WARNING in proc.stderr
        assert "Traceback" not in proc.stderr
        assert "Fatal" not in proc.stderr

    @pytest.mark.parametrize("end", ["i.close()", "left.append(i)"])
    def test_keywords_of_c_functions(self, end):
        """Before CPython 3.12.4 their names live in the interpreter that first used them."""
        proc = run(f"""
            from atoll import interpreters
            def use_keywords():
                import asyncio, pickle, zlib
                asyncio.run(asyncio.sleep(0))
                assert pickle.loads(pickle.dumps(1, protocol=5), buffers=()) == 1
                assert zlib.decompress(zlib.compress(b'x', level=1), bufsize=10) == b'x'
                try:
                    zlib.compress(b'x', unknown=1)
                except TypeError:
                    pass
            left = []
            for _ in range(3):
                i = interpreters.create()
                i.call(use_keywords)
                {end}
        """)
        assert "Traceback" not in proc.stderr

    def test_used_from_many_threads_and_left(self):
        proc = run("""
            import threading
            from atoll import interpreters
            i = interpreters.create()
            threads = [threading.Thread(target=i.exec, args=('x = 1',)) for _ in range(5)]
            for t in threads: t.start(); t.join()
        """)
        assert "Fatal" not in proc.stderr

    @pytest.mark.parametrize(
        "code",
        [
            "ready()\nwhile True: pass",
            "import time\nready()\nwhile True: time.sleep(0.01)",
            "try:\n ready()\n while True: pass\nfinally:\n print('cleaned up', flush=True)",
        ],
    )
    def test_a_daemon_thread_still_running_code(self, code):
        proc = run(f"""
            import os, threading
            from atoll import interpreters
            i = interpreters.create()
            r, w = os.pipe()
            i.exec(f"import os\\ndef ready(): os.write({{w}}, b'x')")
            threading.Thread(target=i.exec, args=({code!r},), daemon=True).start()
            os.read(r, 1)
        """)
        assert "Fatal" not in proc.stderr
        assert "Exception in thread" not in proc.stderr
        if "finally" in code:
            assert "cleaned up" in proc.stdout

    @pytest.mark.skipif(
        sys.version_info < (3, 13), reason="CPython's own finalization aborts (docs/limits.md)"
    )
    @pytest.mark.parametrize("attempt", range(5))
    def test_a_daemon_thread_blocked_in_c(self, attempt):
        # malloc notices most often when memory is freed twice.
        proc = run(
            """
            import os, threading
            from atoll import interpreters
            i = interpreters.create()
            r, w = os.pipe()
            script = f"import os, time; os.write({w}, b'x'); time.sleep(600)"
            threading.Thread(target=i.exec, args=(script,), daemon=True).start()
            os.read(r, 1)
        """,
            timeout=30,
            env=os.environ | {"PYTHONMALLOC": "malloc"},
        )
        assert "Fatal" not in proc.stderr

    @pytest.mark.skipif(
        sys.version_info < (3, 14), reason="CPython's own finalization aborts (docs/limits.md)"
    )
    @pytest.mark.parametrize("attempt", range(5))
    def test_a_daemon_thread_that_is_about_to_run_code(self, attempt):
        proc = run("""
            import threading
            from atoll import interpreters
            i = interpreters.create()
            code = "import os\\nwhile True: os.getpid()"
            threading.Thread(target=i.exec, args=(code,), daemon=True).start()
        """)
        assert "Fatal" not in proc.stderr
        assert "Exception in thread" not in proc.stderr

    @pytest.mark.skipif(
        sys.version_info < (3, 14), reason="CPython's own finalization aborts (docs/limits.md)"
    )
    @pytest.mark.parametrize("attempt", range(5))
    def test_a_daemon_thread_that_has_just_begun_a_call(self, attempt, run_python, tmp_path):
        """Of a function of the script, while a function of atexit makes another interpreter."""
        script = tmp_path / "script.py"
        script.write_text(
            dedent("""
            import atexit, threading
            from atoll import interpreters
            def answer():
                return 42
            if __name__ == '__main__':
                first = interpreters.create()
                @atexit.register
                def late():
                    with interpreters.create() as second:
                        assert second.call(answer) == 42
                threading.Thread(target=first.call, args=(answer,), daemon=True).start()
            """)
        )
        done = run_python(script)
        assert done.returncode == 0
        assert all(LEFTOVER_WARNING in line for line in done.stderr.splitlines()), done.stderr

    def test_its_own_threads_are_waited_for(self):
        proc = run("""
            import os
            from atoll import interpreters
            i = interpreters.create()
            r, w = os.pipe()
            i.exec(f'''if True:
                import os, threading
                def work():
                    os.read({r}, 1)
                    print('finished', flush=True)
                threading.Thread(target=work).start()
            ''')
            import atexit
            atexit.register(os.write, w, b'x')
        """)
        assert "finished" in proc.stdout
        assert "Fatal" not in proc.stderr

    def test_an_exception_in_flight(self):
        proc = run(
            """
            from atoll import interpreters
            i = interpreters.create()
            try:
                1/0
            finally:
                i.close()
        """,
            expect=1,
        )
        assert "ZeroDivisionError" in proc.stderr

    def test_sys_exit_with_leftovers_keeps_the_status(self):
        run(
            "import sys; from atoll import interpreters; i = interpreters.create(); sys.exit(7)",
            expect=7,
        )

    def test_interpreters_that_own_interpreters(self):
        proc = run("""
            from atoll import interpreters
            i = interpreters.create()
            i.exec('from atoll import interpreters; inner = interpreters.create()')
            i.exec('inner.exec("x = 1")')
            i.close()
            assert len(interpreters.list_all()) == 1
        """)
        assert proc.stderr == ""

    def test_atexit_callbacks_may_still_use_them(self):
        proc = run("""
            import atexit
            # Registered before atoll's.
            atexit.register(lambda: print('last', i.call(eval, '40 + 2')))
            from atoll import interpreters
            i = interpreters.create()
        """)
        assert "last 42" in proc.stdout or "InterpreterNotFoundError" in proc.stderr

    def test_fork_when_all_are_closed(self):
        # With interpreters open, CPython itself crashes in the child (3.14.8, 3.15.0, stock too).
        proc = run("""
            import os, warnings
            warnings.simplefilter('ignore')
            from atoll import interpreters
            i = interpreters.create()
            i.exec('x = 1')
            i.close()
            pid = os.fork()
            if pid == 0:
                assert [j.id for j in interpreters.list_all()] == [0]
                k = interpreters.create()
                assert k.call(eval, '1 + 1') == 2
                k.close()
                os._exit(5)
            _, status = os.waitpid(pid, 0)
            assert os.waitstatus_to_exitcode(status) == 5
            k = interpreters.create()
            assert k.call(eval, '1 + 1') == 2
            k.close()
        """)
        assert proc.stderr == ""

    @pytest.mark.parametrize("function", ["os.fork", "os.forkpty"])
    def test_fork_while_one_is_open(self, function):
        proc = run(f"""
            import os, subprocess, warnings
            warnings.simplefilter('ignore')
            from atoll import interpreters
            i = interpreters.create()
            try:
                {function}()
            except RuntimeError as error:
                assert str(error).startswith("{function}() while other interpreters are open (1)")
                assert "'spawn' or 'forkserver'" in str(error)
            else:
                raise AssertionError
            assert subprocess.run(["true"]).returncode == 0
            assert os.posix_spawn("/bin/true", ["true"], {{}}) > 0
            i.close()
            if os.fork() == 0:
                os._exit(0)
            os.wait()
        """)
        assert proc.stderr == ""

    def test_multiprocessing_by_fork_while_one_is_open(self):
        proc = run("""
            import multiprocessing
            from atoll import interpreters
            i = interpreters.create()
            try:
                multiprocessing.get_context("fork").Process(target=print).start()
            except RuntimeError as error:
                assert "would crash the child process" in str(error)
            else:
                raise AssertionError
            i.close()
        """)
        assert proc.stderr == ""


class TestInterrupt:
    @pytest.mark.parametrize(
        "body",
        [
            "while True: pass",
            "import time\nwhile True: time.sleep(0.02)",
            "sum(i for i in iter(int, 1))",
        ],
    )
    def test_ctrl_c_stops_code_and_the_interpreter_stays_usable(self, body):
        status, out, err = interrupt_when_ready(f"""
            import time
            from atoll import interpreters
            i = interpreters.create()
            try:
                i.exec("print('ready', flush=True)\\n" + {body!r})
            except KeyboardInterrupt:
                print('interrupted', i.call(eval, '6 * 7'), i.is_running())
            i.close()
        """)
        assert (status, out) == (0, "interrupted 42 False\n"), err

    def test_in_a_call_nested_two_deep(self):
        status, out, err = interrupt_when_ready("""
            from atoll import interpreters
            i, j = interpreters.create(), interpreters.create()
            i.exec(f'from atoll import interpreters; j = interpreters.Interpreter({j.id})')
            try:
                i.exec('''j.exec("print('ready', flush=True)\\\\nwhile True: pass")''')
            except KeyboardInterrupt:
                print('interrupted', i.call(eval, '1'), j.call(eval, '2'))
            i.exec('del j')
            i.close(); j.close()
        """)
        assert (status, out) == (0, "interrupted 1 2\n"), err

    def test_code_that_catches_it(self):
        status, out, err = interrupt_when_ready("""
            from atoll import interpreters
            i = interpreters.create()
            script = '''
            try:
                print('ready', flush=True)
                while True: pass
            except KeyboardInterrupt:
                caught = True
            '''
            import textwrap
            try:
                i.exec(textwrap.dedent(script))
                for _ in range(1000): pass
            except KeyboardInterrupt:
                print('interrupted', i.call(eval, 'caught'))
            i.close()
        """)
        assert (status, out) == (0, "interrupted True\n"), err

    def test_a_handler_of_the_users_own_runs_after_the_call(self):
        status, out, err = interrupt_when_ready("""
            import signal, os
            from atoll import interpreters
            signal.signal(signal.SIGINT, lambda *a: print('handler'))
            i = interpreters.create()
            r, w = os.pipe()
            i.exec(f"print('ready', flush=True)\\nn = 0\\nwhile n < 3_000_000: n += 1\\n")
            print('n', i.call(eval, 'n'))
            i.close()
        """)
        assert (status, out) == (0, "handler\nn 3000000\n"), err

    def test_a_second_one_overrides_the_users_handler(self):
        status, out, err = interrupt_when_ready(
            """
            import signal
            from atoll import interpreters
            signal.signal(signal.SIGINT, lambda *a: None)
            i = interpreters.create()
            try:
                i.exec("print('ready', flush=True)\\nwhile True: pass")
            except KeyboardInterrupt:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                print('interrupted')
            i.close()
        """,
            repeat=True,
        )
        assert (status, out) == (0, "interrupted\n"), err

    @pytest.mark.parametrize(
        ("number", "error"), [("SIGALRM", "TimeoutError"), ("SIGINT", "KeyboardInterrupt")]
    )
    def test_what_handlers_raise_in_the_imports_of_the_first_creation(self, number, error):
        proc = run(f"""
            import signal, sys
            from atoll import interpreters
            def expire(*args): raise TimeoutError
            signal.signal(signal.SIGALRM, expire)
            signals = [signal.{number}]
            class Finder:
                def find_spec(name, path=None, target=None):
                    if signals: signal.raise_signal(signals.pop())
            sys.meta_path.insert(0, Finder)
            try: interpreters.create()
            except {error}: print("raised")
            interpreters.create().close()
        """)
        assert (proc.stdout, proc.stderr) == ("raised\n", "")

    def test_an_interrupt_hits_only_its_own_call(self):
        # One SIGINT per round, at any point of the call or after it.
        proc = run("""
            import os, random, signal, threading
            from atoll import interpreters
            i = interpreters.create()
            r, w = os.pipe()
            i.exec(f'import os; w = {w}')
            sent = threading.Event()
            def pester():
                while os.read(r, 1) == b'x':
                    for _ in range(random.randrange(5000)): pass
                    os.kill(os.getpid(), signal.SIGINT)
                    sent.set()
            threading.Thread(target=pester, daemon=True).start()
            counts = {'returned': 0, 'interrupted': 0}
            for _ in range(300):
                sent.clear()
                returned = False
                try:
                    i.exec("os.write(w, b'x')\\nfor _ in range(2000): pass")
                    returned = True
                    sent.wait()
                    while True: pass
                except KeyboardInterrupt:
                    counts['returned' if returned else 'interrupted'] += 1
                sent.wait()
                i.exec('pass')
            os.write(w, b'-')
            i.close()
            print(sum(counts.values()), counts['interrupted'] > 0)
        """)
        assert proc.stdout == "300 True\n"

    def test_an_interrupt_that_comes_too_late_hits_nobody(self):
        # A thread keeps the GIL of the main interpreter, which delivering it takes, until the call
        # has returned. It is still underway when the next call begins.
        proc = run("""
            import os, signal, threading
            from atoll import interpreters
            i = interpreters.create()
            r, w = os.pipe()
            i.exec(f'import os; w = {w}')
            def pester():
                while os.read(r, 1) == b'x':
                    [os.kill(os.getpid(), signal.SIGINT), sum(range(1_000_000))]
            threading.Thread(target=pester, daemon=True).start()
            script = '''
            try:
                os.write(w, b'x')
                for _ in range(100_000): pass
            except KeyboardInterrupt:
                pass
            '''
            import textwrap
            for _ in range(30):
                try:
                    i.exec(textwrap.dedent(script))
                    while True: pass
                except KeyboardInterrupt:
                    pass
                i.exec("for _ in range(200_000): pass")
            i.exec("os.write(w, b'-')")
            i.close()
            print('done')
        """)
        assert proc.stdout == "done\n"

    def test_an_interrupt_that_comes_while_arguments_are_packed(self):
        proc = run("""
            import os, subprocess, sys
            from atoll import interpreters
            def spin(arguments):
                while True: pass
            i = interpreters.create()
            arguments = [float(n) for n in range(3_000_000)]
            killer = subprocess.Popen(
                [sys.executable, '-c',
                 'import os, signal; input(); os.kill(os.getppid(), signal.SIGINT)'],
                stdin=subprocess.PIPE)
            killer.stdin.write(b'\\n')
            try:
                killer.stdin.close()
                i.call(spin, arguments)
            except KeyboardInterrupt:
                print('interrupted')
            killer.wait()
            i.close()
        """)
        assert proc.stdout == "interrupted\n"


def test_ctrl_c_while_a_thread_runs_code_ends_the_process():
    # The first one may hit the script, before `threading` waits for the thread.
    status, _, err = interrupt_when_ready(
        """
        from atoll import interpreters
        i = interpreters.create()
        i.call_in_thread(exec, "print('ready', flush=True)\\nwhile True: pass")
    """,
        repeat=True,
    )
    assert "KeyboardInterrupt" in err
    assert "Fatal" not in err
    assert status in (0, 1, -signal.SIGINT)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_python_dev_mode_finds_nothing():
    proc = subprocess.run(
        [
            sys.executable,
            "-X",
            "dev",
            "-c",
            dedent("""
        import threading
        from atoll import interpreters
        i = interpreters.create()
        for _ in range(3):
            t = threading.Thread(target=i.call, args=(len, [1])); t.start(); t.join()
        i.close()
    """),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (proc.returncode, proc.stderr) == (0, "")
