"""The demonstration's words, on a terminal and on none."""

import io

import numpy as np
import pytest
from rich.console import Console

from daemon.demo.story import Story


def told(*, encoding: str = "utf-8") -> tuple[Story, io.TextIOWrapper]:
    """A story told to a file."""
    paper = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    return Story(Console(file=paper, width=100)), paper


def text(paper: io.TextIOWrapper) -> str:
    buffer = paper.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(paper.encoding)


def test_steps_are_numbered_and_findings_marked() -> None:
    story, paper = told()
    story.step("First")
    story.check(held=True, words="this held")
    story.step("Second")
    story.check(held=False, words="that did not")
    story.fact("name", "[value]")
    assert text(paper).splitlines() == [
        "",
        "1  First",
        "   ✓ this held",
        "",
        "2  Second",
        "   ✗ NO: that did not",
        "   name               [value]",
    ]
    assert (story.held, story.failures, story.step_title) == (1, ["that did not"], "Second")


def test_a_webhook_is_shown_in_short_or_whole() -> None:
    story, paper = told()
    fields = {"event": "command.result", "sequence": 2, "command": "record/start", "success": True}
    story.webhook(fields, whole=False)
    story.webhook(fields, whole=True)
    lines = text(paper).splitlines()
    assert lines[0] == "   → webhook 2: command.result record/start"
    assert lines[1:3] == ["   → webhook 2: command.result", "     {"]
    assert '       "success": true' in lines


@pytest.mark.parametrize(("encoding", "mark", "dot"), [("utf-8", "✓", "⣿"), ("ascii", "ok", "#")])
def test_where_there_is_no_unicode_plain_letters_do(encoding: str, mark: str, dot: str) -> None:
    story, paper = told(encoding=encoding)
    story.check(held=True, words="fine")
    story.webhook({"event": "call.new", "sequence": 1}, whole=False)
    story.picture(np.full(8000, 20_000, np.int16), 8000)
    assert f"   {mark} fine" in text(paper)
    assert dot * story.width in text(paper)
    assert "0 s" in text(paper)
