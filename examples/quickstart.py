"""An interpreter of one's own: create, exec, call, an exception, close."""

from atoll import interpreters


def count_words(text: str) -> dict[str, int]:
    words = text.lower().split()
    return {word: words.count(word) for word in sorted(set(words))}


if __name__ == "__main__":
    interpreter = interpreters.create()

    # Source text runs in the other interpreter's __main__, and leaves its names there.
    interpreter.exec("import math; area = math.pi * 2**2")
    print(interpreter.call(eval, "round(area, 3)"))

    # A call: the arguments go over and the result comes back, as copies.
    print(interpreter.call(count_words, "to be or not to be"))

    # What the code does not catch arrives here, with the traceback of where it happened.
    try:
        interpreter.call(count_words, 42)
    except interpreters.ExecutionFailed as error:
        print(error)

    interpreter.close()
