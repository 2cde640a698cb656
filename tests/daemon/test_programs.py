"""Child processes: started, heard to be ready, ended for certain. These are a few lines of Python."""

import os
import signal
import sys

import pytest
import trio

from daemon import programs
from daemon.programs import Program, ProgramError

READY = r"""
import json, signal, sys, time
def say(**fields): print(json.dumps(fields), file=sys.stderr, flush=True)
say(event="starting", level="info")
say(event="ready", level="info", logger="x", timestamp="t", http="127.0.0.1:8000")
"""
ENDS_WELL = READY + "signal.sigwait([signal.SIGTERM]); say(event='ended'); sys.exit(0)"
ENDS_WELL = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n" + ENDS_WELL
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + "time.sleep(60)"
DIES = READY + "sys.exit(3)"


def child(monkeypatch: pytest.MonkeyPatch, script: str) -> tuple[Program, list[str]]:
    """A program that is this script, and the lines of its log."""
    monkeypatch.setattr(programs, "COMMAND", (sys.executable, "-c", script))
    lines: list[str] = []
    return Program("server", os.environ, lines.append), lines


async def test_a_program_is_started_told_to_end_and_heard_to_its_last_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program, lines = child(monkeypatch, ENDS_WELL)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            assert await nursery.start(program.run) == {"http": "127.0.0.1:8000"}
            program.stop()
            await program.ended.wait()
    assert program.status == 0
    assert [programs.parsed(line)["event"] for line in lines] == ["starting", "ready", "ended"]
    program.stop()  # does nothing any more


async def test_a_cancelled_program_is_ended_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    program, lines = child(monkeypatch, ENDS_WELL)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(program.run)
            nursery.cancel_scope.cancel()
    assert program.status == 0
    assert programs.parsed(lines[-1])["event"] == "ended"


async def test_a_program_that_does_not_heed_term_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "GRACE_SECONDS", 0.1)
    program, _ = child(monkeypatch, STUBBORN)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(program.run)
            nursery.cancel_scope.cancel()
    assert program.status == 128 + signal.SIGKILL


async def test_a_program_that_ends_by_itself_leaves_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    program, _ = child(monkeypatch, DIES)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(program.run)
            await program.ended.wait()
    assert program.status == 3


@pytest.mark.parametrize(
    ("script", "words", "status"),
    [
        ("import sys; sys.exit('wavstream: DATA_DIR=/x: cannot be used')", "DATA_DIR=/x: cannot be used", 1),
        (
            'import sys; print(\'{"event": "broken", "why": "that"}\', file=sys.stderr); sys.exit(2)',
            "broken  why=that",
            2,
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "it ended with status 137", 137),
    ],
)
async def test_a_program_that_does_not_start_says_why(
    monkeypatch: pytest.MonkeyPatch, script: str, words: str, status: int
) -> None:
    program, _ = child(monkeypatch, script)
    with trio.fail_after(20), pytest.raises(ProgramError) as caught:
        await program.run()
    assert str(caught.value) == f"wavstream server did not start: {words}"
    assert caught.value.exit_status == program.status == status


async def test_a_program_that_never_gets_ready_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "READY_SECONDS", 0.05)
    program, _ = child(monkeypatch, "import time; time.sleep(60)")
    with trio.fail_after(20), pytest.raises(ProgramError) as caught:
        await program.run()
    assert str(caught.value).startswith("wavstream server was not ready within")
    assert program.status == 128 + signal.SIGTERM


async def test_a_line_without_an_end_is_passed_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MAX_LINE_BYTES", 100)
    program, lines = child(monkeypatch, READY + "sys.stderr.write('x' * 1000 + 'end')")
    with trio.fail_after(20):
        await program.run()
    assert "".join(lines[2:]) == "x" * 1000 + "end"


def test_a_line_of_a_log_is_told_to_a_person_without_time_and_level() -> None:
    line = '{"event": "stopped", "level": "info", "logger": "x", "timestamp": "t", "session": "u", "n": 2}'
    assert programs.plain(line) == "stopped  session=u n=2"
    assert programs.plain("no JSON") == "no JSON"
    assert programs.plain("[1]") == "[1]"


def test_an_environment_without_our_variables_keeps_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "/x")
    monkeypatch.setenv("HOME", "/home")
    bare = programs.without(frozenset({"DATA_DIR"}))
    assert "DATA_DIR" not in bare
    assert bare["HOME"] == "/home"
