"""One package in isolated interpreters: the child process of run.py.

Reads a JSON object (module, use, threads) from standard input; writes a line of JSON for each step
that is done to file descriptor 3. What ends the process between two lines is what failed.
"""

import json
import os
import sys
import threading
import traceback
from pathlib import Path

ROUNDS = 3


def tell(step: str, **facts: object) -> None:
    os.write(3, (json.dumps({"step": step, **facts}) + "\n").encode())


def memory() -> int:
    """Proportional share of memory, in kB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def import_here(module: str) -> float:
    import time

    start = time.perf_counter()
    __import__(module)
    return time.perf_counter() - start


def use_here(code: str, rounds: int) -> str:
    """The traceback of a use that fails."""
    import traceback

    try:
        for _ in range(rounds):
            exec(compile(code, "<use>", "exec"), {"__name__": "__main__"})
    except BaseException:
        return traceback.format_exc()
    return ""


def at_once(interpreters: list, code: str, rounds: int) -> str:
    found: list[str] = []
    barrier = threading.Barrier(len(interpreters))

    def use(interpreter) -> None:
        barrier.wait()
        try:
            found.append(interpreter.call(use_here, code, rounds))
        except BaseException:
            found.append(traceback.format_exc())

    threads = [threading.Thread(target=use, args=(each,)) for each in interpreters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next(filter(None, found), "")


def main() -> None:
    given = json.load(sys.stdin)
    sys.argv = ["use"]
    module, use, threads = given["module"], given["use"], given.get("threads", "")
    if given["where"] == "main":
        tell("import", seconds=import_here(module))
        tell("use", error=use_here(use, 1))
        if threads:
            tell("threads", error=use_here(threads, 1))
        return
    from atoll import interpreters
    from atoll._cli.probe import private_modules

    before = memory()
    first = interpreters.create()
    seconds = first.call(import_here, module)
    tell("import", seconds=seconds, kilobytes=memory() - before)
    tell("use", error=first.call(use_here, use, 1))
    before = memory()
    second = interpreters.create()
    seconds = second.call(import_here, module)
    error = second.call(use_here, use, 1)
    kilobytes = memory() - before
    private = second.call(private_modules)
    tell("second", seconds=seconds, private=private, kilobytes=kilobytes, error=error)
    tell("at once", error=at_once([first, second], use, ROUNDS))
    if threads:
        tell("threads", error=at_once([first, second], threads, 1))
    for each in (first, second):
        each.close()
    tell("closed")
    again = interpreters.create()
    tell("again", error=again.call(use_here, use, 1))
    again.close()
    tell("end")


if __name__ == "__main__":
    main()
