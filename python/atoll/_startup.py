"""Run by ``atoll.pth`` (``atoll.start`` from CPython 3.15 on) when an interpreter starts."""

import os


def main() -> None:
    """Install atoll if the parent process, or the creating interpreter, had it installed."""
    if os.environ.get("ATOLL_INSTALL"):
        import atoll

        atoll.install()
