"""``python -m atoll``: the command line. ``python -m atoll SCRIPT`` runs a program under atoll."""

from atoll._cli import main

if __name__ == "__main__":
    main("python -m atoll")
