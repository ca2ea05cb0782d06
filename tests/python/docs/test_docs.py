"""README and docs: Python snippets run and print what the text says, quotes and links hold."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPET = re.compile(
    r"^(?:<!-- quote: (?P<quoted>\S+) -->\n)?"
    r"(?:<!-- since CPython 3\.(?P<since>\d+) -->\n)?"
    r"(?:<!-- needs: (?P<needs>\S+) -->\n)?"
    r"```python\n(?P<source>.*?)^```\n"
    r"(?:\n```output\n(?P<output>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")

type RunPython = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Snippet:
    """A fenced block of Python, with the block of output that follows it, if one does."""

    page: Path
    line: int
    source: str
    output: str | None
    quoted: str | None
    since: int  #: the minor version of CPython that it needs
    needs: str | None  #: a module that may be missing

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def snippets() -> list[Snippet]:
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in SNIPPET.finditer(text):
            line = text.count("\n", 0, match.start("source"))
            since = int(match["since"] or 0)
            given = match["source"], match["output"], match["quoted"]
            found.append(Snippet(page, line, *given, since, match["needs"]))
    return found


@pytest.mark.parametrize("snippet", snippets(), ids=str)
def test_snippet_runs(snippet: Snippet, run_python: RunPython, tmp_path: Path) -> None:
    if sys.version_info < (3, snippet.since):
        pytest.skip(f"needs CPython 3.{snippet.since}")
    if snippet.needs is not None:
        pytest.importorskip(snippet.needs)
    script = tmp_path / (snippet.quoted or "snippet.py")
    script.parent.mkdir(exist_ok=True)
    script.write_text(snippet.source)

    done = run_python(script, check=True)

    assert done.stderr == ""
    if snippet.output is not None:
        assert done.stdout.replace(f"{tmp_path}/", "") == snippet.output


@pytest.mark.parametrize("snippet", [s for s in snippets() if s.quoted], ids=str)
def test_quote_is_the_file(snippet: Snippet) -> None:
    assert snippet.quoted is not None
    assert snippet.source == (ROOT / snippet.quoted).read_text()


def test_snippets_are_found() -> None:
    """As many as there are fences: a fence that the pattern misses would not be tested."""
    fences = sum(page.read_text().count("```python") for page in PAGES)
    assert len(snippets()) == fences > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
