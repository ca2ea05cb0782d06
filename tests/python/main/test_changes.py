"""What changes: in the main program after a send, and in a worker after an arrival."""

import subprocess
from collections.abc import Callable

import pytest

type RunPython = Callable[..., subprocess.CompletedProcess[str]]

GUARD = 'if __name__ == "__main__":\n'


@pytest.fixture
def check(run_python: RunPython) -> Callable[[str], None]:
    def run(source: str) -> None:
        done = run_python("-c", source, check=True)
        assert done.stderr == ""

    return run


def test_a_class_keeps_its_state_when_its_instances_come_back(check):
    check("""
import atoll
class Job:
    done = []
    def __init__(self, n): self.n = n
def work(job): return job
with atoll.Pool(2) as pool:
    for job in pool.map(work, [Job(n) for n in range(6)]):
        assert type(job) is Job
        Job.done.append(job.n)
assert Job.done == [0, 1, 2, 3, 4, 5]
tx, rx = atoll.channel(1)
Job.done = ["own"]
tx.send(Job(1))
assert type(rx.recv()) is Job and Job.done == ["own"]
""")


def test_what_a_worker_does_to_a_class_stays_there(check):
    check("""
import atoll
class C:
    seen = []
def note(n):
    C.seen.append(n)
    return list(C.seen), C()
with atoll.Pool(1) as pool:
    assert pool.run(note, 1)[0] == [1]
    seen, instance = pool.run(note, 2)
    assert seen == [1, 2] and type(instance) is C and C.seen == []
    assert pool.run(lambda c: isinstance(c, C), C())
""")


def test_what_was_defined_anew_is_seen(check):
    check("""
import atoll
version = 1
def f(): return version
with atoll.Pool(1) as pool:
    assert pool.run(f) == 1
    version = 2
    assert pool.run(f) == 2
    def f(): return -version
    assert pool.run(f) == -2
    def helper(): return "a"
    def g(): return helper()
    assert pool.run(g) == "a"
    def helper(): return "b"
    assert pool.run(g) == "b"
""")


def test_instances_of_a_former_class(check):
    check("""
import atoll
class C: x = 1
former, Former = C(), C
def echo(c): return c.x, c
with atoll.Pool(1) as pool:
    x, back = pool.run(echo, former)
    assert x == 1 and type(back) is Former
    class C: x = 2
    x, back = pool.run(echo, former)
    assert x == 1 and type(back) is Former
    x, back = pool.run(echo, C())
    assert x == 2 and type(back) is C
""")


def test_changes_in_place(check):
    check("""
import atoll
small = {"a": 1}
large = list(range(10_000))
def ask(): return small["a"], large[0]
with atoll.Pool(1) as pool:
    assert pool.run(ask) == (1, 0)
    small["a"], large[0] = 2, 5
    assert pool.run(ask) == (2, 0)
    large = list(large)
    assert pool.run(ask) == (2, 5)
""")


def test_what_a_worker_has_bound_is_its_own(check):
    check("""
import atoll
n = 0
def up():
    global n
    n += 1
    return n
with atoll.Pool(1) as pool:
    assert [pool.run(up) for _ in range(3)] == [1, 2, 3] and n == 0
    n = 100
    assert pool.run(up) == 4
""")


@pytest.mark.parametrize("guarded", [False, True])
def test_an_initializer_sets_a_global(run_python, tmp_path, guarded):
    (tmp_path / "script.py").write_text(
        """
import sqlite3
import atoll
def init(path):
    global DB
    DB = sqlite3.connect(path)
def ask(): return DB.execute("select 42").fetchone()[0]
def main():
    init(":memory:")
    with atoll.Pool(1, initializer=init, initargs=(":memory:",)) as pool:
        print(pool.run(ask))
"""
        + (GUARD + "    main()\n" if guarded else "main()\n")
    )
    done = run_python(tmp_path / "script.py")
    if guarded:
        assert done.stdout == "42\n", done.stderr
    else:
        # Here the main program has one, too, which cannot be sent; a guard says that workers do.
        assert "the global DB of __main__ cannot be sent" in done.stderr


def test_a_script_that_has_changed_or_gone(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        """
import os
import atoll
K = 3
def f(x): return x * K
if __name__ == "__main__":
    with open(__file__, "w") as file: file.write("K = 4\\ndef f(x): return -x\\n" + GUARD)
    print(atoll.run(f, 2))
    os.remove(__file__)
    atoll.Pool(1).run(f, 3)
""".replace("GUARD", repr(GUARD + "    pass\n"))
    )
    assert run_python(script).stdout == "6\n"


def test_a_script_that_ends_the_process(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("""
import sys
import atoll
def f(): return f
if __name__ != "__main__":
    sys.exit(3)
if __name__ == "__main__":
    atoll.run(f)
""")
    done = run_python(script)
    assert done.returncode == 1
    assert "the script ends the process when it is run again (SystemExit: 3)" in done.stderr


def test_the_global_that_cannot_be_sent_is_named(check):
    check(
        """
import threading
import atoll
class C: lock = threading.Lock()
lock = threading.Lock()
def f():
    with lock: pass
def g(): return f()
def h(): return C
for function, name in ((f, "lock"), (g, "lock"), (lambda: f(), "lock"), (h, "C.lock")):
    try: atoll.run(function)
    except atoll.interpreters.NotShareableError as error:
        assert f"the global {name} of __main__ cannot be sent" in str(error), error
        assert "TypeError: cannot pickle '_thread.lock' object" in str(error)
    else: raise AssertionError(name)
""".replace("import atoll\n", "import atoll, atoll.interpreters\n", 1)
    )


def test_lines_of_source_are_shown(run_python):
    program = """
import atoll
K = 0
def divide(n):
    return n / K  # the line
atoll.run(divide, 1)
"""
    done = run_python("-c", program)
    assert 'File "<string>", line 5, in divide' in done.stderr


def test_a_former_function_brings_the_classes_that_it_was_defined_with(check):
    check("""
import atoll
from atoll import interpreters
class Base:
    def get(self): return self.n
class Kind(Base):
    n = 1
def f(kind=Kind): return kind().get()
old_tx, old_rx = atoll.channel(1)
old_tx.send(f)
class Base:
    def get(self): return -self.n
class Kind(Base):
    n = 2
def f(kind=Kind): return kind().get()
new_tx, new_rx = atoll.channel(1)
new_tx.send(f)
interpreter = interpreters.create()
interpreter.prepare_main(old=old_rx, new=new_rx)
interpreter.exec("new_f = new.recv(); assert new_f() == -2, new_f()")
interpreter.exec("old_f = old.recv(); assert old_f() == 1, old_f()")
interpreter.exec("assert new_f() == -2")
interpreter.close()
""")


def test_an_arrival_that_failed_leaves_nothing_half_made(check, tmp_path):
    (tmp_path / "odd.py").write_text("""
fails = True
def make():
    if fails:
        raise OSError("not this time")
    return Odd()
class Odd:
    def __reduce__(self):
        return make, ()
""")
    check("""
import sys
sys.path.insert(0, "")
import atoll, odd
from atoll import interpreters
class First:
    def get(self): return "first"
class Second(First):
    odd = odd.Odd()
    def get(self): return "second", super().get(), type(self.odd).__name__
class Third(Second):
    def get(self): return "third", super().get()
def work(kind=Third): return kind().get()
interpreter = interpreters.create()
for _ in range(2):
    try:
        interpreter.call(work)
    except Exception as error:
        assert "not this time" in str(error), error
    else:
        raise AssertionError("no error")
interpreter.exec("import odd; odd.fails = False")
assert interpreter.call(work) == ("third", ("second", "first", "Odd"))
def first(): return First().get()
assert interpreter.call(first) == "first"
interpreter.close()
""")
