"""What a program takes of the machine, read from /proc once a second; and how quickly it answers."""

import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import trio

from daemon.programs import Program

EVERY_SECONDS = 1.0
ASK_SECONDS = 0.5
ANSWER_SECONDS = 15.0
LINES_KEPT = 1000
MB = 1024
MORE_RSS = 128 * MB
"""The bound: 1024 connections of 100 kB at their worst, and a slow hash of 16 MB."""


@dataclass(frozen=True)
class Taken:
    """Memory in kB (proc(5): VmRSS, VmHWM), open descriptors, seconds of CPU."""

    rss: int
    most_rss: int
    descriptors: int
    cpu_seconds: float


def taken(program: Program) -> Taken:
    """What it takes now."""
    proc = Path(f"/proc/{program.pid}")
    status = dict(
        line.split(":", 1)
        for line in (proc / "status").read_text(encoding="ascii").splitlines()
        if ":" in line
    )
    spent = (proc / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return Taken(
        rss=int(status["VmRSS"].split()[0]),
        most_rss=int(status["VmHWM"].split()[0]),
        descriptors=sum(1 for _ in (proc / "fd").iterdir()),
        cpu_seconds=sum(map(int, spent)) / os.sysconf("SC_CLK_TCK"),
    )


@dataclass
class Watch:
    """One program, watched."""

    program: Program = field(init=False)
    log_bytes: int = 0
    samples: list[Taken] = field(default_factory=list)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    """Its latest log lines that tell of no peer."""

    async def run(self) -> None:
        """Look once a second until cancelled."""
        while True:
            self.samples.append(taken(self.program))
            await trio.sleep(EVERY_SECONDS)

    def log(self, line: str) -> None:
        """Count what it logs, and keep what could explain a recording that is not exact."""
        self.log_bytes += len(line) + 1
        if '"peer"' not in line:
            self.lines.append(line)

    @property
    def peak(self) -> Taken:
        """The most of each; of CPU all that was spent."""
        first, last = self.samples[0], self.samples[-1]
        return Taken(
            rss=last.most_rss,
            most_rss=last.most_rss,
            descriptors=max(sample.descriptors for sample in self.samples),
            cpu_seconds=last.cpu_seconds - first.cpu_seconds,
        )


@dataclass
class Polite:
    """Somebody who asks properly, each time on a new connection, and how long the answers took."""

    url: str
    seconds: list[float] = field(default_factory=list)
    failures: int = 0

    async def run(self) -> None:
        """Ask twice a second until cancelled."""
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as http:
            while True:
                await self._ask(http)
                await trio.sleep(ASK_SECONDS)

    async def _ask(self, http: httpx.AsyncClient) -> None:
        began = trio.current_time()
        try:
            answer = await http.get(f"{self.url}/health", headers={"Connection": "close"})
            self.failures += answer.status_code != httpx.codes.OK
        except httpx.HTTPError:
            self.failures += 1
        self.seconds.append(trio.current_time() - began)

    @property
    def words(self) -> str:
        """What came of it."""
        return (
            f"{len(self.seconds)} asked, {self.failures} failed; median {median(self.seconds):.3f} s, "
            f"longest {max(self.seconds):.3f} s"
        )
