"""Where the inputs of ``atoll map`` come from, read ahead no further than wanted."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from queue import SimpleQueue

_READ_SIZE = 65536


class Input(NamedTuple):
    """One input: the text that was given, and what the function gets."""

    text: str
    value: Any
    error: ValueError | None = None  #: the text is not JSON


def from_arguments(arguments: Iterable[str], is_json: bool) -> Iterator[Input]:
    return (_parse(text, is_json) for text in arguments)


def from_file(descriptor: int, is_json: bool) -> Iterator[Input]:
    """The lines of a file; with JSON, those that are not blank.

    Reads the descriptor itself: a thread that is blocked in a file object when the process exits
    makes CPython abort.
    """
    for line in _lines(descriptor):
        text = line.decode("utf-8", "surrogateescape")
        if text.strip() or not is_json:
            yield _parse(text, is_json)


def _lines(descriptor: int) -> Iterator[bytes]:
    begun: list[bytes] = []
    while block := os.read(descriptor, _READ_SIZE):
        first, *rest = block.split(b"\n")
        begun.append(first)
        for part in rest:
            yield b"".join(begun).removesuffix(b"\r")
            begun = [part]
    if last := b"".join(begun):
        yield last


def _parse(text: str, is_json: bool) -> Input:
    if not is_json:
        return Input(text, text)
    try:
        return Input(text, json.loads(text, parse_constant=_refuse))
    except ValueError as error:
        return Input(text, None, ValueError(f"not JSON: {error}"))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no value of JSON")


class Reader:
    """Reads inputs in a thread of its own, so that results need not wait for the next input.

    Puts each Input into the queue, then None. Stays `ahead` inputs ahead of release() at most.
    """

    def __init__(self, inputs: Iterator[Input], events: SimpleQueue[Any], ahead: int) -> None:
        self._inputs = inputs
        self._events = events
        self._slots = threading.Semaphore(ahead)
        # A daemon: it may be blocked in a read when the work is given up.
        threading.Thread(target=self._run, name="atoll map: inputs", daemon=True).start()

    def release(self) -> None:
        """An input is dealt with."""
        self._slots.release()

    def _run(self) -> None:
        try:
            self._slots.acquire()
            for each in self._inputs:
                self._events.put(each)
                self._slots.acquire()
        except OSError as error:
            self._events.put(error)
        else:
            self._events.put(None)
