"""docs/wavstream.md: each row of a comparison names tests, and they exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from wavstream.settings import ServerSettings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/wavstream.md").read_text()
ROW = re.compile(r"^\| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> dict[str, list[tuple[str, str]]]:
    """The tests, as (file, name), of each row; the table of settings has none, and heads are no rows."""
    sections = [part for part in PAGE.split("\n## ") if "| test |" in part]
    found = {row[1]: TEST.findall(row[3]) for part in sections for row in ROW.finditer(part)}
    return {row: tests for row, tests in found.items() if row != "---" and not _is_head(row)}


def _is_head(row: str) -> bool:
    return row in {"it does", "it says", "what happens"}


@cache
def names(file: str) -> frozenset[str]:
    """The tests in a file."""
    tree = ast.parse((ROOT / file).read_text())
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


@pytest.mark.parametrize("row", rows())
def test_a_row_names_tests_that_exist(row: str) -> None:
    tests = rows()[row]
    assert tests, "no test"
    assert [test for test in tests if test[1] not in names(test[0])] == []


def test_there_is_a_table_for_each_of_those_it_is_compared_with() -> None:
    headings = {"the Go server", "mod_audio_stream's document", "mod_audio_fork's document"}
    assert {f"Against {each}" for each in headings} <= set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE))


def test_the_settings_and_their_defaults_are_the_programs() -> None:
    fields = ServerSettings.model_fields
    table = dict(re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", PAGE, re.MULTILINE))
    assert len(table) >= 5
    for variable, default in table.items():
        value = fields[variable.lower()].default
        assert default.strip("`") == ("none" if value is None else str(value))
