"""What a task finds around it: its context, its thread's name, warning filters, logging levels."""

import contextvars
import decimal
import io
import logging
import sys
import threading
import warnings

import pytest

import atoll

variable = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(scope="module", name="pool")
def pool_fixture():
    with atoll.Pool(1, name="workers") as pool:
        yield pool


class TestContext:
    def test_changes_end_with_the_task(self, pool):
        def change():
            decimal.getcontext().prec = 3
            variable.set("changed")
            return decimal.getcontext().prec, variable.get()

        def look():
            return decimal.getcontext().prec, variable.get()

        assert pool.run(change) == (3, "changed")
        assert pool.run(look) == (28, "unset")
        assert list(pool.map(lambda _: change(), [1], chunksize=1)) == [(3, "changed")]
        assert pool.run(look) == (28, "unset")

    def test_after_one_that_was_stopped(self, pool):
        tx, said = atoll.channel(None)

        def change(tx):
            variable.set("changed")
            tx.send(None)
            while True:
                pass

        future = pool.submit(change, tx)
        said.recv()
        assert future.cancel(interrupt=True)
        assert pool.run(lambda: variable.get()) == "unset"

    def test_that_of_the_initializer_is_copied(self):
        def set_up():
            variable.set("by the initializer")

        with atoll.Pool(1, initializer=set_up) as pool:
            assert pool.run(lambda: variable.get()) == "by the initializer"
            assert pool.run(lambda: variable.set("by a task") and None) is None
            assert pool.run(lambda: variable.get()) == "by the initializer"


class TestNames:
    # On 3.12 a worker that imports `threading` becomes its main thread: it has to be there before.
    preload = ("threading",) if sys.version_info < (3, 13) else ()

    def test_of_threads(self):
        def names():
            record = logging.LogRecord("name", 0, "", 0, "", None, None)
            return threading.current_thread().name, record.threadName

        with atoll.Pool(1, name="workers", preload=self.preload) as pool:
            assert pool.run(names) == ("workers_0", "workers_0")

    def test_differ(self):
        with atoll.Pool(
            2, threads=2, name="many", max_tasks_per_interpreter=3, preload=self.preload
        ) as pool:
            work = [lambda: threading.current_thread().name for _ in range(40)]
            names = {future.result() for future in [pool.submit(each) for each in work]}
            assert names <= {f"many_{n}" for n in range(4)}


class TestInherit:
    @staticmethod
    def warn(category=UserWarning, text="text"):
        """What becomes of a warning."""
        try:
            warnings.warn(text, category, stacklevel=1)
        except Warning as error:
            return type(error).__name__
        return None

    @pytest.fixture(autouse=True)
    def no_filters(self):
        with warnings.catch_warnings():
            warnings.resetwarnings()
            yield

    def test_filters(self):
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", "te.t", UserWarning)
        with atoll.Pool(1) as pool:
            warnings.simplefilter("ignore")  # too late
            assert pool.run(self.warn) == "UserWarning"
            assert pool.run(self.warn, UserWarning, "other") is None
            assert pool.run(self.warn, DeprecationWarning) is None

    def test_nothing(self):
        warnings.simplefilter("error")
        with atoll.Pool(1, inherit="", stderr=io.StringIO()) as pool:
            assert pool.run(self.warn) is None

    def test_classes_of_modules(self):
        """Those that the interpreter has; others are not imported for it."""
        warnings.simplefilter("error", type("Odd", (Warning,), {"__module__": "colorsys"}))
        warnings.simplefilter("error", ResourceWarning)
        with atoll.Pool(1) as pool:
            found = pool.run(eval, "[each[2] for each in __import__('warnings').filters]")
            assert found == [ResourceWarning]
            assert not pool.run(eval, "'colorsys' in __import__('sys').modules")

    def test_levels(self):
        logger = logging.getLogger("atoll.test.levels")
        logger.setLevel(logging.DEBUG)
        try:
            with atoll.Pool(1, inherit=["logging"]) as pool:
                assert pool.run(lambda: logging.getLogger("atoll.test.levels").level) == 10
                root = logging.getLogger().level
                assert pool.run(lambda: logging.getLogger().level) == root
        finally:
            logger.setLevel(logging.NOTSET)

    def test_bad_names(self):
        with pytest.raises(ValueError, match="not 'colours'"):
            atoll.Pool(1, inherit="warnings, colours")
        with pytest.raises(TypeError):
            atoll.Pool(1, inherit=3)

    def test_options_of_the_command_line(self, run_python):
        source = """if True:
            import atoll
            def look():
                import sys
                return sys.warnoptions, sys._xoptions
            if __name__ == "__main__":
                with atoll.Pool(1, inherit="") as pool:
                    assert pool.run(look) == look(), pool.run(look)
                    print(*look())
        """
        done = run_python("-W", "error::UserWarning", "-X", "some=thing", "-c", source, check=True)
        assert done.stdout == "['error::UserWarning'] {'some': 'thing'}\n"
