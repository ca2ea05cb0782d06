"""Runs test files of installed packages with pytest, in the main or in isolated interpreters.

suite.py main|one|two FILE|MODULE... [-- PYTEST OPTION...]

`one`: in an isolated interpreter; `two`: halves of the files in two at once. Prints, for each
interpreter, one line of JSON: the counts of outcomes, and the tests that failed.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter


def run(files: list[str], options: list[str]) -> str:
    import pytest

    outcomes: Counter[str] = Counter()
    failed: list[str] = []

    class Plugin:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.when == "call" or report.outcome != "passed":
                kind = "xfailed" if hasattr(report, "wasxfail") else report.outcome
                outcomes[kind] += 1
                if kind == "failed":
                    failed.append(report.nodeid)

    quiet = [
        "-q",
        "-q",
        "-c",
        "/dev/null",
        "--rootdir=/",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:faulthandler",
        "--tb=no",
    ]
    status = pytest.main([*quiet, *options, *files], plugins=[Plugin()])
    return json.dumps({"status": int(status), **outcomes, "failed": sorted(failed)})


def main() -> None:
    where, *rest = sys.argv[1:]
    cut = rest.index("--") if "--" in rest else len(rest)
    files, options = rest[:cut], rest[cut + 1 :]
    if where == "main":
        print(run(files, options), flush=True)
        return
    from atoll import interpreters

    parts = [files] if where == "one" else [files[::2], files[1::2]]
    results: list[str] = [""] * len(parts)

    def work(index: int) -> None:
        interpreter = interpreters.create()
        results[index] = interpreter.call(run, parts[index], options)
        interpreter.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*results, sep="\n", flush=True)


if __name__ == "__main__":
    main()
