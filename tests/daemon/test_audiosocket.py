"""Calls by AudioSocket through a whole daemon: over the API, into the leg, and to wavstream's file."""

import io
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
import soundfile
import trio
from structlog.testing import capture_logs

from daemon.media.audiosocket import KINDS
from daemon.media.codecs import RATES
from tests import web
from tests.daemon.legs.switch import Switch, audio, until
from tests.daemon.running import Application, Daemon, both, running, speak


def connected(daemon: Daemon, session: dict[str, Any], leg: int = 0) -> Switch:
    """A switch with the UUID that the API named."""
    told = session["media"]["audiosocket"][leg]
    return Switch(daemon.listening.audiosocket, UUID(told["uuid"]))


class Line:
    """What a switch sends all the time: 20 ms after 20 ms, silence where nothing is said."""

    def __init__(self, switch: Switch, rate: int) -> None:
        self._switch = switch
        self._kind = KINDS[rate]
        self._step = rate // 50
        self._unsaid = np.zeros(0, "<i2")
        self._silent = trio.Event()

    async def run(self) -> None:
        """Send until cancelled."""
        began, number = trio.current_time(), 0
        while True:
            await trio.sleep_until(began + number * 0.02)
            said, self._unsaid = self._unsaid[: self._step], self._unsaid[self._step :]
            frame = np.pad(said, (0, self._step - len(said)))
            self._switch.send(audio(frame.tobytes(), kind=self._kind))
            number += 1
            if not len(self._unsaid):
                self._silent.set()

    def say(self, voice: np.ndarray[Any, Any]) -> None:
        """Say it, from the next frame on."""
        self._unsaid, self._silent = voice.astype("<i2"), trio.Event()

    async def silent(self) -> None:
        """Wait until all has been said."""
        await self._silent.wait()


async def kind(shop: Application, session: dict[str, Any], kind: str, state: str = "active") -> None:
    """Wait until the caller's leg is fed so."""
    await shop.until(
        session["session_uuid"],
        lambda view: (view["legs"][0]["kind"], view["legs"][0]["state"]) == (kind, state),
    )


@pytest.mark.parametrize("rate", RATES)
async def test_a_call_of_any_rate_is_recorded_exactly_while_silence_goes_back(
    tmp_path: Path, rate: int
) -> None:
    voice = np.random.default_rng(1).integers(1, 30_000, rate // 2).astype(np.int16)  # half a second
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        session = await shop.created()
        uuid = session["session_uuid"]
        with closing(connected(daemon, session)) as switch:
            async with trio.open_nursery() as nursery:
                line = Line(switch, rate)
                nursery.start_soon(line.run)
                await kind(shop, session, "audiosocket")
                await shop.command(uuid, "record/start")
                await shop.recording(uuid, "recording")
                await trio.sleep(0.2)  # order alone places to 60 ms: it might begin before the recording
                line.say(voice)
                await line.silent()
                await trio.sleep(2)  # the commands' cooldown
                nursery.cancel_scope.cancel()
            assert {frame.kind for frame in switch.heard()} >= {KINDS[rate]}
            await shop.command(uuid, "record/stop")
        kept = await shop.recording(uuid, "completed")
        async with web.client() as http:
            body = (await http.get(kept["recording_url"])).content
        recorded, its_rate = soundfile.read(io.BytesIO(body), dtype="int16")
        assert its_rate == rate
        loud = np.flatnonzero(recorded)
        assert np.array_equal(recorded[loud[0] : loud[-1] + 1], voice)


async def test_a_leg_is_fed_by_the_first_that_comes_and_the_other_is_closed_to(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        first = await shop.created()
        switch = connected(daemon, first)
        await kind(shop, first, "audiosocket", "waiting")
        speak(first)  # into a port that is closed by now, or that nobody reads
        switch.send(audio(bytes(320)))
        await kind(shop, first, "audiosocket")
        switch.close()

        second = await shop.created()
        speak(second)
        await kind(shop, second, "rtp")
        with capture_logs() as logged:
            late = connected(daemon, second)
            await late.closed()
            await until(lambda: [line for line in logged if line["event"] == "connection refused"])
        late.close()


async def test_a_uuid_that_nobody_registered_begins_a_call_of_the_configured_application(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, audiosocket_app="shop") as daemon:
        name = uuid4()
        with capture_logs() as logged:
            early = Switch(daemon.listening.audiosocket, name)
            await early.closed()  # there is no such application yet
            await until(lambda: [line for line in logged if "no such application" in line.get("error", "")])
        async with daemon.application() as shop:
            switch = Switch(daemon.listening.audiosocket, name)
            switch.send(audio(bytes(320)))
            page: dict[str, Any] = {"sessions": []}
            while not page["sessions"]:
                page = (await shop.http.get("/api/v1/sessions")).json()
            view = await shop.until(
                page["sessions"][0]["session_uuid"], lambda view: view["state"] == "active"
            )
            assert view["media"]["audiosocket"][0]["uuid"] == str(name)
            assert view["legs"][0]["connected"]
            switch.close()
            early.close()


async def test_a_call_that_ends_closes_its_connection_and_tells_how_it_was_heard(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.created()
        switch = connected(daemon, session)
        switch.send(audio(bytes(320)))
        await kind(shop, session, "audiosocket")
        await shop.command(session["session_uuid"], "hangup")
        with trio.fail_after(30):
            await switch.closed()
        view = await shop.until(session["session_uuid"], lambda view: view["state"] == "ended")
        assert view["legs"][0]["frames"] == 1
        assert view["media"] == {"rtp": [], "audiosocket": [], "websocket": []}
        switch.close()


async def test_a_leg_that_wants_none_gets_no_silence(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.application() as shop:
        loud, quiet = await shop.created(), await shop.created(silence=False)
        with closing(connected(daemon, loud)) as one, closing(connected(daemon, quiet)) as other:
            for session, switch in ((loud, one), (quiet, other)):
                switch.send(audio(bytes(320)))
                await kind(shop, session, "audiosocket")
                await shop.command(session["session_uuid"], "record/start")
                await shop.recording(session["session_uuid"], "recording")
            await shop.until(loud["session_uuid"], lambda view: view["legs"][0]["silence_frames"] > 3)
            view = (await shop.http.get(f"/api/v1/sessions/{quiet['session_uuid']}")).json()
            assert view["legs"][0]["silence_frames"] == 0
            assert one.heard()
            assert other.heard() == []
