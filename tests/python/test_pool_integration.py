"""Other people's packages on atoll's executor, unchanged."""

import operator

import pytest

import atoll
from atoll.futures import InterpreterPoolExecutor


@pytest.fixture(scope="module", name="executor")
def executor_fixture():
    with InterpreterPoolExecutor(2) as executor:
        yield executor


class TestTqdm:
    """tqdm.contrib.concurrent, which has process_map() and thread_map() on one helper."""

    @pytest.fixture(name="interpreter_map")
    def interpreter_map_fixture(self):
        module = pytest.importorskip("tqdm.contrib.concurrent")
        own = getattr(module, "interpreter_map", None)
        return own or (
            lambda function, *iterables, **kwargs: module._executor_map(
                InterpreterPoolExecutor, function, *iterables, **kwargs
            )
        )

    def test_interpreter_map(self, interpreter_map, capsys):
        assert interpreter_map(abs, range(-20, 0), max_workers=2) == list(range(20, 0, -1))
        assert "20/20" in capsys.readouterr().err

    def test_with_chunks_and_several_iterables(self, interpreter_map):
        assert interpreter_map(
            pow, range(10), range(10), max_workers=2, chunksize=3, disable=True
        ) == [n**n for n in range(10)]

    def test_its_own_interpreter_map_on_this_executor(self, run_source):
        pytest.importorskip("tqdm")
        proc = run_source("""
            import atoll
            atoll.install()
            import tqdm.contrib.concurrent as module
            if hasattr(module, 'interpreter_map'):
                print(module.interpreter_map(abs, [-1, -2], disable=True, max_workers=2))
            else:
                from concurrent.futures import InterpreterPoolExecutor
                print(module._executor_map(InterpreterPoolExecutor, abs, [-1, -2], disable=True))
        """)
        assert proc.stdout == "[1, 2]\n"


class TestDask:
    @pytest.fixture(autouse=True)
    def scheduler(self, executor):
        dask = pytest.importorskip("dask")
        with dask.config.set(scheduler="processes", pool=executor):
            yield

    def test_delayed(self):
        import dask

        @dask.delayed
        def double(n):
            return 2 * n

        @dask.delayed
        def where():
            from atoll import interpreters

            return interpreters.get_current().id

        total = dask.delayed(sum)([double(n) for n in range(20)])
        assert total.compute() == 380
        assert where().compute() != atoll.interpreters.get_current().id

    def test_a_graph_of_closures(self):
        import dask

        factor = {"by": 3}
        scaled = [dask.delayed(lambda n: n * factor["by"])(n) for n in range(10)]
        assert dask.compute(*scaled) == tuple(3 * n for n in range(10))

    def test_bag(self):
        import dask.bag

        bag = dask.bag.from_sequence(range(1000), npartitions=10)
        even = bag.filter(lambda n: n % 2 == 0).map(lambda n: n * n)
        assert even.sum().compute() == sum(n * n for n in range(0, 1000, 2))
        assert dict(bag.map(lambda n: n % 3).frequencies().compute()) == {0: 334, 1: 333, 2: 333}
        folded = bag.foldby(lambda n: n % 2, operator.add, 0)
        assert dict(folded.compute()) == {0: 249500, 1: 250000}

    def test_text(self, tmp_path):
        import dask.bag

        for name in ("a", "b"):
            (tmp_path / f"{name}.txt").write_text(f"{name} one\n{name} two\n")
        words = dask.bag.read_text(str(tmp_path / "*.txt")).map(str.split).flatten()
        assert words.distinct().count().compute() == 4

    def test_an_exception(self):
        import dask

        @dask.delayed
        def fail(n):
            return 1 // n

        with pytest.raises(ZeroDivisionError):
            dask.compute(fail(1), fail(0))
