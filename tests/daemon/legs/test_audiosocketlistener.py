"""Who comes in by AudioSocket, and who does not: each refusal is a line that names the peer and says why."""

from uuid import UUID, uuid4

import pytest
import trio
from structlog.testing import capture_logs
from structlog.typing import EventDict

from daemon.legs import audiosocketlistener
from daemon.legs.connected import ConnectedLeg
from daemon.legs.doorway import RefusedError
from daemon.legs.leg import CALLER
from daemon.legs.switchboard import Switchboard
from daemon.media.audiosocket import DTMF, IDENTITY, Parser, build
from tests.daemon.legs.switch import Switch, listening, until
from wavstream.process import logs


async def leg_of(switchboard: Switchboard[Parser], nursery: trio.Nursery) -> ConnectedLeg[Parser]:
    leg = switchboard.open(side=CALLER, log=logs.get("tests"))
    await nursery.start(leg.run)
    return leg


def refusals(logged: list[EventDict]) -> list[str]:
    return [line["error"] for line in logged if line["event"] == "connection refused"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (
            build(IDENTITY, UUID(int=5).bytes),
            "no leg waits for the UUID 00000000-0000-0000-0000-000000000005",
        ),
        (build(DTMF, b"5") * 5, "its first frame is of kind 0x03, not its UUID"),
        (b"\x10\x01\x40" + bytes(16), "its first frame is not its UUID"),
        (b"\x01\x00\x11" + bytes(16), "a UUID frame of 17 bytes, not 16"),
        (b"GET / HTTP/1.1\r\n\r\n....", "its first frame is not its UUID"),
    ],
)
@pytest.mark.contract("listener-daemon-audiosocket")
async def test_whoever_does_not_begin_with_a_uuid_that_is_waited_for_is_closed_and_nobody_else(
    sent: bytes, words: str
) -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        right = Switch(switchboard.address, UUID(leg.name))
        await leg.connected.wait()
        with capture_logs() as logged:
            wrong = Switch(switchboard.address)
            wrong.send(sent)
            await wrong.closed()
            await until(lambda: refusals(logged))
        assert refusals(logged) == [words]
        assert logged[-1]["peer"] == "127.0.0.1"
        assert leg.view()["connected"]
        wrong.close()
        right.close()


async def test_a_uuid_used_twice_at_a_time_is_refused_and_the_first_goes_on() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        first = Switch(switchboard.address, UUID(leg.name))
        await leg.connected.wait()
        with capture_logs() as logged:
            second = Switch(switchboard.address, UUID(leg.name))
            await second.closed()
            await until(lambda: refusals(logged))
        assert refusals(logged)[0].startswith("its leg is connected already, to 127.0.0.1:")
        assert (leg.view()["connected"], leg.view()["connections"]) == (True, 1)
        first.close()
        second.close()


async def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocketlistener, "IDENTITY_SECONDS", 0.05)
    async with listening() as (switchboard, _, _nursery):
        with capture_logs() as logged:
            silent = Switch(switchboard.address)
            await silent.closed()
            await until(lambda: refusals(logged))
        assert refusals(logged) == ["no UUID within 0.05 s"]
        silent.close()


async def test_a_connection_that_goes_before_its_uuid_is_told_of() -> None:
    async with listening() as (switchboard, _, _nursery):
        with capture_logs() as logged:
            Switch(switchboard.address).close()
            await until(lambda: refusals(logged))
        assert refusals(logged) == ["it closed before its UUID"]


async def test_silent_connections_keep_no_call_out() -> None:
    async with listening(most_connections=3) as (switchboard, _, nursery):
        legs = [await leg_of(switchboard, nursery) for _ in range(2)]
        first = Switch(switchboard.address, UUID(legs[0].name))
        await legs[0].connected.wait()
        flood = [Switch(switchboard.address) for _ in range(10)]
        second = Switch(switchboard.address, UUID(legs[1].name))
        await legs[1].connected.wait()  # the silent ones have had to go for it
        assert legs[0].view()["connected"]
        for switch in (first, second, *flood):
            switch.close()


async def test_when_all_places_are_calls_one_more_is_refused() -> None:
    async with listening(most_connections=1) as (switchboard, _, nursery):
        legs = [await leg_of(switchboard, nursery) for _ in range(2)]
        first = Switch(switchboard.address, UUID(legs[0].name))
        await legs[0].connected.wait()
        with capture_logs() as logged:
            second = Switch(switchboard.address, UUID(legs[1].name))
            await second.closed()
            await until(lambda: refusals(logged))
        assert refusals(logged) == ["too many connections"]
        first.close()
        await until(lambda: not legs[0].view()["connected"])
        third = Switch(switchboard.address, UUID(legs[1].name))
        await legs[1].connected.wait()
        for switch in (second, third):
            switch.close()


async def test_a_uuid_that_nobody_registered_can_begin_a_call() -> None:
    name, asked = uuid4(), []

    async def new_call(uuid: UUID) -> ConnectedLeg[Parser]:
        asked.append(uuid)
        await trio.lowlevel.checkpoint()
        if uuid != name:
            raise RefusedError("not today")
        leg = switchboard.open(side=CALLER, log=logs.get("tests"), name=str(uuid))
        await nursery.start(leg.run)
        return leg

    async with listening(new_call=new_call) as (switchboard, _, nursery):
        with capture_logs() as logged:
            other = Switch(switchboard.address, UUID(int=5))
            await other.closed()
            await until(lambda: refusals(logged))
        assert refusals(logged) == ["not today"]
        switch = Switch(switchboard.address, name)
        await until(lambda: switchboard.find(str(name)))
        leg = switchboard.find(str(name))
        assert leg is not None
        await leg.connected.wait()
        assert asked == [UUID(int=5), name]
        other.close()
        switch.close()
