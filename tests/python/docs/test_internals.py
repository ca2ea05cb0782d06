"""docs/internals.md names functions and files as they are."""

import re
from itertools import pairwise

import pytest

ROW = re.compile(r"^\| (?P<arrow>-> )?`(?P<function>\w+)` \| `(?P<file>[\w/.]+)` \| [^|]+ \|$")


def chains(text):
    """The tables: lists of rows, as dicts."""
    chain = []
    for line in [*text.splitlines(), ""]:
        if match := ROW.match(line):
            chain.append(match.groupdict())
        elif chain and not line.startswith("|"):
            yield chain
            chain = []


@pytest.fixture(scope="module")
def tables(project):
    return list(chains((project / "docs/internals.md").read_text(encoding="utf-8")))


def test_every_row_is_read(project, tables):
    text = (project / "docs/internals.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| (-> )?`", line)]
    assert sum(map(len, tables)) == len(rows) > 40


def test_functions_lie_where_the_page_says(project, tables):
    for row in (row for chain in tables for row in chain):
        source = (project / row["file"]).read_text(encoding="utf-8")
        definition = re.compile(
            rf"^[\w:<>,&*\[\] ]*\b(?:\w+::)?{row['function']}\([^;]*?\)[^;]*?\{{", re.MULTILINE
        )
        assert definition.search(source), row


def test_each_is_called_from_the_file_above(project, tables):
    for chain in tables:
        for caller, called in pairwise(chain):
            if called["arrow"]:
                continue
            source = (project / caller["file"]).read_text(encoding="utf-8")
            assert re.search(rf"\b{called['function']}\(", source), (caller, called)
