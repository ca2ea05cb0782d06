"""What has no name that others could import: by value, through channels."""

import functools
import sys
import types

import pytest

import atoll
from atoll._atoll import NotShareableError


@pytest.fixture
def send():
    tx, rx = atoll.channel(1)

    def send_and_receive(value):
        tx.send(value)
        return rx.recv()

    with tx, rx:
        yield send_and_receive


def test_closures_lambdas_partials_and_methods(send):
    free = [1]

    class Local:
        def __init__(self, n):
            self.n = n

        def add(self, other):
            return self.n + other

    assert send(lambda x: (free, x))(2) == ([1], 2)
    assert send(functools.partial(lambda a, b: a + b, 1))(2) == 3
    assert send(Local(3).add)(4) == 7
    assert send([Local(5)])[0].n == 5
    assert send({"class": Local})["class"](1).add(1) == 2

    def outer(n):
        return 1 if n == 0 else n * outer(n - 1)

    assert send(outer)(5) == 120


def test_ends_of_channels_and_memory_inside_of_closures(send):
    tx, rx = atoll.channel(1)
    data = bytearray(b"hello")
    view = memoryview(data)

    def work():
        view[0] = ord("J")
        tx.send("sent")

    send(work)()
    assert rx.recv() == "sent"
    assert data == b"Jello"


def test_refusals_name_the_culprit(send, tmp_path):
    path = tmp_path / "file"
    path.write_text("text")
    generator = (x for x in ())
    module = types.ModuleType("nowhere")
    with path.open() as file:
        for value, text in (
            ([1, lambda: file], r"^\[1\]\.file.*object does not"),
            ({"k": functools.partial(print, generator)}, r"^\['k'\]\.args\[0\]: generator object"),
            (generator, r"^generator object"),
            (lambda: generator, r"^\.generator: generator object"),
            ([file], r"^\[0\].*object does not"),
        ):
            with pytest.raises(NotShareableError, match=text) as caught:
                send(value)
            assert caught.value.__cause__ is not None
    assert send([module])[0].__name__ == "nowhere"
    assert send([lambda: sys.stdout])[0]() is sys.stdout


# What a program defines itself, sent to another interpreter and back. The receiver has another
# `__main__`, and no way to get at this one.
PROGRAM = """
import atoll, dataclasses, enum, functools
from atoll import interpreters

factor = 2

class Thing:
    def __init__(self, n): self.n = n
    def times(self): return self.n * factor

@dataclasses.dataclass
class Data:
    thing: Thing

class Color(enum.Enum):
    RED = 1

def double(x):
    return factor * x

there, rx = atoll.channel(1)
tx, back = atoll.channel(1)
interp = interpreters.create()
interp.prepare_main(rx=rx, tx=tx)

def ask(value, source):
    there.send(value)
    interp.exec("got = rx.recv()\\ntx.send(" + source + ")")
    return back.recv()

assert ask(double, "got(21)") == 42
assert ask([double], "got[0](21)") == 42
assert ask(Thing(3), "got.times()") == 6
assert ask({"d": Data(Thing(4))}, "got['d'].thing.n") == 4
assert ask(Thing(5).times, "got()") == 10
assert ask(functools.partial(double, 7), "got()") == 14
assert ask(lambda x: double(x), "got(8)") == 16
assert ask(Color.RED, "got.name") == "RED"
# A class that comes home is the one that left.
thing = ask(Thing(6), "got")
assert type(thing) is Thing and thing.n == 6
assert ask(Thing, "got") is Thing
assert ask(Color.RED, "got") is Color.RED
interp.close()
print("good")
"""


def test_of_a_script_without_a_guard(run_python, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    assert run_python(script, check=True).stdout == "good\n"


def test_of_a_command(run_python):
    assert run_python("-c", PROGRAM, check=True).stdout == "good\n"


def test_of_the_repl(run_python):
    # In the REPL an empty line ends a block.
    text = PROGRAM.replace("\n\nclass", "\n\n\nclass").replace("\nasks", "\nasks")
    done = run_python("-i", "-q", "-c", "", input=repl_of(text), check=True)
    assert "good" in done.stdout, done.stderr
    assert "Error" not in done.stderr, done.stderr


def repl_of(source):
    """The source as it would be typed."""
    lines = source.strip().split("\n")
    typed = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line:
            typed.append(line)
        in_block = line.startswith(" ") and line.strip() != ""
        if in_block and not following.startswith(" "):
            typed.append("")
    return "\n".join(typed) + "\n"
