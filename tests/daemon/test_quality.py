"""How good a recording is, or that it is in vain: through a whole daemon, as its application is told."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from daemon.api.document.events import EVENTS
from daemon.media import rtp
from tests.daemon.running import BOUND_SECONDS, Application, Daemon, both, speak
from tests.daemon.test_audiosocket import Line, connected, kind
from tests.daemon.webhooks.receiver import Receiver, receiving

pytestmark = pytest.mark.usefixtures("cheap_keys")

VOICE = np.full(4000, 1000, np.int16)
"""Half a second of what can be heard."""


async def event(receiver: Receiver, shop: Application, name: str, number: int = 1) -> dict[str, Any]:
    """The fields of the application's event of that name, once it has come and is signed and shaped right."""

    def found() -> list[dict[str, Any]]:
        bodies = (json.loads(taken.body) for taken in receiver.taken)
        return [body for body in bodies if body["event"] == name]

    with trio.fail_after(BOUND_SECONDS):
        while len(found()) < number:  # noqa: ASYNC110 - the receiver has no event to wait for
            await trio.sleep(0.01)
    assert shop.webhook_secret is not None
    for taken in receiver.taken:
        Webhook(shop.webhook_secret).verify(taken.body, taken.headers)
    fields = found()[number - 1]
    assert EVENTS[name].model_validate(fields).model_dump(mode="json", exclude_unset=True) == fields
    return fields


@pytest.mark.contract("event-recording-no-audio")
async def test_a_line_that_sends_zeros_is_told_of_while_it_is_recorded(tmp_path: Path) -> None:
    async with (
        receiving() as receiver,
        both(tmp_path, recording_no_audio_seconds=0.5) as (daemon, _),
        daemon.application(webhook_url=receiver.url, events=["recording.no_audio"]) as shop,
    ):
        session = await shop.created()
        uuid = session["session_uuid"]
        with capture_logs() as logs, closing(connected(daemon, session)) as switch:
            async with trio.open_nursery() as nursery:
                line = Line(switch, 8000)
                nursery.start_soon(line.run)
                await kind(shop, session, "audiosocket")
                await shop.command(uuid, "record/start", command_uid="start-1")
                told = await event(receiver, shop, "recording.no_audio")
                running = (await shop.show(uuid))["recording"]
                assert running["quality"]["caller"]["silent_seconds"] >= 0.5
                assert running["quality"]["caller"]["packets"] > 0
                line.say(VOICE)
                await shop.until(uuid, lambda view: view["recording"]["quality"]["caller"]["audible"])
                again = await event(receiver, shop, "recording.no_audio", 2)
                assert (await totals(shop))["no_audio_alarms"] >= 2
                nursery.cancel_scope.cancel()
    assert (told["recording_id"], told["command_uid"]) == (running["recording_id"], "start-1")
    assert told["legs"] == again["legs"] == ["caller"]
    assert told["silent_seconds"] >= 0.5
    # A machine that stops for half a second in the voice makes more of them, but of no other kind.
    assert {json.loads(taken.body)["event"] for taken in receiver.taken} == {"recording.no_audio"}
    warned = [line for line in logs if line["event"] == "recording hears nothing"]
    assert len(warned) >= 2
    assert all((line["session"], line["log_level"]) == (uuid, "warning") for line in warned)


@contextmanager
def sending(session: dict[str, Any]) -> Iterator[Callable[..., None]]:
    """Sends the packets of these numbers to the caller's leg, all from one address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        address = session["media"]["rtp"][0]

        def send(*numbers: int) -> None:
            for number in numbers:
                packet = rtp.build(
                    payload_type=0,
                    sequence=number,
                    timestamp=160 * number,
                    ssrc=7,
                    payload=bytes(range(160)),
                )
                caller.sendto(packet, (address["host"], address["port"]))

        yield send


async def recorded(daemon: Daemon, shop: Application, session: dict[str, Any]) -> None:
    """Record a call of two legs: RTP with faults, of which some come before the start, and AudioSocket."""
    uuid = session["session_uuid"]
    with sending(session) as send, closing(connected(daemon, session, leg=1)) as switch:
        send(0, 2)
        await shop.until(uuid, lambda view: view["legs"][0]["quality"]["packets"] == 2)
        await shop.command(uuid, "record/start")
        send(3, 4, 6, 5, 6, 9, 2)  # two are lost, one is overtaken, two come again
        async with trio.open_nursery() as nursery:
            line = Line(switch, 8000)
            line.say(VOICE)
            nursery.start_soon(line.run)
            await line.silent()
            await shop.until(uuid, lambda view: view["recording"]["quality"]["callee"]["audible"])
            nursery.cancel_scope.cancel()
        await shop.command(uuid, "hangup")


async def test_a_recording_s_quality_is_the_same_wherever_it_is_asked_for(tmp_path: Path) -> None:
    async with (
        receiving() as receiver,
        both(tmp_path) as (daemon, server),
        daemon.application(webhook_url=receiver.url) as shop,
    ):
        session = await shop.created(legs=2)
        uuid = session["session_uuid"]
        await recorded(daemon, shop, session)
        completed = await event(receiver, shop, "recording.completed")
        quality = completed["quality"]
        caller, callee = quality["caller"], quality["callee"]
        assert {name: caller[name] for name in ("packets", "lost", "reordered", "duplicates")} == {
            "packets": 5,
            "lost": 2,
            "reordered": 1,
            "duplicates": 2,
        }
        assert callee["packets"] >= 25  # half a second
        assert callee["jitter_ms"] is None
        assert completed["no_audio"] is False

        shown = (await shop.show(uuid))["recording"]
        listed = (await shop.http.get(f"/api/v1/sessions/{uuid}/recordings")).json()["recordings"][0]
        one = (await shop.http.get(f"/api/v1/sessions/{uuid}/recordings/{shown['recording_id']}")).json()
        for each in (shown, listed, one):
            assert (each["quality"], each["no_audio"]) == (quality, False)
        row = await server.one(shown["recording_id"], "completed")
        assert row["metadata"]["quality"] == quality
        beside = json.loads(server.file(row).with_suffix(".json").read_text())
        assert beside["metadata"]["quality"] == quality

        legs = (await shop.show(uuid))["legs"]
        assert [leg["quality"]["packets"] for leg in legs] == [7, callee["packets"]]
        assert [leg["quality"]["lost"] for leg in legs] == [3, 0]  # one before the recording
        assert all(leg["quality"]["unheard_seconds"] >= 0 for leg in legs)
        counted = await totals(shop)
    assert counted["packets_received"] == 7 + callee["packets"]
    assert (counted["packets_lost"], counted["packets_reordered"], counted["packets_duplicate"]) == (3, 1, 2)
    filled = caller["filled_seconds"] + callee["filled_seconds"]
    assert counted["audio_filled_seconds"] == pytest.approx(filled, abs=0.002)
    assert counted["recordings_without_audio"] == 0


async def totals(shop: Application) -> dict[str, float]:
    """The daemon's counters without labels, by the middle of their names."""
    lines = (await shop.http.get("/metrics")).text.splitlines()
    named = dict(line.rsplit(" ", 1) for line in lines if line.startswith("wavstream_daemon_"))
    return {
        name.removeprefix("wavstream_daemon_").removesuffix("_total"): float(value)
        for name, value in named.items()
        if name.endswith("_total")
    }


@pytest.mark.parametrize("packets", [0, 5])
async def test_a_recording_in_vain_says_so_when_it_is_completed(tmp_path: Path, packets: int) -> None:
    async with (
        receiving() as receiver,
        both(tmp_path) as (daemon, _),
        daemon.application(webhook_url=receiver.url) as shop,
    ):
        session = await shop.created()
        uuid = session["session_uuid"]
        await shop.command(uuid, "record/start")
        speak(session, packets=packets, payload=b"\xff" * 160)  # mu-law's zero
        await shop.until(uuid, lambda view: view["recording"]["kept"] > 0.5)
        await shop.command(uuid, "hangup")
        completed = await event(receiver, shop, "recording.completed")
        audio = (await shop.show(uuid))["recording"]["audio"]
        counted = await totals(shop)
    quality = completed["quality"]["caller"]
    assert completed["no_audio"] is True
    assert completed["duration"] > 0.5
    assert quality["silent_seconds"] == pytest.approx(completed["duration"], abs=0.001)
    assert (quality["packets"], quality["audible"]) == (packets, False)
    spoken = audio["caller"]["placed"] / 8000  # of the packets, the first may have begun before the recording
    assert spoken > 0 if packets else spoken == 0
    assert quality["filled_seconds"] == pytest.approx(completed["duration"] - spoken, abs=0.001)
    assert counted["recordings_without_audio"] == 1


async def test_a_recording_that_was_over_at_once_has_no_audio_either(tmp_path: Path) -> None:
    async with (
        receiving() as receiver,
        both(tmp_path) as (daemon, _),
        daemon.application(webhook_url=receiver.url) as shop,
    ):
        session = await shop.call()
        await shop.command(session, "record/start")
        await shop.command(session, "hangup")
        completed = await event(receiver, shop, "recording.completed")
    assert completed["no_audio"] is True
