"""Ask one running daemon for a million sessions that there are not, while calls are recorded: `make ids`.

Shown and commanded in turn, with a valid key that may ask as often as it can. It takes as long as a million
answers take: the best part of an hour. Exit status 0 only if every one of them was 404, memory stayed within
the attack's bound, and every recording that ran meanwhile is exact.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.attack.http import credentials, session_request
from benchmarks.attack.recorded import Judged, explain, recorded
from benchmarks.attack.stage import Stage, opened
from benchmarks.attack.watch import MB, MORE_RSS, taken
from benchmarks.attack.wire import READ_BYTES, STATUS, connected
from wavstream.process.settings import parse_address

IDS = 1_000_000
CONNECTIONS = 16
BATCH = 32
"""Requests sent together: what the attacker itself does shall not be what is measured."""
BATCHES = 30
"""On one connection: after a thousand requests the daemon closes it."""
CALLS = 2
CALL_SECONDS = 60.0
"""One round of calls after the other for as long as it takes."""
BATCH_SECONDS = 60.0
STATUS_BYTES = len("HTTP/1.1 404 ")
NICENESS = 10


async def ask(orders: dict[str, str], count: int) -> Counter[str]:
    """Ask for `count` sessions, a line on standard output after every batch. Returns answers by status."""
    target, headers = parse_address(orders["daemon"]), credentials("attacker", orders["key"])
    answers: Counter[str] = Counter()

    async def attacker(batches: int) -> None:
        for done in range(0, batches, BATCHES):
            async with connected(target) as stream:
                for _ in range(min(BATCHES, batches - done)):
                    with trio.fail_after(BATCH_SECONDS):
                        await _batch(stream, answers, headers, orders["node"])
                    print(BATCH, flush=True)

    async with trio.open_nursery() as nursery:
        for number in range(CONNECTIONS):
            nursery.start_soon(attacker, len(range(number, count // BATCH, CONNECTIONS)))
    return answers


async def _batch(
    stream: trio.SocketStream, answers: Counter[str], headers: dict[str, str], node: str
) -> None:
    await stream.send_all(b"".join(session_request(headers, node, command=n % 2 > 0) for n in range(BATCH)))
    heard, known = b"", 0
    while known < BATCH:
        data = bytes(await stream.receive_some(READ_BYTES))
        if not data:
            raise trio.BrokenResourceError("the daemon closed the connection")
        found = STATUS.findall(heard + data)
        known += len(found)
        answers.update(status.decode() for status in found)
        heard = (heard + data)[1 - STATUS_BYTES :]


async def _asked(stage: Stage, count: int, done: Progress) -> Counter[str]:
    """The same in a process of its own."""
    async with stage.client("attacker") as client:
        session = await client.create_session()
    node = session.session_uuid.partition("-")[0]
    orders = {"daemon": str(stage.api), "key": stage.keys["attacker"], "node": node}
    command = [sys.executable, "-m", "benchmarks.attack.ids", str(count), json.dumps(orders)]
    task, answers = done.add_task("sessions that there are not", total=count), Counter[str]()
    async with trio.open_nursery() as nursery:
        process = await nursery.start(partial(trio.run_process, command, stdout=subprocess.PIPE))
        heard = b""
        async for data in process.stdout:
            *lines, heard = (heard + data).split(b"\n")
            for line in lines:
                if line.startswith(b"{"):
                    answers.update(json.loads(line))
                else:
                    done.advance(task, int(line))
    return answers


async def _course(folder: Path, count: int, console: Console) -> int:
    """All of it. Returns the exit status."""
    verdicts: list[Judged] = []
    async with opened(folder) as stage:
        await recorded(stage, 2, 1)  # so that everything has been used once
        before = taken(stage.daemon.program)

        async def record() -> None:
            while True:
                verdicts.extend(await recorded(stage, CALL_SECONDS, CALLS))

        began = trio.current_time()
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console) as done:
            async with trio.open_nursery() as recording:
                recording.start_soon(record)
                recording.start_soon(stage.daemon.run)
                answers = await _asked(stage, count, done)
                took = trio.current_time() - began
                recording.cancel_scope.cancel()
        peak = stage.daemon.peak
        await recorded(stage, 2, 1)
        explain(console, stage.watches.values(), verdicts)
    table = Table("a million ids", "", show_header=False)
    table.add_row("answers", ", ".join(f"{status}: {many:,}" for status, many in answers.items()))
    table.add_row(
        "time",
        f"{took:,.0f} s, {count / took:,.0f} a second, {1000 * peak.cpu_seconds / count:.1f} ms CPU each",
    )
    table.add_row(
        "daemon RSS before, peak, at most",
        f"{before.rss / MB:.0f}, {peak.rss / MB:.0f}, {(before.rss + MORE_RSS) / MB:.0f} MB",
    )
    exact = sum(verdict.exact for verdict in verdicts)
    table.add_row(f"recordings of {CALL_SECONDS:g} s meanwhile", f"{exact} of {len(verdicts)} exact")
    for verdict in verdicts:
        if not verdict.exact:
            table.add_row("not exact", verdict.words)
    console.print(table)
    held = answers == {"404": count} and peak.rss <= before.rss + MORE_RSS and exact == len(verdicts) > 0
    console.print("All of it held." if held else "It did not hold.")
    return 0 if held else 1


def main() -> int:
    """The judge, or (with orders) the attacker."""
    count = int(sys.argv[1]) // BATCH * BATCH if len(sys.argv) > 1 else IDS
    if len(sys.argv) > 2:
        os.nice(NICENESS)
        print(json.dumps(trio.run(ask, json.loads(sys.argv[2]), count)))
        return 0
    console = Console(width=None if sys.stdout.isatty() else 110)
    with tempfile.TemporaryDirectory() as folder:
        return trio.run(_course, Path(folder), count, console)


if __name__ == "__main__":
    sys.exit(main())
