"""Other people's packages on atoll's executor, unchanged."""

import operator
import sys

import pytest

import atoll
from atoll.futures import InterpreterPoolExecutor


@pytest.fixture(scope="module", name="executor")
def executor_fixture():
    with InterpreterPoolExecutor(2) as executor:
        yield executor


@pytest.mark.parametrize("chunksize", [1, 3])
def test_interpreter_map_of_tqdm(run_source, chunksize):
    concurrent = pytest.importorskip("tqdm.contrib.concurrent")
    if not hasattr(concurrent, "interpreter_map"):
        pytest.skip("this tqdm has none")
    proc = run_source(f"""
        import atoll
        atoll.install()
        import concurrent.futures
        from tqdm.contrib.concurrent import interpreter_map
        made = []
        class Executor(concurrent.futures.InterpreterPoolExecutor):
            def __init__(self, *args, **kwargs):
                made.append(self)
                super().__init__(*args, **kwargs)
        concurrent.futures.InterpreterPoolExecutor = Executor
        arguments = dict(max_workers=2, chunksize={chunksize})
        print(interpreter_map(pow, range(7), range(7), **arguments), len(made))
        print(interpreter_map(abs, [-1], disable=True, **arguments))
        try: interpreter_map(divmod, [1], [0], disable=True, **arguments)
        except ZeroDivisionError as error: print(error)
    """)
    assert proc.stdout.splitlines()[:2] == ["[1, 1, 4, 27, 256, 3125, 46656] 1", "[1]"]
    assert "by zero" in proc.stdout
    assert "7/7" in proc.stderr


#: dask.bag imports fsspec, and that ctypes.
with_ctypes = pytest.mark.skipif(
    sys.version_info < (3, 13),
    reason="isolated interpreters cannot import ctypes (docs/limits.md)",
)


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

    @with_ctypes
    def test_bag(self):
        import dask.bag

        bag = dask.bag.from_sequence(range(1000), npartitions=10)
        even = bag.filter(lambda n: n % 2 == 0).map(lambda n: n * n)
        assert even.sum().compute() == sum(n * n for n in range(0, 1000, 2))
        assert dict(bag.map(lambda n: n % 3).frequencies().compute()) == {0: 334, 1: 333, 2: 333}
        folded = bag.foldby(lambda n: n % 2, operator.add, 0)
        assert dict(folded.compute()) == {0: 249500, 1: 250000}

    @with_ctypes
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
