"""Threads of one interpreter that encode and decode at the same time: the GIL changes hands when
Python code runs, also in the middle of a pickle."""

import pickle
import sys
import threading

import pytest

import atoll
from atoll._atoll import get_crossinterp_data, restore_crossinterp_data

LARGE = 100_000  # bytes that leave a pickle as a buffer


def send(obj):
    return restore_crossinterp_data(get_crossinterp_data(obj, "fallback"))


class Hooked:
    """Calls `hook` while it is pickled, and becomes the bytes of `data`."""

    def __init__(self, data, hook):
        self.data = data
        self.hook = hook

    def __reduce_ex__(self, protocol):
        self.hook()
        return bytes, (self.data,)


class Pair:
    """The second item is found after the hook of the first has run; on the other side too."""

    def __init__(self, first, second):
        self.items = first, second

    def __reduce_ex__(self, protocol):
        return tuple, (self.items,)


class Crossing:
    """Two threads encode: the first to begin is the first to end."""

    def __init__(self, background):
        self._background = background
        self._first_began, self._second_began = threading.Event(), threading.Event()

    def _begin(self):
        self._first_began.set()
        assert self._second_began.wait(60)

    def _end(self):
        self._second_began.set()
        self._sent.result()

    def send(self, make):
        self._sent = self._background(send, make(b"1", self._begin))
        assert self._first_began.wait(60)
        second = send(make(b"2", self._end))
        return self._sent.result(), second


class TestMeanwhile:
    @pytest.fixture
    def crossing(self, background):
        return Crossing(background)

    def test_buffers_of_pickles(self, crossing):
        def make(text, hook):
            return Hooked(pickle.PickleBuffer(text * LARGE), hook)

        assert crossing.send(make) == (b"1" * LARGE, b"2" * LARGE)

    @pytest.mark.parametrize("size", [1, LARGE])
    def test_views_in_pickles(self, crossing, size):
        def make(text, hook):
            return Pair(memoryview(b"0"), Hooked(memoryview(text * size), hook))

        first, second = crossing.send(make)
        assert (first[1], second[1]) == (b"1" * size, b"2" * size)

    def test_views_that_are_restored(self, crossing):
        waiting = [crossing._begin, crossing._end]

        def make(text, hook):
            # The hook runs where it is restored.
            return Pair(Restored(waiting.pop(0)), memoryview(text))

        first, second = crossing.send(make)
        assert (bytes(first[1]), bytes(second[1])) == (b"1", b"2")


hooks = []


class Restored:
    """Calls the hook where it is restored."""

    def __init__(self, hook):
        self.index = len(hooks)
        hooks.append(hook)

    def __reduce__(self):
        return call_hook, (self.index,)


def call_hook(index):
    hooks[index]()


def fail(number):
    raise ValueError(number, memoryview(b"%d" % number))


@pytest.fixture
def impatient():
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("impatient")
class TestPoolOfThreads:
    def test_calls_that_look_at_the_calling_frame(self):
        with atoll.Pool(1, threads=4, initializer=sys.setswitchinterval, initargs=(1e-6,)) as pool:
            texts = [str(n) for n in range(4000)]
            assert list(pool.map(eval, texts, chunksize=1)) == list(range(4000))

    def test_first_of_all(self):
        """Nothing has been pickled in the interpreter yet when four threads begin to."""
        for _ in range(10):
            with atoll.Pool(
                1, threads=4, initializer=sys.setswitchinterval, initargs=(1e-6,)
            ) as pool:
                futures = [pool.submit(fail, n) for n in range(8)]
                for n, future in enumerate(futures):
                    error = future.exception()
                    assert (type(error), error.args[0]) == (ValueError, n)
                    assert bytes(error.args[1]) == b"%d" % n


def test_the_script_of_main_runs_once(run_python, tmp_path):
    """However many threads are the first to need a class of it."""
    path = tmp_path / "script.py"
    path.write_text("""
import os
if __name__ != '__main__':
    os.write(1, b'run\\n')
import decimal, json  # Others have their turn.

class Own:
    def __reduce__(self): return Own, ()

def serve(queue, done):
    import threading
    def take(): done.send(type(queue.get()).__name__)
    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

if __name__ == '__main__':
    import atoll
    from atoll import interpreters
    queue = interpreters.create_queue()
    done, received = atoll.channel(None)
    interp = interpreters.create()
    for _ in range(4): queue.put(Own())
    interp.call(serve, queue, done)
    print([received.recv() for _ in range(4)])
    interp.close()
""")
    done = run_python(str(path))
    assert (done.stdout, done.stderr) == (f"run\n{['Own'] * 4}\n", "")
