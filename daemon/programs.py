"""The two programs as child processes: started, heard to be ready, told to end, and ended for certain."""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import trio

READY_SECONDS = 30.0
"""From the start of the process to its `ready` line: a second or two of imports, more on a busy machine."""
GRACE_SECONDS = 30.0
"""From TERM to KILL: longer than the grace that each program gives itself (`wavstream.process.lifecycle`)."""
KILLED_SECONDS = 5.0
"""From KILL to the end, which only the kernel can still delay."""
MAX_LINE_BYTES = 1 << 16
"""A longer line of a log is passed on in pieces."""
WORDS_KEPT = 5
"""Last lines of a program that did not get ready: an error of a setting is one."""

COMMAND = (sys.executable, "-P", "-m", "daemon.cli")
"""This installation's `wavstream`; -P: a folder `daemon` where the user happens to be is not ours."""

Name = Literal["server", "daemon"]


class ProgramError(Exception):
    """A program did not start. Its text is one plain line; `exit_status` is the program's."""

    def __init__(self, words: str, exit_status: int) -> None:
        super().__init__(words)
        self.exit_status = exit_status


class Program:
    """`wavstream server` or `wavstream daemon` as a child, in a session of its own.

    Ctrl-C in a terminal therefore reaches the parent alone, which then ends its children one after the other.
    """

    def __init__(self, name: Name, environment: Mapping[str, str], log: Callable[[str], None]) -> None:
        self.name = name
        self.status: int | None = None
        """The exit status, once it has ended; 128 + the signal where one killed it."""
        self.ended = trio.Event()
        self._environment = environment
        self._log = log
        self._process: trio.Process | None = None
        self._words: deque[str] = deque(maxlen=WORDS_KEPT)

    async def run(
        self, *, task_status: trio.TaskStatus[Mapping[str, str]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run until it ends; when cancelled, tell it to end and see to it that it does.

        Starts, once the program is ready, with the names and addresses of its listeners. Each line of its log
        goes to `log`. Raises ProgramError where it ends before it is ready, or does not get ready in time.
        """
        command = [*COMMAND, self.name]
        open_process = partial(
            trio.lowlevel.open_process,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        process = await open_process(command, env=self._environment, start_new_session=True)
        self._process = process
        lines = _Lines(process)
        try:
            task_status.started(await self._ready(process, lines))
            async for line in lines:
                self._log(line)
            await process.wait()
        finally:
            most = trio.current_time() + GRACE_SECONDS + 2 * KILLED_SECONDS
            with trio.CancelScope(shield=True, deadline=most):
                await self._end(process, lines)

    @property
    def pid(self) -> int:
        """The process's number. Raises RuntimeError before it is started."""
        if self._process is None:
            raise RuntimeError(f"wavstream {self.name} has not been started")
        return self._process.pid

    def stop(self) -> None:
        """Tell it to end within its grace (TERM). The second time it ends at once."""
        self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, while it lives."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _ready(self, process: trio.Process, lines: "_Lines") -> Mapping[str, str]:
        """Read the log up to the line that says `ready`. Returns its addresses."""
        with trio.move_on_after(READY_SECONDS):
            async for line in lines:
                self._log(line)
                addresses = self._addresses(line)
                if addresses is not None:
                    return addresses
            status = status_of(await process.wait())
            raise ProgramError(self._last_words(status), status)
        raise ProgramError(f"wavstream {self.name} was not ready within {READY_SECONDS:.0f} s", 1)

    async def _end(self, process: trio.Process, lines: "_Lines") -> None:
        """Whatever happened: no child is left behind, and what it still had to say has been heard."""
        with trio.move_on_after(GRACE_SECONDS):
            if process.returncode is None:
                process.terminate()
                async for line in lines:
                    self._log(line)
            await process.wait()
        if process.returncode is None:
            process.kill()
            with trio.move_on_after(KILLED_SECONDS):
                await process.wait()
        if process.stderr is not None:
            await process.stderr.aclose()
        self.status = None if process.returncode is None else status_of(process.returncode)
        self.ended.set()

    def _addresses(self, line: str) -> Mapping[str, str] | None:
        """The addresses of the line that says `ready`; every other line is kept for the worst case."""
        said = parsed(line)
        if said.get("event") != "ready":
            self._words.append(plain(line))
            return None
        return {name: str(value) for name, value in said.items() if name not in LOG_FIELDS}

    def _last_words(self, status: int) -> str:
        words = next(
            (line for line in reversed(self._words) if line.strip()), f"it ended with status {status}"
        )
        return f"wavstream {self.name} did not start: {words.removeprefix('wavstream: ')}"


LOG_FIELDS = frozenset({"event", "level", "logger", "timestamp"})
"""What every line of a log has; the other fields are what it reports."""


def parsed(line: str) -> Mapping[str, Any]:
    """The fields of one line of a JSON log; none where it is something else."""
    try:
        fields = json.loads(line)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def plain(line: str) -> str:
    """A line of a log for a person: the event and its fields, without time and level."""
    said = parsed(line)
    if "event" not in said:
        return line
    fields = (
        f"{name}={value}" for name, value in said.items() if name not in LOG_FIELDS and name != "exception"
    )
    return "  ".join((str(said["event"]), " ".join(fields))).strip()


def status_of(returncode: int) -> int:
    """The exit status as a shell gives it."""
    return returncode if returncode >= 0 else 128 - returncode


def without(names: frozenset[str]) -> dict[str, str]:
    """The environment of this process without these variables."""
    return {name: value for name, value in os.environ.items() if name not in names}


class _Lines:
    """The lines of a process's standard error, until it closes it."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._rest = b""

    def __aiter__(self) -> "_Lines":
        return self

    async def __anext__(self) -> str:
        stream = self._process.stderr
        while b"\n" not in self._rest and len(self._rest) < MAX_LINE_BYTES:
            piece = await stream.receive_some() if stream is not None else b""
            if not piece:
                break
            self._rest += piece
        if not self._rest:
            raise StopAsyncIteration
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace")
