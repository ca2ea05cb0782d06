"""An interpreter of one's own: create, exec, call, an exception, close."""

from atoll import interpreters


def count_words(text: str) -> dict[str, int]:
    words = text.lower().split()
    return {word: words.count(word) for word in sorted(set(words))}


def main() -> None:
    interpreter = interpreters.create()

    # Source text runs in the other interpreter's __main__ and leaves its names there.
    interpreter.exec("import sys; where = f'Python {sys.version_info.major} in {__name__}'")
    print(interpreter.call(eval, "where"))

    # A function call: arguments go over, the result comes back, both as copies.
    print(interpreter.call(count_words, "to be or not to be"))

    # What the code does not catch arrives with the traceback of where it happened.
    try:
        interpreter.call(count_words, 42)
    except interpreters.ExecutionFailed as error:
        print(error)

    interpreter.close()


if __name__ == "__main__":
    main()
