"""Calls over every kind of leg, through both programs: each sample at its time in the file."""

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from daemon.caller import campaign
from daemon.caller.faults import Faults
from daemon.caller.pace import Spoken
from daemon.caller.verdict import Verdict, judged
from daemon.cli.callprepared import Asked, prepared
from daemon.client import Client
from tests import web
from tests.end_to_end.house import PATIENCE_SECONDS, dump, opened

DATAGRAMS = [
    Asked(codec="L16/16000", ptime=30, faults=Faults(loss=5, burst=3, reorder=5)),
    Asked(codec="G722", faults=Faults(loss=5, duplicate=5, dtx=True)),
    Asked(legs=2, faults=Faults(loss=10)),
    Asked(codec="PCMA", faults=Faults(jitter=0.04, skew=200, reorder=5)),
]
CONNECTIONS = [
    Asked(leg="audiosocket", rate=16000, legs=2),
    Asked(leg="audiosocket", rate=44100, faults=Faults(gap=(0.6, 1), jitter=0.02)),
]
WEBSOCKETS = [
    Asked(leg="audio-stream"),
    Asked(leg="audio-stream", rate=16000, legs=2),
    Asked(leg="audio-fork", legs=2, faults=Faults(jitter=0.03)),
    Asked(leg="audio-fork", rate=48000),
    Asked(leg="chan-websocket", rate=16000, faults=Faults(gap=(0.6, 1))),
    Asked(leg="chan-websocket-json", codec="PCMU", legs=2),
    Asked(leg="twilio", legs=2),
    Asked(leg="twilio", faults=Faults(gap=(0.6, 1), jitter=0.02)),
    Asked(leg="telnyx", codec="PCMA", faults=Faults(reorder=10)),
]


async def verdict(client: Client, asked: Asked) -> Verdict:
    """Place a call and record it; what its recording is worth."""
    talk, manner = prepared(asked)
    measured: list[Spoken] = []
    (call,) = await campaign.record(client, talk, 1, measured.append, manner=manner, **manner.session(talk))
    async with web.client() as http:
        return await judged(http, talk, measured[-1], call, manner)


@pytest.mark.contract("program-call")
async def test_calls_over_every_leg_are_exact(tmp_path: Path) -> None:
    verdicts: list[tuple[Asked, Verdict]] = []
    with trio.fail_after(2 * PATIENCE_SECONDS):
        async with (
            opened(tmp_path, RECORDING_CHANNELS="stereo") as house,
            house.application() as client,
        ):

            async def call(asked: Asked) -> None:
                verdicts.append((asked, await verdict(client, asked)))

            async with trio.open_nursery() as nursery:
                for asked in [*DATAGRAMS, *CONNECTIONS, *WEBSOCKETS]:
                    nursery.start_soon(call, replace(asked, seconds=2.0))
    for asked, found in verdicts:
        assert found.exact, f"{asked}\n{found.words}\n{dump(house)}"
