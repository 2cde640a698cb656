"""Both programs as children of one: started in order, ended in order, and together in the end."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import trio
import typer
from rich.console import Console

from daemon.cli import welcome
from daemon.programs import GRACE_SECONDS, Program, ProgramError
from daemon.settings import DaemonSettings
from wavstream.settings import ServerSettings

__all__ = ["Plan", "ProgramError", "run"]


@dataclass(frozen=True)
class Plan:
    """The settings of both, found to be right before anything is started."""

    daemon: DaemonSettings
    server: ServerSettings

    @classmethod
    def load(cls) -> Self:
        """Read the environment. Raises SettingsError."""
        return cls(DaemonSettings.load(), ServerSettings.load())


def run(plan: Plan) -> int:
    """Run both until a signal ends them, or one of them ends by itself: its exit status is returned.

    Raises ProgramError, in a group, where one does not start.
    """
    return trio.run(main, plan)


async def main(plan: Plan) -> int:
    """What `run` does, in a loop that is there."""
    show = welcome.Log(Console(stderr=True)).show
    started: list[Program] = []
    running = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        with running:
            await nursery.start(_heed_signals, running, nursery.cancel_scope)
            found = await _start(nursery, started, Program("server", os.environ, show))
            reached = {
                "WAVSTREAM_URL": f"ws://{welcome.reachable(found['ingest'])}",
                "WAVSTREAM_PUBLIC_URL": f"http://{welcome.reachable(found['http'])}",
            }
            answers = await _start(nursery, started, Program("daemon", os.environ | reached, show))
            welcome.greet(plan.daemon.data_dir, found, answers)
            await _first_to_end(started)
        status = _status_of_the_first(started)
        await _stop(started)
        nursery.cancel_scope.cancel()
    return status or max((program.status or 0 for program in started), default=0)


async def _start(nursery: trio.Nursery, started: list[Program], program: Program) -> Mapping[str, str]:
    addresses: Mapping[str, str] = await nursery.start(program.run)
    started.append(program)
    return addresses


async def _heed_signals(
    running: trio.CancelScope, everything: trio.CancelScope, *, task_status: trio.TaskStatus[None]
) -> None:
    """The first signal ends the programs one after the other, the second all at once."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            if running.cancel_called:
                everything.cancel()
            running.cancel()


async def _first_to_end(started: list[Program]) -> None:
    async with trio.open_nursery() as nursery:

        async def wait(program: Program) -> None:
            await program.ended.wait()
            nursery.cancel_scope.cancel()

        for program in started:
            nursery.start_soon(wait, program)


def _status_of_the_first(started: list[Program]) -> int:
    """The exit status of the program that ended by itself; 0 where none did."""
    for program in started:
        if program.ended.is_set():
            words = f"wavstream {program.name} ended by itself, with status {program.status}"
            typer.echo(f"wavstream: {words}: ending the other one", err=True)
            return program.status or 0
    return 0


async def _stop(started: list[Program]) -> None:
    """The daemon first, so that what it still holds of a recording finds wavstream there."""
    with trio.move_on_after(2 * GRACE_SECONDS):
        for program in reversed(started):
            program.stop()
            await program.ended.wait()
