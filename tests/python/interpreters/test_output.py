"""What interpreters print: handed over line by line."""

import gc
import io
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import atoll
from atoll import interpreters
from atoll._atoll import RemoteStream
from atoll.interpreters import ExecutionFailed, Interpreter, InterpreterError

type RunPython = Callable[..., subprocess.CompletedProcess[str]]
type InThread = Callable[..., Any]


@pytest.fixture
def interp() -> Iterator[Interpreter]:
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


class Writes:
    """A stream that remembers each call of write()."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.threads: set[int] = set()

    def write(self, text: str) -> None:
        self.calls.append(text)
        self.threads.add(threading.get_ident())

    @property
    def text(self) -> str:
        return "".join(self.calls)


class TestLines:
    def test_each_stream_gets_its_own(self, interp: Interpreter) -> None:
        out, err = io.StringIO(), io.StringIO()
        interp.redirect_output(stdout=out, stderr=err)
        interp.exec("import sys; print('one', 2); print('three', file=sys.stderr)")
        assert (out.getvalue(), err.getvalue()) == ("one 2\n", "three\n")

    def test_none_leaves_a_stream_as_it_is(self, interp: Interpreter) -> None:
        err = io.StringIO()
        interp.redirect_output(stderr=err)
        interp.exec("import sys; assert sys.stdout is sys.__stdout__")
        interp.redirect_output()
        interp.exec("print('still', file=sys.stderr)")
        assert err.getvalue() == "still\n"

    def test_only_whole_lines(self, interp: Interpreter) -> None:
        out = Writes()
        interp.redirect_output(stdout=out)
        interp.exec("print('a', end=''); print('b', end='')")
        assert out.calls == []
        interp.exec("print('c'); print('d\\ne\\nf', end='')")
        assert out.calls == ["abc\n", "d\ne\n"]
        interp.exec("import sys; sys.stdout.flush()")
        assert out.calls == ["abc\n", "d\ne\n", "f"]

    def test_the_rest_comes_at_the_end(self, interp: Interpreter) -> None:
        out = Writes()
        interp.redirect_output(stdout=out)
        interp.exec("import atexit; atexit.register(print, 'exit', end=''); print('rest', end='')")
        assert out.calls == []
        interp.close()
        assert out.text == "restexit"

    def test_the_rest_comes_with_the_next_redirection(self, interp: Interpreter) -> None:
        out, later = Writes(), Writes()
        interp.redirect_output(stdout=out)
        interp.exec("print('rest', end='')")
        interp.redirect_output(stdout=later)
        interp.exec("print('more')")
        assert (out.calls, later.calls) == (["rest"], ["more\n"])

    def test_what_a_thread_leaves_comes_at_its_end(self, interp: Interpreter) -> None:
        out = Writes()
        interp.redirect_output(stdout=out)
        interp.exec("""if True:
            import threading
            t = threading.Thread(target=print, args=("rest",), kwargs={"end": ""})
            t.start(); t.join()
        """)
        assert out.calls == ["rest"]

    def test_lines_of_threads_and_interpreters_never_mix(self) -> None:
        out = Writes()
        made = [interpreters.create() for _ in range(2)]
        source = """if True:
            import threading
            def run(n):
                for i in range(50):
                    print(name, n, end=" ")
                    print(i, "x" * 20)
            threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
            for t in threads: t.start()
            for t in threads: t.join()
        """
        for name, each in zip("ab", made, strict=True):
            each.redirect_output(stdout=out)
            each.prepare_main(name=name)
        threads = [threading.Thread(target=each.exec, args=(source,)) for each in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in made:
            each.close()
        expected = [
            f"{name} {n} {i} {'x' * 20}\n" for name in "ab" for n in range(3) for i in range(50)
        ]
        assert sorted(out.calls) == sorted(expected)

    def test_write_is_called_by_the_thread_that_prints(
        self, interp: Interpreter, background: InThread
    ) -> None:
        out = Writes()
        interp.redirect_output(stdout=out)
        interp.exec("print(1)")
        assert out.threads == {threading.get_ident()}
        assert (
            background(lambda: (interp.exec("print(2)"), threading.get_ident())[1]).result()
            in out.threads
        )

    def test_any_text(self, interp: Interpreter) -> None:
        out = Writes()
        interp.redirect_output(stdout=out)
        text = "\0 é € 🏝 \udc80 \r\x1b[0m"
        interp.call(print, text)
        assert out.calls == [text + "\n"]

    def test_through_several_interpreters(self, interp: Interpreter) -> None:
        out = Writes()
        interp.redirect_output(stdout=out)
        interp.exec("""if True:
            import sys
            from atoll import interpreters
            inner = interpreters.create()
            inner.redirect_output(stdout=sys.stdout)
            inner.exec("print('from', 'afar')")
            inner.close()
        """)
        assert out.calls == ["from afar\n"]

    def test_uncaught_in_a_thread(self, interp: Interpreter) -> None:
        err = Writes()
        interp.redirect_output(stderr=err)
        interp.exec(
            "import threading; t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()"
        )
        assert "ZeroDivisionError" in err.text

    def test_a_generator_of_output(self, interp: Interpreter) -> None:
        """write() may do anything that its own interpreter can, also call others."""
        other = interpreters.create()
        seen: list[int] = []

        class Lengths:
            def write(self, text: str) -> None:
                seen.append(other.call(len, text))

        interp.redirect_output(stdout=Lengths())
        interp.exec("print('abc')")
        other.close()
        assert seen == [4]


class TestFile:
    """What code finds as sys.stdout."""

    def test_it_is_a_text_file(self, interp: Interpreter) -> None:
        interp.redirect_output(stdout=Writes())
        interp.exec("""if True:
            import io, sys
            out = sys.stdout
            assert isinstance(out, io.TextIOBase)
            assert (out.encoding, out.errors) == ('utf-8', 'backslashreplace')
            assert out.writable() and not out.isatty() and not out.readable() and not out.seekable()
            assert out.name == '<stdout>' and out.mode == 'w' and out.line_buffering
            assert out.newlines is None and 'stdout' in repr(out)
            for bad in (b'x', 1, None):
                try: out.write(bad)
                except TypeError as e: assert 'must be str' in str(e)
                else: assert False
            try: out.fileno()
            except io.UnsupportedOperation: pass
            else: assert False
            assert out.write('abc\\n') == 4
        """)

    def test_writelines_close_and_reconfigure(self, interp: Interpreter) -> None:
        out = Writes()
        interp.redirect_output(stdout=out)
        interp.exec("import sys; sys.stdout.writelines(['a\\n', 'b'])")
        interp.exec("sys.stdout.reconfigure(line_buffering=True); sys.stdout.close(); print('c')")
        assert out.text == "a\nbc\n"

    def test_bytes(self, interp: Interpreter) -> None:
        out = Writes()
        interp.redirect_output(stdout=out)
        interp.exec("""if True:
            import sys
            binary = sys.stdout.buffer
            assert binary is sys.stdout.buffer and binary.writable()
            assert binary.write('é'.encode()[:1]) == 1
            binary.write(memoryview('é'.encode()[1:]))
            binary.write(bytearray(b'\\xff\\n'))
            try: binary.write('text')
            except TypeError: pass
            else: assert False
            binary.flush()
        """)
        assert out.text == "é\\xff\n"

    def test_flush_reaches_the_stream(self, interp: Interpreter) -> None:
        class Flushes(Writes):
            flushed = 0

            def flush(self) -> None:
                self.flushed += 1

        out = Flushes()
        interp.redirect_output(stdout=out)
        interp.exec("print('x', end='', flush=True)")
        assert (out.calls, out.flushed) == (["x"], 1)


class TestErrors:
    def test_what_write_raises_is_reported_here(
        self, interp: Interpreter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[Any] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append(args.exc_type))

        class Broken:
            def write(self, text: str) -> None:
                raise OSError("full")

            def flush(self) -> None:
                raise ValueError

        interp.redirect_output(stdout=Broken())
        interp.exec("print('x'); print('y', end='', flush=True)")
        assert seen == [OSError, OSError, ValueError]
        interp.close()  # flushes

    @pytest.mark.parametrize("stream", [object(), 1, "text"])
    def test_no_stream(self, interp: Interpreter, stream: Any) -> None:
        with pytest.raises(TypeError, match=r"needs a method write\(\)"):
            interp.redirect_output(stdout=stream)
        with pytest.raises(TypeError):
            interp.redirect_output(sys.stdout)  # type: ignore[misc]

    def test_which_interpreters(self, interp: Interpreter, start_blocked: InThread) -> None:
        with pytest.raises(InterpreterError):
            interpreters.get_main().redirect_output(stdout=Writes())
        queue = interpreters.create_queue()
        blocked = start_blocked(interp.call, _get, queue)
        with pytest.raises(InterpreterError, match="running"):
            interp.redirect_output(stdout=Writes())
        queue.put(None)
        blocked.result()
        interp.close()
        with pytest.raises(interpreters.InterpreterNotFoundError):
            interp.redirect_output(stdout=Writes())

    def test_ctrl_c_during_write_stops_the_printing_code(self, interp: Interpreter) -> None:
        class Interrupted(Writes):
            def write(self, text: str) -> None:
                super().write(text)
                signal.raise_signal(signal.SIGINT)

        out = Interrupted()
        interp.redirect_output(stdout=out)
        with pytest.raises(KeyboardInterrupt):
            interp.exec("while True: print('x')")
        assert out.calls == ["x\n"]
        assert interp.call(abs, -1) == 1

    def test_what_a_signal_handler_raises_is_not_swallowed(self, interp: Interpreter) -> None:
        def leave(*args: Any) -> None:
            sys.exit(3)

        class Terminated(Writes):
            def write(self, text: str) -> None:
                signal.raise_signal(signal.SIGTERM)

        former = signal.signal(signal.SIGTERM, leave)
        try:
            interp.redirect_output(stdout=Terminated())
            with pytest.raises(ExecutionFailed, match="KeyboardInterrupt"):
                interp.exec("while True: print('x')")
        finally:
            signal.signal(signal.SIGTERM, former)


class TestLife:
    def test_streams_are_released(self) -> None:
        out = io.StringIO()
        gone = weakref.ref(out)
        made = interpreters.create()
        made.redirect_output(stdout=out)
        made.exec("print(1)")
        del out
        gc.collect()
        assert gone() is not None
        made.close()
        assert gone() is None

    def test_a_token_is_its_stream(self) -> None:
        out = Writes()
        stream = RemoteStream(out)
        assert stream.write("a")
        assert stream.flush()
        assert out.calls == ["a"]
        with pytest.raises(TypeError):
            stream.write(b"a")  # type: ignore[arg-type]
        gone = weakref.ref(out)
        del out, stream
        assert gone() is None

    def test_the_creator_is_gone(self, run_python: RunPython) -> None:
        """Lines go where they went before."""
        done = run_python(
            "-c",
            dedent("""
            from atoll import interpreters
            from atoll._atoll import RemoteStream
            middle = interpreters.create()
            middle.exec('''if True:
                import io
                from atoll import interpreters
                from atoll._atoll import RemoteStream
                kept = io.StringIO()
                def make(): return RemoteStream(kept)
            ''')
            inner = interpreters.create()
            token = middle.call(eval, 'make()')
            from atoll import _output
            inner.call(_output.install, token, None)
            inner.exec("print('kept')")
            print(repr(middle.call(eval, 'kept.getvalue()')), flush=True)
            middle.close()
            assert token.write('x') is False and token.flush() is False
            inner.exec("print('dropped', end=''); print('?', flush=True)")
            inner.close()
        """),
            check=True,
        )
        assert (done.stdout, done.stderr) == ("'kept\\n'\ndropped?\n", "")

    @pytest.mark.parametrize("thread", [False, True])
    def test_nobody_closes(self, run_python: RunPython, tmp_path: Path, thread: bool) -> None:
        """At exit the rest is handed over, and a file that is held is written out."""
        use = "t = threading.Thread(target=i.exec, args=(source,)); t.start(); t.join()"
        done = run_python(
            "-c",
            dedent(f"""
            import sys, threading
            from atoll import interpreters
            class Mine:
                def write(self, text): print('mine:', text.rstrip())
            log = open('log.txt', 'w')
            i = interpreters.create()
            i.redirect_output(stdout=log, stderr=Mine())
            source = "print('line'); print('rest', end=''); "
            source += "import sys; print('err', end='', file=sys.stderr)"
            {use if thread else "i.exec(source)"}
        """),
            check=True,
        )
        assert (tmp_path / "log.txt").read_text() == "line\nrest"
        assert done.stdout == "mine: err\n"

    def test_printing_while_the_process_ends(self, run_python: RunPython) -> None:
        done = run_python(
            "-c",
            dedent("""
            import threading
            from atoll import interpreters
            class Mine:
                def write(self, text): pass
            kept = [interpreters.create() for _ in range(2)]
            for each in kept:
                each.redirect_output(stdout=Mine(), stderr=Mine())
                each.exec('''if True:
                    import atexit
                    atexit.register(print, 'exit')
                    class Late:
                        def __del__(self): print('late')
                    late = Late()
                ''')
            endless = "while True: print('x')"
            threading.Thread(target=kept[0].exec, args=(endless,), daemon=True).start()
        """),
            check=True,
        )
        assert "Traceback" not in done.stderr
        assert "Fatal" not in done.stderr


def _get(queue: Any) -> None:
    queue.get()


class TestPool:
    def test_streams_of_a_pool(self) -> None:
        out, err = Writes(), Writes()
        with atoll.Pool(2, threads=2, stdout=out, stderr=err, initializer=print) as pool:
            for _ in pool.map(_say, range(20), chunksize=1):
                pass
        assert sorted(line for line in out.calls if line != "\n") == sorted(
            f"out {n}\n" for n in range(20)
        )
        assert 1 <= out.calls.count("\n") <= 2
        assert sorted(err.calls) == sorted(f"err {n}\n" for n in range(20))

    def test_no_stream(self) -> None:
        with pytest.raises(TypeError, match=r"needs a method write\(\)"):
            atoll.Pool(stdout=1)  # type: ignore[arg-type]


def _say(n: int) -> None:
    print("out", n)
    print("err", n, file=sys.stderr)
