"""The stress on which CPython 3.12, 3.13 and 3.15 fail: parallel first imports of C modules."""

import subprocess
import sys
from textwrap import dedent

import pytest

MODULES = "datetime, sqlite3, decimal, ssl, asyncio, json, ctypes"
#: 3.12's ctypes and decimal do not support isolated interpreters.
MODULES_312 = "datetime, sqlite3, ssl, asyncio, json"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_create_import_close_in_four_threads():
    modules = MODULES_312 if sys.version_info < (3, 13) else MODULES
    source = f"""
        import threading
        from atoll import interpreters
        failures = []
        def work():
            try:
                for _ in range(25):
                    i = interpreters.create()
                    i.exec('import {modules}')
                    i.close()
            except BaseException as exc:
                failures.append(exc)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        for failure in failures: print(failure)
        print('done')
    """
    proc = subprocess.run(
        [sys.executable, "-c", dedent(source)], capture_output=True, text=True, timeout=590
    )
    assert (proc.returncode, proc.stdout) == (0, "done\n"), proc.stderr


def test_ctrl_c_while_modules_are_imported(run_source):
    """create() raises it as what it is, though an import in an import makes another error of it."""
    done = run_source("""
        import os, signal, sys
        from atoll import interpreters

        name = "pyexpat" if sys.version_info < (3, 13) else "_ctypes"
        assert name not in sys.modules

        def hook(event, args):
            if event == "import" and args[0] == name and not caught:
                os.kill(os.getpid(), signal.SIGINT)

        caught = 0
        sys.addaudithook(hook)
        try:
            interpreters.create()
        except KeyboardInterrupt:
            caught += 1
        assert caught == 1
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert len(interpreters.list_all()) == 1
        interpreters.create().close()
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            caught += 1
        assert caught == 2
    """)
    assert done.stderr == ""
