"""atoll.install() and python -m atoll: in this process, in interpreters, in child processes."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest


def python(*args, **kwargs):
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, timeout=60, **kwargs
    )


def check(source, *options):
    proc = python(*options, "-c", dedent(source))
    assert (proc.returncode, proc.stderr) == (0, ""), proc.stderr
    return proc.stdout


def test_names_are_redirected_lazily():
    check("""
        import sys, atoll
        atoll.install(); atoll.install()
        assert atoll.installed()
        assert 'atoll.interpreters' not in sys.modules and 'concurrent.futures' not in sys.modules
        import concurrent.interpreters
        from concurrent import interpreters
        import _interpreters
        assert concurrent.interpreters is interpreters is sys.modules['atoll.interpreters']
        assert _interpreters is sys.modules['atoll.lowlevel.interpreters']
        assert interpreters.ExecutionFailed.__module__ == 'concurrent.interpreters'
    """)


def test_modules_that_are_loaded_already_are_replaced():
    check("""
        import sys
        try:
            import concurrent.interpreters
        except ImportError:
            pass
        import atoll; atoll.install()
        from concurrent import interpreters
        assert interpreters.__name__ == 'atoll.interpreters'
        atoll.uninstall()
        assert not atoll.installed()
        assert sys.modules.get('concurrent.interpreters') is not interpreters
        assert interpreters.ExecutionFailed.__module__ == 'atoll.interpreters'
    """)


needs_standard = pytest.mark.skipif(sys.version_info < (3, 14), reason="3.14 has them")


@needs_standard
@pytest.mark.parametrize(
    "first",
    [
        "from concurrent.futures import InterpreterPoolExecutor",
        "import concurrent.interpreters, concurrent.futures",
        "import _interpreters, _interpqueues, _interpchannels",
        "import concurrent.futures",
        "pass",
    ],
)
def test_all_that_is_loaded_is_replaced_and_restored(first):
    check(f"""
        import sys
        {first}
        def state():
            names = set(sys.modules) & set(REDIRECTIONS)
            futures = sys.modules.get('concurrent.futures')
            return {{name: sys.modules[name] for name in names}}, dict(vars(futures or sys))
        from atoll._install import REDIRECTIONS
        before = state()
        import atoll
        for _ in range(2):
            atoll.install()
            import concurrent.futures
            from concurrent import interpreters
            from concurrent.futures import InterpreterPoolExecutor as Executor
            import _interpreters
            assert Executor is concurrent.futures.InterpreterPoolExecutor
            assert Executor is sys.modules['atoll._standard_futures'].InterpreterPoolExecutor
            assert interpreters is sys.modules['atoll.interpreters']
            ours = {{sys.modules[name] for name in REDIRECTIONS.values() if name in sys.modules}}
            for name in REDIRECTIONS:
                assert sys.modules.get(name) in ours | {{None}}, name
            if concurrent.futures._interpreters:
                assert concurrent.futures._interpreters is _interpreters
            assert Executor(1).submit(pow, 2, 3).result() == 8
            atoll.uninstall()
            after = state()
            assert before[0].items() <= after[0].items()
            assert not ours & set(after[0].values())
            for value in after[1].values():
                assert not any(value is each for each in [*ours, Executor])
            for name in '_interpreters', 'InterpreterPoolExecutor':
                if isinstance(before[1].get(name), (type, type(sys))):  # not: still lazy
                    assert after[1][name] is before[1][name]
        from concurrent.futures import InterpreterPoolExecutor as Executor
        assert Executor.__module__ == 'concurrent.futures.interpreter'
        assert not Executor.__init__.__module__.startswith('atoll')
        with Executor(1) as executor:
            assert executor.submit(pow, 2, 3).result() == 8
    """)


@needs_standard
def test_a_standard_executor_from_before_says_why_it_fails():
    check("""
        from concurrent.futures import InterpreterPoolExecutor
        made = InterpreterPoolExecutor(1)
        assert made.submit(pow, 2, 3).result() == 8
        import atoll; atoll.install()
        def refused(call):
            try: call()
            except RuntimeError as error: assert 'before atoll.install()' in str(error), error
            else: assert False
        refused(lambda: InterpreterPoolExecutor(1))
        refused(lambda: made.submit(pow, 2, 3).result())
        atoll.uninstall()
        assert made.submit(pow, 2, 3).result() == 8
        made.shutdown()
    """)


def test_what_arrives_first_has_the_standard_name():
    check("""
        import atoll; atoll.install()
        from concurrent import interpreters
        def module_of(value):
            import sys
            return 'concurrent.interpreters' in sys.modules, type(value).__module__
        def is_the_one(value):
            from concurrent import interpreters
            return type(value) in (interpreters.Queue, interpreters.Interpreter)
        for value, module in [
            (interpreters.create_queue(), 'concurrent.interpreters._queues'),
            (interpreters.get_current(), 'concurrent.interpreters'),
        ]:
            i = interpreters.create()
            assert i.call(module_of, value) == (False, module)
            assert i.call(is_the_one, value)
            i.close()
    """)


def test_again_comes_before_later_finders():
    check("""
        import sys, atoll
        class Refuse:
            def find_spec(name, path=None, target=None):
                if name == '_interpqueues':
                    raise ModuleNotFoundError(name)
        atoll.install()
        sys.meta_path.insert(0, Refuse)
        atoll.install()
        import _interpqueues
        assert _interpqueues.__name__ == 'atoll.lowlevel.queues'
        atoll.uninstall()
        assert not atoll.installed()
    """)


def test_loaded_modules_of_ours_take_the_standard_names():
    check("""
        import atoll
        from atoll import interpreters
        assert interpreters.QueueEmpty.__module__ == 'atoll.interpreters._queues'
        atoll.install()
        assert interpreters.QueueEmpty.__module__ == 'concurrent.interpreters._queues'
        assert interpreters.Interpreter.__module__ == 'concurrent.interpreters'
        atoll.uninstall()
        assert interpreters.QueueEmpty.__module__ == 'atoll.interpreters._queues'
        assert interpreters.Interpreter.__module__ == 'atoll.interpreters'
    """)


def test_it_reaches_interpreters_and_children(tmp_path):
    script = tmp_path / "child.py"
    script.write_text("from concurrent import interpreters; print(interpreters.__name__)\n")
    out = check(f"""
        import subprocess, sys, atoll
        atoll.install()
        from concurrent import interpreters
        i = interpreters.create()
        show = 'from concurrent import interpreters as j; print(j.__name__, flush=True)'
        i.exec(show)
        i.exec(f"k = j.create(); k.exec({{show!r}}); k.close()")
        i.close()
        subprocess.run([sys.executable, {str(script)!r}], check=True)
        subprocess.run([sys.executable, '-I', {str(script)!r}], check=True)
    """)
    assert out.split() == ["atoll.interpreters"] * 4


def test_a_python_that_has_nothing_to_do_with_it_imports_nothing_for_it():
    """Each of them reads `atoll.pth`."""
    environment = {name: os.environ[name] for name in os.environ if name != "ATOLL_INSTALL"}

    def modules(*options, **more):
        proc = python("-X", "importtime", *options, "-c", "pass", env=environment | more)
        return {line.rpartition("|")[2].strip() for line in proc.stderr.splitlines()}

    assert not any("atoll" in name for name in modules())
    assert "atoll" in modules(ATOLL_INSTALL="1")
    assert "atoll" not in modules("-S", ATOLL_INSTALL="1")


def test_a_fresh_main_stays_clean():
    check("""
        import atoll; atoll.install()
        from concurrent import interpreters
        i = interpreters.create()
        names = ['__builtins__', '__doc__', '__loader__', '__name__', '__package__', '__spec__']
        assert i.call(dir) == names
        i.close()
    """)


class TestCommandLine:
    def test_script_module_and_code(self, tmp_path):
        source = (
            "import sys; from concurrent import interpreters as i; "
            "print(__name__, i.__name__, sys.argv[1:])"
        )
        (tmp_path / "prog.py").write_text(source)
        expected = "__main__ atoll.interpreters ['a', '-m']\n"
        for args in (("prog.py",), ("-m", "prog"), ("-c", source)):
            proc = python("-m", "atoll", *args, "a", "-m", cwd=tmp_path)
            assert (proc.stdout, proc.stderr) == (expected, "")

    def test_functions_of_the_script_travel(self, tmp_path):
        (tmp_path / "prog.py").write_text(
            dedent("""
            from concurrent import interpreters
            base = 40
            def add(x): return base + x
            if __name__ == '__main__':
                i = interpreters.create()
                print(i.call(add, 2))
                i.close()
        """)
        )
        proc = python("-m", "atoll", "prog.py", cwd=tmp_path)
        assert (proc.stdout, proc.stderr) == ("42\n", "")

    @pytest.mark.parametrize(
        ("args", "status"), [((), 2), (("-h",), 0), (("-m",), 1), (("missing.py",), 1)]
    )
    def test_mistakes(self, tmp_path, args, status):
        proc = python("-m", "atoll", *args, cwd=tmp_path)
        assert proc.returncode == status
        assert "Traceback" not in proc.stderr
