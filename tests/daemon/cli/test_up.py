"""`wavstream up`: both programs live and die together. Most children here are a few lines of Python."""

import io
import os
import signal
import sys
from pathlib import Path

import pytest
import trio
import trio.lowlevel
from rich.console import Console

from daemon import programs
from daemon.cli import both, welcome
from daemon.cli.both import Plan
from daemon.programs import ProgramError
from daemon.settings import DaemonSettings
from tests.daemon.cli.conftest import Run
from wavstream.settings import ServerSettings

CHILD = r"""
import json, os, signal, sys, time
name = sys.argv[1]
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
def say(**fields): print(json.dumps(fields), file=sys.stderr, flush=True)
def ready():
    url = os.environ.get("WAVSTREAM_URL")
    say(event="ready", http="0.0.0.0:1" + name[:1], ingest="127.0.0.1:2", url=url,
        media="127.0.0.1:3", audiosocket="127.0.0.1:4")
def end():
    signal.sigwait([signal.SIGTERM])
    say(event="ended " + name)
"""
BOTH_END_WELL = CHILD + "ready(); end()"
DAEMON_DIES = CHILD + "ready(); sys.exit(7) if name == 'daemon' else end()"
DAEMON_DOES_NOT_START = CHILD + "name == 'daemon' and sys.exit('wavstream: no'); ready(); end()"
STUBBORN = CHILD + "ready(); end(); time.sleep(60)"
NEVER_READY = CHILD + "say(event='waiting'); end()"


@pytest.fixture
def plan() -> Plan:
    return Plan(DaemonSettings(), ServerSettings())


def children(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(programs, "COMMAND", (sys.executable, "-c", script))


async def when_said(
    monkeypatch: pytest.MonkeyPatch, event: str, task_status: trio.TaskStatus[trio.Event]
) -> None:
    """Starts with an event that is set as soon as a child has logged this."""
    said = trio.Event()
    show = welcome.Log.show

    def seen(self: welcome.Log, line: str) -> None:
        show(self, line)
        if programs.parsed(line).get("event") == event:
            said.set()

    monkeypatch.setattr(welcome.Log, "show", seen)
    task_status.started(said)
    await trio.lowlevel.checkpoint()


def ended(text: str) -> list[str]:
    """The programs that said that they ended, in their order."""
    events = (str(programs.parsed(line).get("event")) for line in text.splitlines())
    return [event.removeprefix("ended ") for event in events if event.startswith("ended ")]


def greeted(monkeypatch: pytest.MonkeyPatch) -> trio.Event:
    """An event that is set when both programs are up."""
    event, greet = trio.Event(), welcome.greet

    def seen(*arguments: object) -> None:
        greet(*arguments)  # type: ignore[arg-type]
        event.set()

    monkeypatch.setattr(welcome, "greet", seen)
    return event


@pytest.mark.contract("program-up")
async def test_a_signal_ends_both_the_daemon_first(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], nursery: trio.Nursery
) -> None:
    children(monkeypatch, BOTH_END_WELL)
    up = greeted(monkeypatch)

    async def interrupt() -> None:
        await up.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    nursery.start_soon(interrupt)
    with trio.fail_after(30):
        assert await both.main(plan) == 0
    written = capsys.readouterr()
    assert ended(written.err) == ["daemon", "server"]
    # The daemon is told where the server is; an address that listens everywhere is reached on this machine.
    assert programs.parsed(written.err.splitlines()[1])["url"] == "ws://127.0.0.1:2"
    assert "http://127.0.0.1:1d" in written.out
    assert "http://127.0.0.1:1s" in written.out


async def test_when_one_dies_the_other_is_ended_and_its_status_is_ours(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    children(monkeypatch, DAEMON_DIES)
    with trio.fail_after(30):
        assert await both.main(plan) == 7
    written = capsys.readouterr()
    assert ended(written.err) == ["server"]
    assert "wavstream daemon ended by itself, with status 7: ending the other one\n" in written.err


async def test_when_one_does_not_start_the_other_is_ended(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    children(monkeypatch, DAEMON_DOES_NOT_START)

    def says_no(error: ProgramError) -> bool:
        return (str(error), error.exit_status) == ("wavstream daemon did not start: no", 1)

    expected = pytest.RaisesExc(ProgramError, check=says_no)
    with trio.fail_after(30), pytest.RaisesGroup(expected, flatten_subgroups=True):
        await both.main(plan)
    assert ended(capsys.readouterr().err) == ["server"]


async def test_the_second_signal_waits_for_nobody(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery
) -> None:
    children(monkeypatch, STUBBORN)
    monkeypatch.setattr(programs, "GRACE_SECONDS", 0.1)
    up, first = greeted(monkeypatch), await nursery.start(when_said, monkeypatch, "ended daemon")

    async def interrupt() -> None:
        await up.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await first.wait()
        os.kill(os.getpid(), signal.SIGINT)

    nursery.start_soon(interrupt)
    with trio.fail_after(30):
        assert await both.main(plan) == 128 + signal.SIGKILL


async def test_a_signal_before_anything_is_ready_ends_what_was_begun(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], nursery: trio.Nursery
) -> None:
    children(monkeypatch, NEVER_READY)
    waiting = await nursery.start(when_said, monkeypatch, "waiting")

    async def interrupt() -> None:
        await waiting.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    nursery.start_soon(interrupt)
    with trio.fail_after(30):
        assert await both.main(plan) == 0
    assert ended(capsys.readouterr().err) == ["server"]


def test_a_person_gets_the_log_in_columns() -> None:
    paper = io.StringIO()
    log = welcome.Log(Console(file=paper, force_terminal=True, color_system=None, width=40))
    log.show(
        '{"event": "[stopped]", "level": "error", "timestamp": "2026-01-01T12:34:56.7Z", "session": "u"}'
    )
    log.show("not of ours [x]")
    assert paper.getvalue().splitlines() == ["12:34:56 [stopped]  session=u", "not of ours [x]"]


def test_the_command_is_named_so_that_another_terminal_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["/opt/with blank/bin/wavstream"])
    assert welcome.own_name() == "'/opt/with blank/bin/wavstream'"
    monkeypatch.setattr(sys, "argv", ["/opt/daemon/cli/__main__.py"])
    assert welcome.own_name() == f"{sys.executable} -m daemon.cli"
    (tmp_path / "wavstream").write_text("")
    (tmp_path / "wavstream").chmod(0o755)
    assert welcome.own_name() == "wavstream"


def test_a_port_that_is_taken_ends_with_the_status_of_the_program(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    children(monkeypatch, CHILD + "sys.exit(3)")
    ran = run("up")
    assert (ran.status, ran.out) == (3, "")
    assert ran.err == "wavstream: wavstream server did not start: it ended with status 3\n"
