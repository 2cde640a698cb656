"""Attack both programs for a minute while calls are recorded, and judge: `make attack`.

Everything stays on this machine's loopback, and ends by itself. Exit status 0 only if memory stayed within
its bound, every recording is exact, and afterwards both programs stand as before.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import trio
from rich.console import Console
from rich.table import Table

from benchmarks.attack.recorded import Judged, explain, recorded
from benchmarks.attack.stage import Stage, opened
from benchmarks.attack.watch import MB, MORE_RSS, Polite, Taken, Watch, taken

SECONDS = 60.0
CALLS = 5
LEAD_SECONDS = 3.0
"""The calls are under way before the attack begins, and outlast it."""
RECOVER_SECONDS = 35.0
"""After the attack, until all that it opened is closed: the longest deadline of a connection is 30 s."""
MORE_RSS_AFTER = 48 * MB
"""What may stay of it: the allocator keeps small blocks for the next time."""
MORE_DESCRIPTORS_AFTER = 10
"""Connections of those who ask properly, kept for a while."""
LONGEST_AFTER_SECONDS = 1.0
"""For an answer afterwards, on a busy machine."""


@dataclass(frozen=True)
class Course:
    """How one attack went."""

    watches: dict[str, Watch]
    before: dict[str, Taken]
    during: Polite
    verdicts: list[Judged]
    outcomes: list[tuple[str, str, int]]
    after: dict[str, Taken]
    afterwards: list[Judged]
    polite_after: Polite


async def _attacked(stage: Stage, seconds: float) -> list[tuple[str, str, int]]:
    """Let the attackers loose; what came of it."""
    async with stage.client("attacker") as client:
        session = await client.create_session()
    orders = {
        "daemon": str(stage.api),
        "downloads": str(stage.downloads),
        "ingest": str(stage.ingest),
        "key": stage.keys["attacker"],
        "token": stage.token,
        "node": session.session_uuid.partition("-")[0],
        "session_uuid": session.session_uuid,
        "seconds": seconds,
    }
    command = [sys.executable, "-m", "benchmarks.attack.attackers", json.dumps(orders)]
    done = await trio.run_process(command, capture_stdout=True)
    return [(attack, outcome, count) for attack, outcome, count in json.loads(done.stdout or b"")]


async def _course(folder: Path, seconds: float) -> Course:
    async with opened(folder) as stage:
        watches = stage.watches
        await recorded(stage, 2, 1)  # so that everything has been used once
        before = {name: taken(watch.program) for name, watch in watches.items()}
        verdicts: list[Judged] = []

        async def record() -> None:
            verdicts.extend(await recorded(stage, seconds + 2 * LEAD_SECONDS, CALLS))

        during, polite_after = Polite(f"http://{stage.api}"), Polite(f"http://{stage.api}")
        async with trio.open_nursery() as watching:
            for watch in watches.values():
                watching.start_soon(watch.run)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(record)
                await trio.sleep(LEAD_SECONDS)
                async with trio.open_nursery() as attacking:
                    attacking.start_soon(during.run)
                    outcomes = await _attacked(stage, seconds)
                    attacking.cancel_scope.cancel()
            await trio.sleep(RECOVER_SECONDS)
            after = {name: taken(watch.program) for name, watch in watches.items()}
            watching.start_soon(polite_after.run)
            afterwards = await recorded(stage, 3, 1)
            watching.cancel_scope.cancel()
        return Course(watches, before, during, verdicts, outcomes, after, afterwards, polite_after)


def _tables(course: Course, seconds: float) -> list[Table]:
    took = Table("program", "", "before", "peak", "after", "at most", title=f"{seconds:g} s of attack")
    for name, watch in course.watches.items():
        three = course.before[name], watch.peak, course.after[name]
        bound = f"{(course.before[name].rss + MORE_RSS) / MB:.0f}"
        took.add_row(name, "RSS, MB", *(f"{each.rss / MB:.0f}" for each in three), bound)
        took.add_row("", "descriptors", *(str(each.descriptors) for each in three), "")
        took.add_row("", "CPU, s", "", f"{watch.peak.cpu_seconds:.1f}", "", "")
        took.add_row("", "log, kB", "", f"{watch.log_bytes / 1000:.0f}", "", "")
    came = Table("attack", "what came of it: answers by status, connections cut, ...")
    for attack in dict.fromkeys(attack for attack, _, _ in course.outcomes):
        found = (f"{outcome}: {count:,}" for name, outcome, count in course.outcomes if name == attack)
        came.add_row(attack, ", ".join(found))
    answered = sum(count for _, outcome, count in course.outcomes if outcome.isdecimal())
    came.add_row("all", f"{answered:,} answers, {answered / seconds:,.0f} a second")
    heard = Table("meanwhile", "")
    for number, verdict in enumerate(course.verdicts, 1):
        heard.add_row(f"recording {number} under attack", verdict.words)
    for verdict in course.afterwards:
        heard.add_row("a recording afterwards", verdict.words)
    heard.add_row("somebody who asks properly", course.during.words)
    heard.add_row("afterwards", course.polite_after.words)
    return [came, took, heard]


def _wrong(course: Course) -> list[str]:
    """What did not hold, in words."""
    said = []
    for name, watch in course.watches.items():
        before, after = course.before[name], course.after[name]
        if watch.peak.rss > before.rss + MORE_RSS:
            said.append(f"{name} took more memory than its bound")
        if after.rss > before.rss + MORE_RSS_AFTER:
            said.append(f"{name} did not give its memory back")
        if after.descriptors > before.descriptors + MORE_DESCRIPTORS_AFTER:
            said.append(f"{name} did not close its descriptors")
    if len(course.verdicts) != CALLS or not all(verdict.exact for verdict in course.verdicts):
        said.append("not every recording under attack is exact")
    if not all(verdict.exact for verdict in course.afterwards):
        said.append("the recording after the attack is not exact")
    if course.polite_after.failures or max(course.polite_after.seconds) > LONGEST_AFTER_SECONDS:
        said.append("the daemon does not answer as before")
    return said


def main() -> int:
    """Run it and print what came of it."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory() as folder:
        course = trio.run(_course, Path(folder), seconds)
    console = Console(width=None if sys.stdout.isatty() else 110)
    for table in _tables(course, seconds):
        console.print(table)
    explain(console, course.watches.values(), [*course.verdicts, *course.afterwards])
    wrong = _wrong(course)
    console.print("; ".join(wrong) or "All of it held.")
    return 1 if wrong else 0


sys.exit(main())
