"""Whole calls through both programs: real RTP in, the finished file out, compared sample for sample."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import trio

from daemon.caller import campaign
from daemon.caller.campaign import Placed
from daemon.caller.compare import compare
from daemon.caller.lines.rtp import RtpLine
from daemon.caller.pace import Spoken, say
from daemon.caller.talk import Talk
from daemon.caller.verdict import judged
from daemon.client import Client, Session
from tests import web
from tests.end_to_end.house import PATIENCE_SECONDS, House, dump, opened, spoken_seconds

Meanwhile = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Let the call be."""


def files(folder: Path) -> list[Path]:
    """The recordings on the disk."""
    return list(folder.rglob("*.wav"))


@asynccontextmanager
async def speaking(session: Session, talk: Talk) -> AsyncIterator[None]:
    """Somebody says the talk while the block runs."""
    with RtpLine(session.rtp["caller"]) as line:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(say, talk, [line])
            yield
            nursery.cancel_scope.cancel()


async def recorded(
    client: Client, talk: Talk, calls: int, *, packet: int = 0, meanwhile: Meanwhile = nothing
) -> tuple[Spoken, list[Placed]]:
    """Record calls; after so many packets of the talk, do something else at the same time."""
    reached = trio.Event()
    measure: list[Spoken] = []

    def said(spoken: Spoken) -> None:
        measure[:] = [spoken]
        if spoken.packets > packet:
            reached.set()

    async def interfere() -> None:
        await reached.wait()
        await meanwhile()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(interfere)
        placed = await campaign.record(client, talk, calls, said)
    return measure[0], placed


async def assert_exact(talk: Talk, spoken: Spoken, placed: list[Placed], house: House) -> None:
    """Every sample of what was said is in each file, in order, at its time, and nothing else is."""
    async with web.client() as http:
        for call in placed:
            verdict = await judged(http, talk, spoken, call)
            told = f"the caller was late by {spoken.latest:.3f} s at most; {call.legs} {call.recording}"
            assert verdict.exact, f"{verdict.words}\n{told}\n{dump(house)}"


@pytest.mark.contract("record-start", "record-stop", "program-daemon-server")
async def test_ten_calls_at_once_are_each_recorded_exactly(tmp_path: Path) -> None:
    talk = spoken_seconds(3)
    with trio.fail_after(PATIENCE_SECONDS):
        async with opened(tmp_path) as house, house.application() as client:
            spoken, placed = await recorded(client, talk, 10)
            assert len({call.recording.recording_id for call in placed if call.recording}) == 10
            await assert_exact(talk, spoken, placed, house)


@pytest.mark.contract("wavstream-away")
async def test_wavstream_killed_in_mid_call_costs_no_sample(tmp_path: Path) -> None:
    talk = spoken_seconds(4)
    with trio.fail_after(2 * PATIENCE_SECONDS):
        async with opened(tmp_path) as house, house.application() as client:

            async def kill() -> None:
                assert await house.end(house.server, signal.SIGKILL) == 128 + signal.SIGKILL
                await house.start_server()

            spoken, placed = await recorded(client, talk, 3, packet=75, meanwhile=kill)
            await assert_exact(talk, spoken, placed, house)


async def test_wavstream_told_to_end_in_mid_call_leaves_whole_files_and_goes_on_after_its_restart(
    tmp_path: Path,
) -> None:
    talk = spoken_seconds(4)
    left: list[Path] = []
    with trio.fail_after(2 * PATIENCE_SECONDS):
        async with opened(tmp_path) as house, house.application() as client:

            async def restart() -> None:
                assert await house.end(house.server, signal.SIGTERM) == 0
                left.extend(files(tmp_path))
                for path in left:
                    kept, rate = soundfile.read(path, dtype="int16")
                    assert rate == 8000
                    assert len(kept) > 0
                    assert compare(kept, talk.heard, near=0).stray == 0
                await house.start_server()

            spoken, placed = await recorded(client, talk, 3, packet=100, meanwhile=restart)
            assert len(left) == 3
            await assert_exact(talk, spoken, placed, house)


async def test_the_daemon_told_to_end_in_mid_call_finishes_its_recordings(tmp_path: Path) -> None:
    talk = spoken_seconds(6)
    with trio.fail_after(2 * PATIENCE_SECONDS):
        async with opened(tmp_path) as house, house.application() as client:
            session = await client.create_session()
            await client.command(session.session_uuid, "record/start")
            async with speaking(session, talk):
                await house.logged("recording started", session=session.session_uuid)
                await trio.sleep(1.5)  # so that there is something to keep
                assert await house.end(house.daemon, signal.SIGTERM) == 0
            (path,) = files(tmp_path)
            kept = np.asarray(soundfile.read(path, dtype="int16")[0])
            found = compare(kept, talk.heard, near=0, speech=range(8000))
            assert found.exact, dump(house)
            await house.start_daemon()
            view = await client.recording(session.session_uuid)
            assert view is not None
            assert view.state == "completed"
            assert view.url is not None
            async with web.client() as http:
                assert (await http.get(view.url)).content == path.read_bytes()


async def test_the_daemon_killed_in_mid_call_still_has_one_end_for_its_recording(tmp_path: Path) -> None:
    talk = spoken_seconds(6)
    with trio.fail_after(2 * PATIENCE_SECONDS):
        async with (
            opened(tmp_path, WAVSTREAM_ORPHAN_SECONDS="1") as house,
            house.application() as client,
        ):
            session = await client.create_session()
            await client.command(session.session_uuid, "record/start")
            async with speaking(session, talk):
                await trio.sleep(2)  # so that there is something to keep
                await house.end(house.daemon, signal.SIGKILL)
            await house.start_daemon()
            await house.logged("recording settled", changed=True)
            view = await client.recording(session.session_uuid)
            assert view is not None
            assert view.state == "completed"
            (path,) = files(tmp_path)
            kept = np.asarray(soundfile.read(path, dtype="int16")[0])
            assert compare(kept, talk.heard, near=0, speech=range(4000)).exact, dump(house)
