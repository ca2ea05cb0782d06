"""The progress of ``atoll map`` on standard error: tqdm's bar, or a plain line without tqdm."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from typing import Any


def print_error(text: str) -> None:
    """Write to standard error; where that is closed or full, nothing more can be said."""
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


class _Stderr:
    """Standard error for tqdm."""

    def write(self, text: str) -> None:
        print_error(text)

    def flush(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


class Silent:
    """No bar: what others print goes to standard error as it is."""

    def set_total(self, total: int) -> None:
        pass

    def advance(self) -> None:
        pass

    def write(self, text: str, /) -> None:
        print_error(text)

    def close(self) -> None:
        pass


class Bar(Silent):
    """tqdm's bar. write() may be called by any thread, and keeps the bar in one piece."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        tqdm.monitor_interval = 0  # no thread for it
        self._stderr = _Stderr()
        self._bar = tqdm(unit="input", file=self._stderr, dynamic_ncols=True)

    def set_total(self, total: int) -> None:
        self._bar.total = total
        self._bar.refresh()

    def advance(self) -> None:
        self._bar.update()

    def write(self, text: str, /) -> None:
        with self._tqdm.external_write_mode(file=self._stderr):
            super().write(text)

    def close(self) -> None:
        self._bar.close()


class Line(Silent):
    """How many inputs are done, and how fast, redrawn ten times a second at most."""

    _INTERVAL = 0.1

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start = time.monotonic()
        self._next = 0.0
        self._done = 0
        self._total: int | None = None

    def set_total(self, total: int) -> None:
        self._total = total

    def advance(self) -> None:
        self._done += 1
        if time.monotonic() >= self._next:
            with self._lock:
                self._draw()

    def write(self, text: str, /) -> None:
        with self._lock:
            print_error("\r\033[K")
            super().write(text)
            self._draw()

    def close(self) -> None:
        with self._lock:
            self._draw()
            print_error("\n")

    def _draw(self) -> None:
        now = time.monotonic()
        self._next = now + self._INTERVAL
        of = "" if self._total is None else f"/{self._total}"
        rate = self._done / max(now - self._start, 1e-9)
        print_error(f"\r\033[K{self._done}{of} inputs, {rate:.1f}/s")


def make(wanted: bool | None) -> Silent:
    """A bar if it is wanted or, where that is None, if standard error is a terminal."""
    if sys.stderr is None or not (sys.stderr.isatty() if wanted is None else wanted):
        return Silent()
    try:
        from tqdm import tqdm
    except ImportError:
        return Line()
    return Bar(tqdm)
