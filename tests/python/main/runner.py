"""Runs functions of a program in other, new interpreters, and prints what they gave."""

import json
from collections.abc import Callable

import atoll
from atoll import interpreters
from atoll.futures import InterpreterPoolExecutor

type Function = Callable[[], str]

results: dict[str, dict[str, list[str]]] = {}


def by_pool(functions: list[Function]) -> list[str]:
    with atoll.Pool(1) as pool:
        return [pool.run(function) for function in functions]


def by_executor(functions: list[Function]) -> list[str]:
    with InterpreterPoolExecutor(1) as executor:
        return [executor.submit(function).result() for function in functions]


def by_call(functions: list[Function]) -> list[str]:
    interpreter = interpreters.create()
    try:
        return [interpreter.call(function) for function in functions]
    finally:
        interpreter.close()


def by_channel(functions: list[Function]) -> list[str]:
    interpreter = interpreters.create()
    there, inbox = atoll.channel(1)
    outbox, back = atoll.channel(1)
    interpreter.prepare_main(inbox=inbox, outbox=outbox)
    got = []
    try:
        for function in functions:
            there.send(function)
            interpreter.exec("outbox.send(inbox.recv()())")
            got.append(back.recv(timeout=60))
        return got
    finally:
        interpreter.close()


def by_standard_module(functions: list[Function]) -> list[str]:
    atoll.install()
    from concurrent.futures import InterpreterPoolExecutor

    with InterpreterPoolExecutor(1) as executor:
        return list(executor.map(call, functions))


def call(function: Function) -> str:
    return function()


WAYS = {
    "pool": by_pool,
    "executor": by_executor,
    "call": by_call,
    "channel": by_channel,
    "install": by_standard_module,
}


def check(name: str, functions: list[Function], ways: list[str]) -> None:
    of_name = results.setdefault(name, {})
    for way in ways:
        try:
            of_name[way] = WAYS[way](functions)
        except BaseException as error:
            of_name[way] = [f"{type(error).__name__}: {error}"]


def report() -> None:
    print(json.dumps(results))
