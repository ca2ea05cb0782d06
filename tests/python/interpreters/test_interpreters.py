"""Creating, running and closing interpreters through atoll.interpreters."""

import gc
import os
import pickle
import sys
import threading
from textwrap import dedent

import pytest

from atoll import interpreters
from atoll.interpreters import (
    ExecutionFailed,
    InterpreterError,
    InterpreterNotFoundError,
    NotShareableError,
)


@pytest.fixture
def interp():
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterNotFoundError:
        pass


def double(x, *, plus=0):
    return 2 * x + plus


def fail(message):
    raise LookupError(message)


class TestCreateAndClose:
    def test_a_new_interpreter_is_listed_and_idle(self, interp):
        assert interp in interpreters.list_all()
        assert not interp.is_running()
        assert interp.whence == "_interpreters module"
        assert interp.id != interpreters.get_main().id

    def test_the_main_interpreter_comes_first_and_runs(self):
        main = interpreters.get_main()
        assert interpreters.list_all()[0] is main
        assert interpreters.get_current() is main
        assert main.id == 0
        assert main.is_running()
        assert main.whence == "runtime init"

    def test_closing_makes_it_unknown(self, interp):
        interp.close()
        assert interp not in interpreters.list_all()
        for use in (
            interp.close,
            interp.is_running,
            lambda: interp.exec("pass"),
            lambda: interp.call(len, ()),
            lambda: interp.prepare_main(x=1),
            lambda: interpreters.Interpreter(interp.id),
        ):
            with pytest.raises(InterpreterNotFoundError, match=str(interp.id)):
                use()
        assert repr(interp) == f"Interpreter({interp.id})"
        assert hash(interp) == hash(interp.id)

    def test_the_last_object_closes_it(self):
        interp = interpreters.create()
        id = interp.id
        again = interpreters.Interpreter(id)
        assert again is interp
        del interp
        assert id in [i.id for i in interpreters.list_all()]
        del again
        gc.collect()
        assert id not in [i.id for i in interpreters.list_all()]

    def test_the_last_object_in_another_interpreter_keeps_it(self, interp):
        other = interpreters.create()
        id = other.id
        interp.exec(f"from atoll import interpreters; kept = interpreters.Interpreter({id})")
        del other
        assert id in [i.id for i in interpreters.list_all()]
        interp.exec("del kept")
        assert id not in [i.id for i in interpreters.list_all()]

    def test_dropping_the_last_object_while_it_runs_closes_it_afterwards(self):
        interp = interpreters.create()
        id = interp.id
        started, go = os.pipe(), os.pipe()
        script = f"import os; os.write({started[1]}, b'x'); os.read({go[0]}, 1)"
        from atoll.lowlevel import interpreters as low

        thread = threading.Thread(target=low.exec, args=(id, script))
        thread.start()
        os.read(started[0], 1)
        del interp
        gc.collect()
        assert low.is_running(id)
        os.write(go[1], b"x")
        thread.join()
        assert id not in [i for i, _ in low.list_all()]
        for fd in (*started, *go):
            os.close(fd)

    def test_main_and_current_cannot_be_closed(self, interp):
        with pytest.raises(InterpreterError):
            interpreters.get_main().close()
        with pytest.raises(ExecutionFailed, match="current"):
            interp.exec("from atoll import interpreters; interpreters.get_current().close()")
        assert interp.call(double, 4) == 8

    def test_a_running_one_cannot_be_closed_nor_run_twice(self, interp):
        started, go = os.pipe(), os.pipe()
        script = f"import os; os.write({started[1]}, b'x'); os.read({go[0]}, 1); done = True"
        thread = threading.Thread(target=interp.exec, args=(script,))
        thread.start()
        os.read(started[0], 1)
        assert interp.is_running()
        with pytest.raises(InterpreterError, match="running"):
            interp.close()
        with pytest.raises(InterpreterError, match="already running"):
            interp.exec("pass")
        with pytest.raises(InterpreterError, match="running"):
            interp.prepare_main(done=False)
        os.write(go[1], b"x")
        thread.join()
        assert not interp.is_running()
        assert interp.call(eval, "done") is True
        for fd in (*started, *go):
            os.close(fd)

    def test_close_from_another_thread_and_from_a_sibling(self, interp):
        other = interpreters.create()
        other.exec("x = 1")
        thread = threading.Thread(target=other.close)
        thread.start()
        thread.join()
        assert other not in interpreters.list_all()
        third = interpreters.create()
        interp.exec(f"from atoll import interpreters; interpreters.Interpreter({third.id}).close()")
        assert third not in interpreters.list_all()

    def test_close_joins_its_threads_and_runs_its_atexit_callbacks(self, interp):
        r, w = os.pipe()
        interp.exec(
            dedent(f"""
            import atexit, os, threading
            release = threading.Event()
            def work():
                release.wait()
                os.write({w}, b'T')
            threading.Thread(target=work).start()
            threading._register_atexit(release.set)
            atexit.register(os.write, {w}, b'A')
        """)
        )
        assert not interp.is_running()
        interp.close()
        assert os.read(r, 10) == b"TA"
        os.close(r)
        os.close(w)

    @pytest.mark.skipif(
        sys.version_info < (3, 14), reason="_current_frames() mixes interpreters up there"
    )
    def test_thread_states_of_ended_threads_do_not_pile_up(self, interp):
        for _ in range(50):
            thread = threading.Thread(target=interp.call, args=(double, 1))
            thread.start()
            thread.join()
        count = interp.call(eval, "len(__import__('sys')._current_frames())")
        assert count <= 2

    def test_many_threads_create_and_close(self):
        failures = []

        def cycle():
            try:
                for _ in range(3):
                    interp = interpreters.create()
                    assert interp.call(double, 3) == 6
                    interp.close()
            except BaseException as exc:
                failures.append(exc)

        threads = [threading.Thread(target=cycle) for _ in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            interpreters.list_all()
        assert failures == []


class TestConfig:
    def test_presets(self):
        legacy = interpreters.create("legacy")
        assert legacy.call(eval, "1 + 1") == 2
        legacy.close()

    @pytest.mark.parametrize(
        ("bad", "error"),
        [
            ("eggs", ValueError),
            (5, TypeError),
            ("empty", InterpreterError),
            ("a\udc80", UnicodeEncodeError),
        ],
    )
    def test_bad_ones(self, bad, error):
        before = interpreters.list_all()
        with pytest.raises(error):
            interpreters.create(bad)
        assert interpreters.list_all() == before

    def test_isolation(self):
        interp = interpreters.create(extensions="declared")
        with pytest.raises(ExecutionFailed, match="fork"):
            interp.exec("import os; os.fork()")
        with pytest.raises(ExecutionFailed, match="daemon"):
            interp.exec("import threading; threading.Thread(target=print, daemon=True).start()")
        interp.close()

    def test_the_path_of_the_creator_is_inherited(self, tmp_path, monkeypatch):
        (tmp_path / "only_here.py").write_text("value = 42\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        interp = interpreters.create()
        assert interp.call(eval, "__import__('only_here').value") == 42
        interp.close()

    def test_a_fresh_main_holds_the_six_standard_names(self, interp):
        names = interp.call(eval, "sorted(globals())")
        assert names == [
            "__builtins__",
            "__doc__",
            "__loader__",
            "__name__",
            "__package__",
            "__spec__",
        ]


class TestExec:
    def test_text_bytes_code_and_functions(self, interp):
        def script():
            global y
            y = x + 1  # noqa: F821

        interp.exec("x = 1")
        interp.exec(script)
        interp.exec(b"z = y + 1")
        interp.exec(compile("z = z + 1", "<here>", "exec"))
        assert interp.call(eval, "(x, y, z)") == (1, 2, 4)

    def test_source_that_does_not_compile_is_the_callers_error(self, interp):
        with pytest.raises(SyntaxError):
            interp.exec("1 +")
        with pytest.raises(IndentationError):
            interp.exec("  x\n y")

    @pytest.mark.parametrize("bad", [10, None, [], object()])
    def test_wrong_types(self, interp, bad):
        with pytest.raises(TypeError):
            interp.exec(bad)

    def test_functions_that_are_no_scripts(self, interp):
        x = 1
        for function in (lambda: x, lambda a: None, lambda: 5):
            with pytest.raises(ValueError):
                interp.exec(function)

    def test_uncaught_exceptions_carry_the_traceback(self, interp):
        with pytest.raises(ExecutionFailed) as caught:
            interp.exec("def f():\n    raise KeyError('gone')\nf()\n")
        info = caught.value.excinfo
        assert (info.type.__name__, info.type.__qualname__, info.type.__module__) == (
            "KeyError",
            "KeyError",
            "builtins",
        )
        assert info.msg == "'gone'"
        assert info.formatted == "KeyError: 'gone'"
        assert "line 2, in f" in info.errdisplay
        text = str(caught.value)
        assert text.startswith("KeyError: 'gone'\n\nUncaught in the interpreter:\n\nTraceback")

    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ("import sys; sys.exit(3)", "SystemExit"),
            ("raise KeyboardInterrupt", "KeyboardInterrupt"),
            ("def f(): f()\nf()", "RecursionError"),
            ("raise ValueError('lone \\udc80 surrogate')", "ValueError"),
            ("class E(Exception):\n def __str__(self): raise RuntimeError('no')\nraise E", "E"),
            ("class E(Exception):\n def __init__(self, a, b): pass\nraise E(1, 2)", "E"),
            ("class E(Exception):\n __module__ = 5\nraise E", "E"),
            ("raise ExceptionGroup('g', [ValueError(1), TypeError(2)])", "ExceptionGroup"),
            ("raise MemoryError", "MemoryError"),
        ],
    )
    def test_awkward_exceptions(self, interp, source, name):
        with pytest.raises(ExecutionFailed) as caught:
            interp.exec(source)
        assert caught.value.excinfo.type.__name__ == name
        assert isinstance(str(caught.value), str)
        assert not interp.is_running()
        interp.exec("pass")

    def test_execution_failed_pickles(self, interp):
        with pytest.raises(ExecutionFailed) as caught:
            interp.exec("1/0")
        copy = pickle.loads(pickle.dumps(caught.value))
        assert copy.excinfo == caught.value.excinfo
        assert str(copy) == str(caught.value)


class TestCall:
    def test_functions_arguments_and_results(self, interp):
        assert interp.call(double, 4) == 8
        assert interp.call(double, x=4, plus=1) == 9
        assert interp.call(lambda a, b: (b, a), [1], {"k": {2}}) == ({"k": {2}}, [1])
        assert interp.call(os.getpid) == os.getpid()
        assert interp.call(lambda: __import__("atoll").interpreters.get_current().id) == interp.id

    def test_arguments_are_copies(self, interp):
        data = {"a": [1]}
        changed = interp.call(lambda d: d["a"].append(2) or d, data)
        assert data == {"a": [1]}
        assert changed == {"a": [1, 2]}

    def test_exceptions(self, interp):
        with pytest.raises(ExecutionFailed, match="LookupError: deep") as caught:
            interp.call(fail, "deep")
        assert "in fail" in caught.value.excinfo.errdisplay

    def test_what_cannot_travel_is_named(self, interp):
        secret = 1
        with pytest.raises(NotShareableError):
            interp.call(lambda: secret)
        with pytest.raises(NotShareableError, match="generator"):
            interp.call(double, {"x": [1, (i for i in ())]})
        with pytest.raises(NotShareableError):
            interp.call(eval, "open('/dev/null')")
        with pytest.raises(TypeError, match="callable"):
            interp.call()
        assert interp.call(double, 1) == 2

    def test_call_in_thread(self, interp, monkeypatch):
        seen = []
        monkeypatch.setattr(threading, "excepthook", seen.append)
        thread = interp.call_in_thread(double, 1)
        thread.join()
        assert seen == []
        thread = interp.call_in_thread(fail, "x")
        thread.join()
        assert [args.exc_type for args in seen] == [ExecutionFailed]

    def test_nested_across_interpreters(self, interp):
        other = interpreters.create()
        inner = other.id

        def outer(id):
            from atoll import interpreters

            other = interpreters.Interpreter(id)
            try:
                interpreters.get_main().exec("pass")
            except interpreters.InterpreterError as exc:
                message = str(exc)
            return other.call(lambda: __import__("sys").version_info[0]), message

        version, message = interp.call(outer, inner)
        assert version == sys.version_info[0]
        assert "unrecognized" in message
        other.close()

    def test_interpreters_run_in_parallel(self):
        # Two interpreters must be inside at the same time: each waits for the other's byte.
        first, second = interpreters.create(), interpreters.create()
        (r1, w1), (r2, w2) = os.pipe(), os.pipe()

        def meet(read, write):
            import os

            os.write(write, b"x")
            return os.read(read, 1)

        results = []
        threads = [
            threading.Thread(target=lambda i, *a: results.append(i.call(meet, *a)), args=args)
            for args in ((first, r1, w2), (second, r2, w1))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [b"x", b"x"]
        for made in (first, second):
            made.close()
        for fd in (r1, w1, r2, w2):
            os.close(fd)


class TestPrepareMain:
    def test_mappings_pairs_and_keywords(self, interp):
        interp.prepare_main({"a": 1}, b=(2, "x"))
        interp.prepare_main((("c", b"3"),))
        assert interp.call(eval, "(a, b, c)") == (1, (2, "x"), b"3")

    def test_all_or_nothing(self, interp):
        with pytest.raises(NotShareableError):
            interp.prepare_main(good=1, bad=[])
        with pytest.raises(ExecutionFailed, match="NameError"):
            interp.exec("good")
        with pytest.raises(ValueError):
            interp.prepare_main()
        with pytest.raises(ValueError):
            interp.prepare_main({"nul\0": 1})


class TestObjects:
    @pytest.mark.parametrize(
        ("bad", "error"),
        [
            ("1", TypeError),
            (1.0, TypeError),
            (None, TypeError),
            (-1, ValueError),
            (10**6, InterpreterNotFoundError),
            (2**63, OverflowError),
        ],
    )
    def test_bad_ids(self, bad, error):
        with pytest.raises(error):
            interpreters.Interpreter(bad)

    def test_pickle_and_travel(self, interp):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(interp, protocol)) is interp
        other = interpreters.create()
        assert other.call(lambda i: (type(i).__name__, i.id), interp) == ("Interpreter", interp.id)
        assert not interpreters.is_shareable(interp)
        other.close()

    def test_attributes_are_read_only(self, interp):
        for name in ("id", "whence"):
            with pytest.raises(AttributeError):
                setattr(interp, name, 1)


class TestWith:
    def test_it_is_closed(self):
        with interpreters.create() as interp:
            assert interp.call(abs, -1) == 1
        assert interp.id not in {each.id for each in interpreters.list_all()}

    def test_after_an_exception_and_a_close(self):
        interp = interpreters.create()

        def leave():
            with interp:
                interp.close()
                raise KeyError

        with pytest.raises(KeyError):
            leave()
        assert interp.id not in {each.id for each in interpreters.list_all()}
