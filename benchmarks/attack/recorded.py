"""Calls that are recorded while something else goes on, and what is to be said of them."""

from collections.abc import Iterable
from dataclasses import dataclass

import httpx
from rich.console import Console

from benchmarks.attack.stage import Stage
from benchmarks.attack.watch import Watch
from daemon import speech
from daemon.caller import campaign
from daemon.caller.campaign import Placed
from daemon.caller.pace import Spoken
from daemon.caller.sound import lasting, load
from daemon.caller.talk import Talk
from daemon.caller.verdict import judged
from daemon.client import ApiError
from daemon.media.codecs import PCMU


@dataclass(frozen=True)
class Judged:
    """One recording: whose, what is said of it, and whether it is exact."""

    session_uuid: str
    words: str
    exact: bool


async def recorded(stage: Stage, seconds: float, calls: int) -> list[Judged]:
    """Place calls and have them recorded. What goes wrong is a verdict as well."""
    talk = Talk.of(lasting(load(speech.CALLER, PCMU.rate), round(seconds * PCMU.rate)), PCMU, 0)
    spoken = Spoken(0.0, PCMU.rate)

    def said(now: Spoken) -> None:
        nonlocal spoken
        spoken = now

    try:
        async with stage.client("victim") as client:
            placed = await campaign.record(client, talk, calls, said)
        async with httpx.AsyncClient(trust_env=False) as http:
            verdicts = [(call, await judged(http, talk, spoken, call)) for call in placed]
    except ApiError as wrong:
        return [Judged("", str(wrong), exact=False)]
    return [
        Judged(call.session.session_uuid, f"{verdict.words}; {_told(call, spoken)}", verdict.exact)
        for call, verdict in verdicts
    ]


def _told(call: Placed, spoken: Spoken) -> str:
    """What would explain a difference: how late the caller was, and what the daemon made of it."""
    audio = call.recording.audio.get("caller", {}) if call.recording else {}
    counts = {name: audio[name] for name in ("late", "early", "duplicate") if audio.get(name)}
    counts |= {name: leg[name] for leg in call.legs for name in ("lost", "anchors", "corrected")}
    return f"the caller was late by {spoken.latest:.3f} s at most; {counts}"


def explain(console: Console, watches: Iterable[Watch], verdicts: Iterable[Judged]) -> None:
    """All that the logs say of a call whose recording is not exact."""
    lines = [line for watch in watches for line in watch.lines]
    for verdict in verdicts:
        if not verdict.exact and verdict.session_uuid:
            for line in lines:
                if verdict.session_uuid in line:
                    console.print(line, markup=False, highlight=False)
