"""docs/contract.md and the tests that it names, held against each other.

`python -m tests.test_contract` writes the page's third column anew, from the marks.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/contract.md"
ROW = re.compile(r"^(\| `([a-z0-9-]+)` \| .* \|)(.*)\|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def page() -> dict[str, set[tuple[str, str]]]:
    """The tests, as (file, name), that the page gives for each row."""
    text = PAGE.read_text()
    rows = ROW.findall(text)
    assert len({name for _, name, _ in rows}) == len(rows) == text.count("\n| `")
    return {name: set(TEST.findall(tests)) for _, name, tests in rows}


@cache
def marked() -> frozenset[tuple[str, tuple[str, str]]]:
    """(row, test) of each mark in the tests."""
    return frozenset(
        (row, (file.relative_to(ROOT).as_posix(), node.name))
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for row in marks(node)
    )


def marks(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The rows in a test's `@pytest.mark.contract(…)`."""
    for each in test.decorator_list:
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.contract":
            yield from (ast.literal_eval(argument) for argument in each.args)


@pytest.mark.parametrize("row", page())
def test_a_row_is_held_by_the_tests_that_the_page_names(row: str) -> None:
    tests = {test for name, test in marked() if name == row}
    assert tests, "no test carries this row's mark"
    assert tests == page()[row]


def test_every_mark_names_a_row() -> None:
    assert {row for row, _ in marked()} <= page().keys()


def write() -> None:
    """Name in the page's third column the tests that carry each row's mark."""

    def filled(row: re.Match[str]) -> str:
        tests = sorted(f"`{file}::{test}`" for name, (file, test) in marked() if name == row[2])
        return f"{row[1]} {'<br>'.join(tests)} |"

    PAGE.write_text(ROW.sub(filled, PAGE.read_text()))


if __name__ == "__main__":
    write()
