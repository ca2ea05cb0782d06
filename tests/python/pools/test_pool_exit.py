"""Leaving the process with pools in every state, and Ctrl-C. Each case is a process of its own."""

import signal
import sys

import pytest

BLOCKED = """
    import atoll, os, sys, threading, time
    tx, started = atoll.channel(None)
    kept, never = atoll.channel(0)
    def spin(tx):
        import sys
        tx.send(1)
        while True: pass
    def wait(tx, never):
        tx.send(1)
        never.recv()
"""


class TestExit:
    @pytest.mark.parametrize("maker", ["atoll.Pool(1)", "atoll.futures.InterpreterPoolExecutor(1)"])
    def test_a_forgotten_pool_carries_its_tasks_out(self, run_source, maker):
        proc = run_source(f"""
            import atoll, atoll.futures, os
            pool = {maker}
            for n in range(50): pool.submit(os.write, 1, b'%d\\n' % n)
        """)
        assert proc.stdout.split() == [str(n) for n in range(50)]
        assert proc.stderr == ""

    def test_the_default_pool(self, run_source):
        proc = run_source("""
            import atoll
            print(atoll.run(abs, -1), list(atoll.map(abs, range(3))))
        """)
        assert (proc.stdout, proc.stderr) == ("1 [0, 1, 2]\n", "")

    def test_event_loops_in_tasks_leave_nothing_to_print(self, run_source):
        """threading notes threads that it did not start; 3.13.0 forgets them too late."""
        proc = run_source("""
            import atoll
            def work(number):
                import asyncio
                async def main():
                    return await asyncio.to_thread(abs, number)
                return asyncio.run(main())
            with atoll.Pool(2, threads=2) as pool:
                assert list(pool.map(work, range(20), chunksize=1)) == list(range(20))
            left = atoll.Pool(1)
            assert left.run(work, -1) == 1
        """)
        assert (proc.stdout, proc.stderr) == ("", "")

    def test_warm_and_idle_pools(self, run_source):
        proc = run_source("""
            import atoll
            pools = [atoll.Pool(2, warm=2), atoll.Pool(1, threads=3), atoll.Pool(1, warm=1)]
            pools[1].run(abs, -1)
            taken = pools[0].take_interpreter()
            taken.close()
        """)
        assert proc.stderr == ""

    def test_a_map_half_consumed(self, run_source):
        proc = run_source("""
            import atoll, itertools
            results = atoll.map(abs, itertools.count())
            print(next(results), next(results))
        """)
        assert (proc.stdout, proc.stderr) == ("0 1\n", "")

    def test_an_exception_in_the_program(self, run_source):
        proc = run_source(
            """
            import atoll
            pool = atoll.Pool(1)
            future = pool.submit(print, 'carried out', flush=True)
            raise LookupError('in main')
            """,
            expect=1,
        )
        assert proc.stdout == "carried out\n"
        assert "LookupError: in main" in proc.stderr

    def test_an_exception_in_the_block(self, run_source):
        proc = run_source(
            BLOCKED
            + """
    with atoll.Pool(2) as pool:
        pool.submit(spin, tx), pool.submit(wait, tx, never), pool.submit(print, 'no')
        started.recv(), started.recv()
        raise LookupError('in main')
            """,
            expect=1,
        )
        assert proc.stdout == ""
        assert "LookupError: in main" in proc.stderr

    def test_sys_exit_in_a_task_does_not_end_the_process(self, run_source):
        run_source(
            """
            import atoll, sys
            future = atoll.Pool(1).submit(sys.exit, 3)
            try: future.result()
            except SystemExit as error: sys.exit(error.code + 4)
            """,
            expect=7,
        )

    def test_sys_exit_with_tasks_underway(self, run_source):
        proc = run_source(
            """
            import atoll, os, sys
            pool = atoll.Pool(2)
            futures = [pool.submit(os.write, 1, b'done\\n') for _ in range(20)]
            sys.exit(7)
            """,
            expect=7,
        )
        assert proc.stdout == "done\n" * 20

    def test_threads_that_submit_until_the_end(self, run_source):
        proc = run_source("""
            import atoll, threading
            pool = atoll.Pool(2)
            def submit():
                try:
                    while True: pool.submit(abs, -1).result()
                except RuntimeError as error:
                    assert 'shutdown' in str(error), error
            for _ in range(3): threading.Thread(target=submit, daemon=True).start()
            pool.run(abs, -1)
        """)
        assert "Fatal" not in proc.stderr
        assert "Exception" not in proc.stderr

    def test_threads_that_are_waited_for(self, run_source):
        proc = run_source("""
            import atoll, threading
            pool = atoll.Pool(1)
            def use():
                threading.main_thread().join()
                print(pool.run(abs, -5), atoll.run(abs, -6))
            threading.Thread(target=use).start()
        """)
        assert (proc.stdout, proc.stderr) == ("5 6\n", "")

    def test_daemon_threads_that_wait_for_results(self, run_source):
        proc = run_source(
            BLOCKED
            + """
    pool = atoll.Pool(1, threads=2)
    first, second = pool.submit(wait, tx, never), pool.submit(wait, tx, never)
    started.recv(), started.recv()
    threading.Thread(target=first.result, daemon=True).start()
    threading.Thread(target=pool.run, args=(abs, -1), daemon=True).start()
    first.cancel(interrupt=True), second.cancel(interrupt=True)
            """
        )
        assert "Fatal" not in proc.stderr

    def test_exit_callbacks(self, run_source):
        proc = run_source("""
            import atexit
            def early():
                for call in (lambda: pool.submit(abs, -1), lambda: atoll.run(abs, -1)):
                    try: print('early', call())
                    except RuntimeError as error: print('early', type(error).__name__)
            atexit.register(early)  # runs after atoll's own
            import atoll
            pool = atoll.Pool(1)
            # Runs before.
            atexit.register(lambda: print('late', pool.submit(abs, -2).result()))
        """)
        assert proc.stdout == "late 2\nearly RuntimeError\nearly RuntimeError\n"
        assert proc.stderr == ""

    def test_a_callback_at_the_end(self, run_source):
        proc = run_source("""
            import atoll, atexit
            tx, rx = atoll.channel(None)
            pool = atoll.Pool(1)
            future = pool.submit(rx.recv)
            future.add_done_callback(lambda future: print('told', future.result(), flush=True))
            # When the program is over, but for the pool.
            atexit.register(tx.send, 'at the end')
        """)
        assert (proc.stdout, proc.stderr) == ("told at the end\n", "")

    def test_subinterpreters_with_pools(self, run_source):
        proc = run_source("""
            from atoll import interpreters
            i = interpreters.create()
            i.exec('import atoll; pool = atoll.Pool(1); pool.submit(print, "done", flush=True)')
        """)
        assert "Fatal" not in proc.stderr
        assert "Traceback" not in proc.stderr

    def test_a_script_without_a_guard(self, tmp_path, run_python):
        """Its functions go by value, so no worker runs the script."""
        script = tmp_path / "script.py"
        script.write_text(
            "import atoll\n"
            "offset = 1\n"
            "def work(n):\n    return n + offset\n"
            "pool = atoll.Pool(1)\n"
            "print(pool.run(work, 1))\n"
        )
        done = run_python(script)
        assert done.stdout == "2\n", done.stderr
        assert done.returncode == 0


class TestInterrupt:
    @pytest.mark.parametrize("call", ["pool.run(wait, tx, never)", "pool.run(spin, tx)"])
    def test_run(self, interrupt_source, call):
        status, out, err = interrupt_source(
            BLOCKED
            + f"""
    pool = atoll.Pool(1)
    threading.Thread(target=lambda: (started.recv(), print('ready', flush=True))).start()
    try: {call}
    except KeyboardInterrupt: print('interrupted', flush=True)
    print(pool.run(abs, -3), pool.stats().cancelled)
            """
        )
        assert (status, out, err) == (0, "interrupted\n3 1\n", "")

    def test_result_and_exception(self, interrupt_source):
        status, out, err = interrupt_source(
            BLOCKED
            + """
    pool = atoll.Pool(1)
    future = pool.submit(spin, tx)
    started.recv()
    for word, call in (('ready', future.result), ('again', future.exception)):
        print(word, flush=True)
        try: call()
        except KeyboardInterrupt: pass
    print(future.running(), future.cancel(interrupt=True), pool.run(abs, -3))
            """,
            times=2,
        )
        assert (status, out, err) == (0, "True True 3\n", "")

    @pytest.mark.parametrize("method", ["map", "imap_unordered"])
    def test_map(self, interrupt_source, method):
        status, out, err = interrupt_source(
            BLOCKED
            + f"""
    pool = atoll.Pool(2)
    results = pool.{method}(spin, [tx] * 1000, chunksize=1)
    started.recv(), started.recv()
    print('ready', flush=True)
    try: next(results)
    except KeyboardInterrupt: print('interrupted', pool.stats().waiting)
    print(pool.run(abs, -3), list(results))
            """
        )
        assert (status, out, err) == (0, "interrupted 0\n3 []\n", "")

    def test_shutdown(self, interrupt_source):
        status, out, err = interrupt_source(
            BLOCKED
            + """
    pool = atoll.Pool(1)
    future = pool.submit(spin, tx)
    started.recv()
    print('ready', flush=True)
    try: pool.shutdown()
    except KeyboardInterrupt: print('interrupted')
    future.cancel(interrupt=True)
    pool.shutdown()
            """
        )
        assert (status, out, err) == (0, "interrupted\n", "")

    @pytest.mark.parametrize("task", ["spin, tx", "wait, tx, never"])
    def test_in_the_block(self, interrupt_source, task):
        status, _, err = interrupt_source(
            BLOCKED
            + f"""
    with atoll.Pool(2) as pool:
        future = pool.submit({task})
        started.recv()
        print('ready', flush=True)
        future.result()
            """
        )
        assert status == -signal.SIGINT
        assert err.endswith("KeyboardInterrupt\n")
        assert "Fatal" not in err

    @pytest.mark.parametrize("task", ["spin, tx", "wait, tx, never"])
    @pytest.mark.parametrize("threads", [1, 3])
    def test_the_program_without_a_block(self, interrupt_source, task, threads):
        """It does not wait for its tasks then."""
        status, _, err = interrupt_source(
            BLOCKED
            + f"""
    pool = atoll.Pool(1, threads={threads})
    futures = [pool.submit({task}) for _ in range({threads} + 2)]
    for _ in range({threads}): started.recv()
    print('ready', flush=True)
    futures[0].result()
            """
        )
        # What CPython remembers of the KeyboardInterrupt is lost when any thread calls eval().
        assert status in (1, -signal.SIGINT)
        assert err.count("Traceback") == 1
        assert err.endswith("KeyboardInterrupt\n")

    @pytest.mark.parametrize("task", ["spin, tx", "wait, tx, never"])
    def test_at_exit(self, interrupt_source, task):
        status, _, err = interrupt_source(
            BLOCKED
            + f"""
    pool = atoll.Pool(1)
    pool.submit({task})
    started.recv()
    import atexit
    atexit.register(print, 'ready', flush=True)
            """
        )
        assert "KeyboardInterrupt" in err
        assert "Fatal" not in err
        assert status in (0, 1, 120, -signal.SIGINT)

    @pytest.mark.skipif(
        sys.version_info < (3, 14), reason="CPython's own finalization aborts (docs/limits.md)"
    )
    def test_at_exit_with_a_task_that_is_blocked_in_c(self, interrupt_source):
        _, _, err = interrupt_source("""
            import atoll, atexit, time
            pool = atoll.Pool(1)
            pool.submit(time.sleep, 600)
            atexit.register(print, 'ready', flush=True)
        """)
        assert "KeyboardInterrupt" in err
        assert "Fatal" not in err


class TestFork:
    def test_after_the_pool_was_shut_down(self, run_source):
        proc = run_source("""
            import atoll, os, warnings
            warnings.simplefilter('ignore')
            with atoll.Pool(2, warm=1) as pool:
                assert pool.options(timeout=60).run(abs, -1) == 1
            pid = os.fork()
            with atoll.Pool(2, warm=1) as fresh:
                assert fresh.options(timeout=60).run(abs, -1) == 1
                assert list(fresh.map(abs, range(100))) == list(range(100))
            if pid:
                _, status = os.waitpid(pid, 0)
                assert os.waitstatus_to_exitcode(status) == 0
            print('done')
        """)
        assert (proc.stdout, proc.stderr) == ("done\ndone\n", "")

    def test_with_a_pool_that_has_no_interpreters_yet(self, run_source):
        proc = run_source("""
            import atoll, os, warnings
            warnings.simplefilter('ignore')
            with atoll.Pool(1) as pool:
                pid = os.fork()
                if pid == 0:
                    assert pool.run(abs, -1) == 1
                else:
                    _, status = os.waitpid(pid, 0)
                    assert os.waitstatus_to_exitcode(status) == 0
                    assert pool.run(abs, -1) == 1
            print('done')
        """)
        assert (proc.stdout, proc.stderr) == ("done\ndone\n", "")
