"""A pipeline of interpreters and channels: which names does the standard library use most?

    find files --paths--> count names, on all cores --counts--> add up --result--> print

The main thread feeds the pipeline, shows how far it is, and waits for the result, all with one
`select`. No stage knows how many of the others there are: each works until what it receives from
is closed, and then closes what it sends to. Ctrl-C ends it the same way.

    python examples/pipeline.py [--workers N] [--top N] [PATH ...]

Exit status: 0, or 1 if a stage failed, 2 for bad arguments, 130 after Ctrl-C.
"""

import argparse
import io
import os
import sys
import sysconfig
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from keyword import iskeyword
from pathlib import Path
from threading import Thread
from typing import Any

import atoll
from atoll import Closed, Receiver, Sender, interpreters
from atoll.interpreters import Interpreter

type Counts = dict[str, int]
type Result = tuple[int, list[tuple[str, int]]]  # files; names and how often they occur

SKIPPED = {"site-packages", "dist-packages", "__pycache__"}

# The stages, each in interpreters of its own ------------------------------------------------------


def count_names(paths: Receiver[str], counts: Sender[Counts]) -> None:
    """The names in each file; nothing for what is no Python."""
    with paths, counts, suppress(Closed):
        for path in paths:
            counts.send(names_in(Path(path).read_bytes()))


def names_in(source: bytes) -> Counts:
    found: Counter[str] = Counter()
    # The library has files that are broken on purpose, for its own tests.
    with suppress(SyntaxError, UnicodeDecodeError, tokenize.TokenError):
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.NAME and not iskeyword(token.string):
                found[token.string] += 1
    return dict(found)


def add_up(counts: Receiver[Counts], result: Sender[Result], top: int) -> None:
    total: Counter[str] = Counter()
    files = 0
    with counts, result, suppress(Closed):
        for part in counts:
            total.update(part)
            files += 1
        names = sorted(total.items(), key=lambda item: (-item[1], item[0]))
        result.send((files, names[:top]))


# The main interpreter -----------------------------------------------------------------------------


def run(sources: Iterator[str], workers: int, top: int) -> Result:
    paths_in, paths = atoll.channel(capacity=32)
    counts_in, counts = atoll.channel(capacity=32)
    result_in, result = atoll.channel(capacity=1)
    made = [interpreters.create() for _ in range(workers + 1)]
    threads: list[Thread] = []
    try:
        with paths_in, result:
            with paths, counts_in, counts, result_in:
                for each in made[1:]:
                    threads.append(start(each, count_names, paths, counts_in))
                threads.append(start(made[0], add_up, counts, result_in, top=top))
            return feed(sources, paths_in, result)
    finally:
        for thread in threads:
            thread.join()
        for interpreter in made:
            interpreter.close()


def start(
    interpreter: Interpreter,
    stage: Callable[..., None],
    receiver: Receiver[Any],
    sender: Sender[Any],
    **options: int,
) -> Thread:
    """Calls the stage in a thread, which has ends of its own until the call is over."""

    def work(receiver: Receiver[Any], sender: Sender[Any]) -> None:
        with receiver, sender:
            interpreter.call(stage, receiver, sender, **options)

    thread = Thread(target=work, args=(receiver.clone(), sender.clone()))
    thread.start()
    return thread


def feed(sources: Iterator[str], paths: Sender[str], result: Receiver[Result]) -> Result:
    sent = 0
    source = next(sources, None)
    with atoll.ticker(1) as ticks:
        while True:
            # None is never ready: when all is sent, only the other two are left.
            send = (paths, source) if source else None
            selected = atoll.select(send, result, ticks)
            if selected.index == 0:
                sent += 1
                source = next(sources, None)
                if not source:
                    paths.close()
            elif selected.index == 2:
                print(f"{sent} files", file=sys.stderr, flush=True)
            elif selected.closed:
                raise SystemExit("a stage failed: see above")
            else:
                answer: Result = selected.value
                return answer


def find_sources(roots: list[Path]) -> Iterator[str]:
    for root in roots:
        if root.is_file():
            yield str(root)
        for directory, subdirectories, files in root.walk():
            subdirectories[:] = sorted(set(subdirectories) - SKIPPED)
            yield from (str(directory / name) for name in sorted(files) if name.endswith(".py"))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Count the names in Python sources.")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="so many names (10)")
    arguments = parser.parse_args()
    if arguments.workers < 1 or arguments.top < 0:
        parser.error("--workers must be at least 1, and --top not negative")
    for path in arguments.paths:
        if not path.exists():
            parser.error(f"no such file or directory: {path}")
    return arguments


def main() -> int:
    arguments = parse_arguments()
    roots = arguments.paths or [Path(sysconfig.get_path("stdlib"))]
    try:
        files, names = run(find_sources(roots), arguments.workers, arguments.top)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(f"{files} files, {arguments.workers} counting interpreters")
    for name, count in names:
        print(f"{count:8}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
