"""Tell whether modules can be imported in isolated interpreters, in two at once, and which of their
extension modules are loaded as private copies; if not, which one refuses and why. Each module is
tried in a process of its own."""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from atoll._cli.info import usable_cores

if TYPE_CHECKING:
    import argparse

#: The innermost frame, as faulthandler shows it.
_FRAME = re.compile(r'^  File "(.+)", line (\d+)', re.MULTILINE)

EPILOG = """\
exit status: 0 if all can be imported, 1 if not, 2 for a mistake in the command line, 130 after
Ctrl-C
"""


def seconds(text: str) -> float:
    """A time that somebody is willing to wait."""
    value = float(text)
    if not value > 0 or math.isinf(value):
        raise ValueError
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("modules", metavar="MODULE", nargs="+", help="for instance numpy or json")
    parser.add_argument("--json", action="store_true", help="as a JSON array of objects")
    parser.add_argument(
        "--use",
        default="",
        metavar="CODE",
        help="statements to run after the import, for instance 'import numpy; numpy.ones(3).sum()'",
    )
    parser.add_argument(
        "--extensions",
        choices=("auto", "private", "declared"),
        help="as for atoll.Pool (auto)",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="how long one import may take (60)",
    )


def run(options: argparse.Namespace) -> int:
    # In processes: neither an import that crashes nor one that exits may take the others along.
    with ThreadPoolExecutor(min(len(options.modules), usable_cores())) as threads:
        try:
            results = []
            for result in threads.map(
                lambda name: check(name, options.timeout, options.use, options.extensions),
                options.modules,
            ):
                results.append(result)
                if not options.json:
                    print("\n".join(describe(result)), flush=True)
        except KeyboardInterrupt:
            # The children have got it too.
            threads.shutdown(cancel_futures=True)
            print("atoll check: interrupted", file=sys.stderr)
            return 130
    if options.json:
        print(json.dumps(results, indent=2))
    return 0 if all(result["status"] == "ok" for result in results) else 1


def check(
    module: str, timeout: float, use: str = "", extensions: str | None = None
) -> dict[str, Any]:
    """The result as ``--json`` shows it."""
    start = time.monotonic()
    result: dict[str, Any] = {"module": module, "status": "error"}
    if not all(part.isidentifier() for part in module.split(".")):
        return result | {"reason": "that is no module name"}
    with subprocess.Popen(
        [sys.executable, "-m", "atoll._cli.probe", module, use, extensions or ""],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
    ) as child:
        try:
            out, err = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            result |= {"status": "timeout", "reason": f"not imported after {timeout:g} s"}
        except BaseException:
            child.kill()
            raise
    # By the number of the interpreter.
    loading: dict[int, dict[str, Any]] = {}
    outcomes: dict[int, dict[str, Any]] = {}
    for line in out.splitlines():
        told = json.loads(line)
        number = told["interpreter"]
        if "loading" in told:
            loading[number] = {"extension": told["loading"], "path": told["path"]}
        elif "loaded" in told:
            loading.pop(number, None)
        else:
            outcomes[number] = told["outcome"]
    unfinished = next((loading[n] for n in (1, 2) if n in loading and n not in outcomes), {})
    if result["status"] == "timeout":
        result |= unfinished
    elif child.returncode != 0:
        # A crash, in an extension that was being loaded or in code that it runs later.
        result |= {"status": "crash", "reason": _death(child.returncode, err), **unfinished}
        frame = _FRAME.search(err)
        if frame:
            result["where"] = f"{frame[1]}:{frame[2]}"
        if len(outcomes) == 2:
            result["reason"] += ", after it was imported"
    elif outcomes:
        failed = [number for number, each in outcomes.items() if each["status"] != "ok"]
        result |= outcomes[min(failed or outcomes)]
        if len(failed) < len(outcomes) and failed:
            result["reason"] += " (the other interpreter, at the same time, could import it)"
    result["seconds"] = round(time.monotonic() - start, 3)
    return result


def _death(status: int, errors: str) -> str:
    if status < 0:
        try:
            what = signal.Signals(-status).name
        except ValueError:
            what = f"signal {-status}"
        return f"the process died of {what}"
    last = errors.strip().rpartition("\n")[2]
    return f"the process ended with status {status}" + (f": {last}" if last else "")


def describe(result: dict[str, Any]) -> list[str]:
    """The result as lines for people."""
    module, status = result["module"], result["status"]
    without = result.get("without", [])
    if status == "ok":
        private = result.get("private", [])
        how = (
            f", {len(private)} private cop{'y' if len(private) == 1 else 'ies'}" if private else ""
        )
        lines = [f"{module}: ok{how}" + (", without:" if without else "")]
        return lines + [f"    {each['extension']}: {each['reason']}" for each in without]
    verdict = {
        "refused": "cannot be imported in an isolated interpreter",
        "crash": "crashes",
        "timeout": "takes too long",
        "error": "fails to import",
    }[status]
    if result.get("step") == "use":
        verdict = "can be imported; its use fails"
    lines = [f"{module}: {verdict}"]
    if "extension" in result:
        lines.append(f"    extension: {result['extension']}")
        if result.get("path"):
            lines.append(f"    file:      {result['path']}")
    kind = f"{result['exception']}: " if "exception" in result else ""
    reason = f"{kind}{result['reason']}".splitlines()
    lines.append(f"    reason:    {reason[0]}")
    lines += [f"               {line}".rstrip() for line in reason[1:]]
    if "where" in result:
        lines.append(f"    where:     {result['where']}")
    return lines
