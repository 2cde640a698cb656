"""Recordings of what other programs say: several at once, each in a call of its own."""

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import soundfile
import trio

from daemon.caller.campaign import COOLDOWN_SECONDS
from daemon.client import Client
from daemon.media.codecs import Samples
from tests import web
from tests.end_to_end.house import PATIENCE_SECONDS
from tests.peers.peer import Peer, Ports
from tests.peers.witness import Arrival, Witness, stamps

BEFORE_SECONDS = 0.2
"""What the first packet holds was spoken before it came: so long at the most."""
AFTER_SECONDS = 0.5
"""From a program's end to the stop: one that is 0.25 s ahead of its time has spoken by then."""
TRIES = 5
LATE_SECONDS = 0.15
"""A packet so late was held up by the machine."""
SLACK_SECONDS = 0.05
"""A program all of whose packets are so much later, or earlier, than the first was held up as well."""


@dataclass(frozen=True, kw_only=True)
class Take:
    """One recording, and what is known of it."""

    peer: Peer
    samples: Samples
    rate: int
    recording: Mapping[str, Any]
    """As the daemon shows it."""
    leg: Mapping[str, Any]
    """How the daemon heard it."""
    spoke: tuple[float, float]
    """Between which times (seconds since the epoch) the program ran."""
    before: Sequence[Arrival]
    after: Sequence[Arrival]
    """The same packets at two witnesses: the leg got each of them in between. Empty where there were none."""

    @property
    def began(self) -> tuple[float, float]:
        """Between which times (seconds since the epoch) the leg got the first packet."""
        if self.peer.witnessed:
            return self.before[0].at, self.after[0].at
        start, end = self.spoke
        return start, end - len(self.peer.said) / self.peer.rate + (self.peer.ptime or 0.0)

    @property
    def first_seconds(self) -> float:
        """How long the first packet lasts."""
        if self.peer.witnessed:
            return stamps(self.before, self.peer.codec.clock_rate)[1]
        return self.peer.ptime or 0.0

    @property
    def held_up(self) -> bool:
        """Whether the machine kept the program from speaking in time: its recording has to be wrong then."""
        if not self.peer.witnessed:  # the daemon has seen what we have not
            return bool(self.leg["corrected"]) or self.leg["anchors"] != 1
        due = stamps(self.before, self.peer.codec.clock_rate)
        late = [each.at - self.before[0].at - stamp for each, stamp in zip(self.before, due, strict=True)][1:]
        early = -self.peer.ahead - SLACK_SECONDS
        return max(late) > LATE_SECONDS or not early < min(late) < SLACK_SECONDS


async def in_time(client: Client, peers: Sequence[Peer]) -> list[Take]:
    """Record them all at the same time; what a busy machine held up is said again."""
    takes: list[Take] = []

    async def one(peer: Peer) -> None:
        for _ in range(TRIES):
            take = await record(client, peer)
            if not take.held_up:
                takes.append(take)
                return
        pytest.fail(f"the machine is too busy for {peer.name} to speak in real time")

    async with trio.open_nursery() as nursery:
        for peer in peers:
            nursery.start_soon(one, peer)
    return takes


async def record(client: Client, peer: Peer) -> Take:
    """Start a recording, let the program speak until it ends, and stop."""
    session = await client.create_session(**peer.told)
    uuid = session.session_uuid
    with Witness() as before, Witness() as after:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(before.listen)
            nursery.start_soon(after.listen)
            await client.command(uuid, "record/start")
            cooled = trio.current_time() + COOLDOWN_SECONDS
            await trio.sleep(BEFORE_SECONDS)
            spoke = time.time()
            await peer.speak(Ports(before.port, session.rtp["caller"].port, after.port))
            spoken = time.time()
            await trio.sleep_until(max(cooled, trio.current_time() + AFTER_SECONDS))
            await client.command(uuid, "record/stop")
            nursery.cancel_scope.cancel()
    view = await _completed(client, uuid)
    samples, rate = await _downloaded(view["recording"]["recording_url"])
    return Take(
        peer=peer,
        samples=samples,
        rate=rate,
        recording=view["recording"],
        leg=view["legs"][0],
        spoke=(spoke, spoken),
        before=before.arrivals,
        after=after.arrivals,
    )


async def _completed(client: Client, session_uuid: str) -> Mapping[str, Any]:
    with trio.fail_after(PATIENCE_SECONDS):
        while True:
            view = await client.show(session_uuid)
            if view["recording"]["state"] == "completed":
                return view
            await trio.sleep(0.05)


async def _downloaded(url: str) -> tuple[Samples, int]:
    async with web.client() as http:
        answer = await http.get(url)
    samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="int16")
    return np.asarray(samples, np.int16), rate
