"""Calls that begin with their connection: who they say they are, and what was heard before they said it."""

import json
from dataclasses import dataclass, field

import pytest
import trio
from structlog.testing import capture_logs

from daemon.legs import introduction, medialistener
from daemon.legs.connected import ConnectedLeg
from daemon.legs.doorway import RefusedError
from daemon.legs.leg import CALLER
from daemon.legs.medialistener import Visitor
from daemon.legs.switchboard import Switchboard
from daemon.media.dialects.dialect import Begun
from daemon.media.timeline import Timeline
from daemon.media.websocketstream import Conversation
from tests.daemon.legs.mediaswitch import MediaSwitch, listening
from tests.daemon.legs.switch import until
from tests.daemon.legs.test_medialistener import VOICE, bytes_of, refusals
from tests.wavstream.clients import audio, close, close_code, frame, text, upgrade
from wavstream.process import logs


@dataclass
class Calls:
    """Takes in every call, and records it; or refuses it."""

    refusing: str = ""
    begun: list[Begun] = field(default_factory=list)
    legs: list[ConnectedLeg[Conversation]] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    switchboard: Switchboard[Conversation] | None = None
    nursery: trio.Nursery | None = None

    def permits(self, visitor: Visitor) -> bool:
        return visitor.path.startswith("/v1/calls")

    async def websocket(self, begun: Begun) -> ConnectedLeg[Conversation]:
        if self.refusing:
            await trio.lowlevel.checkpoint()
            raise RefusedError(self.refusing)
        assert self.switchboard is not None
        assert self.nursery is not None
        leg = self.switchboard.open(side=CALLER, log=logs.get("tests"))
        await self.nursery.start(leg.run)
        timeline = Timeline(8000, 1, trio.current_time() - 10)
        leg.attach(timeline)
        self.legs.append(leg)
        self.begun.append(begun)
        self.timelines.append(timeline)
        return leg

    def heard(self, size: int) -> bool:
        """Whether so many bytes of audio have come to the last of them, and have their place."""
        if not self.legs:
            return False
        self.legs[-1].poll()
        return 2 * self.timelines[-1].counts(CALLER).placed >= size


async def test_a_call_says_who_it_is_before_or_behind_its_first_audio() -> None:
    calls = Calls()
    async with listening(arrivals=calls) as (calls.switchboard, _, calls.nursery):
        for parts in (
            [text('{"uuid":"u-1","from":"49","to":"1"}'), audio(VOICE), audio(VOICE[::-1])],
            [audio(VOICE), text('{"uuid":"u-1","from":"49","to":"1"}'), audio(VOICE[::-1])],
            [audio(VOICE), audio(VOICE[::-1]), text('{"uuid":"u-1","from":"49","to":"1"}')],
        ):
            calls.legs.clear()
            with MediaSwitch(calls.switchboard.address) as switch:
                switch.send(upgrade("/v1/calls/audio-stream?rate=8000"), *parts)
                await until(lambda: calls.heard(640))
            begun = calls.begun[-1]
            assert (begun.call_id, begun.caller_id, begun.did) == ("u-1", "49", "1")
            assert bytes_of(calls.timelines[-1]) == VOICE + VOICE[::-1]


async def test_a_call_that_never_says_who_it_is_begins_without_and_loses_none_of_its_audio(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(medialistener, "INTRODUCTION_SECONDS", 0.2)
    calls = Calls()
    async with listening(arrivals=calls) as (calls.switchboard, _, calls.nursery):
        with MediaSwitch.asking(calls.switchboard.address, "/v1/calls/audio-stream") as switch:
            assert await switch.status() == 101
            sent = b""
            while not calls.legs:
                piece = bytes([1 + len(sent) // 320 % 255]) * 320
                switch.send(audio(piece))
                sent += piece
                await trio.sleep(0.02)
            switch.send(audio(VOICE))
            sent += VOICE
            await until(lambda: calls.heard(len(sent)))
        assert calls.begun == [Begun()]
        assert bytes_of(calls.timelines[0]) == sent


async def test_a_call_that_says_too_much_else_begins_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introduction, "MOST_INTRODUCTION_BYTES", 1000)
    monkeypatch.setattr(medialistener, "INTRODUCTION_SECONDS", 60.0)
    calls = Calls()
    async with listening(arrivals=calls) as (calls.switchboard, _, calls.nursery):
        with MediaSwitch.asking(calls.switchboard.address, "/v1/calls/audio-stream") as switch:
            assert await switch.status() == 101
            switch.send(*[audio(VOICE)] * 4)
            await until(lambda: calls.heard(4 * 320))
        assert calls.begun == [Begun()]
        assert bytes_of(calls.timelines[0]) == VOICE * 4


async def test_twilio_s_call_is_known_by_its_second_message() -> None:
    calls = Calls()
    async with listening(arrivals=calls) as (calls.switchboard, _, calls.nursery):
        with MediaSwitch.asking(calls.switchboard.address, "/v1/calls") as switch:
            switch.send(text(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})))
            start = {"callSid": "CA1", "tracks": ["inbound"], "customParameters": {"from": "+49"}}
            switch.send(text(json.dumps({"event": "start", "streamSid": "MZ1", "start": start})))
            await until(lambda: calls.legs)
        assert (calls.begun[0].call_id, calls.begun[0].caller_id) == ("CA1", "+49")
        assert calls.legs[0].view()["dialect"] == "twilio"


@pytest.mark.parametrize(
    ("path", "sent", "code", "words"),
    [
        ("/v1/calls/chan-websocket", audio(VOICE), 1008, "audio before MEDIA_START"),
        ("/v1/calls/twilio", text("no JSON"), 1008, "a text that is no JSON object"),
        ("/v1/calls", text("x" * 70_000), 1008, "a text of 70000 bytes: at most 65536"),
        ("/v1/calls", frame(1, b"\xff"), 1007, "text that is not UTF-8"),
        ("/v1/calls", b"\xff" * 50, 1002, ""),
        ("/v1/calls", audio(VOICE) + close(), 1000, "it closed before its call began"),
    ],
)
async def test_a_hostile_first_message_makes_no_call(path: str, sent: bytes, code: int, words: str) -> None:
    calls = Calls()
    async with listening(arrivals=calls) as (calls.switchboard, _, calls.nursery):
        with capture_logs() as logged, MediaSwitch.asking(calls.switchboard.address, path) as hostile:
            hostile.send(sent)
            assert close_code(await hostile.closed()) == code
            await until(lambda: refusals(logged))
        assert refusals(logged)[0].startswith(words)
        assert calls.legs == []
        with MediaSwitch.asking(calls.switchboard.address, "/v1/calls/audio-stream") as good:
            good.send(text("hello"), audio(VOICE))
            await until(lambda: calls.heard(320))


async def test_a_call_that_cannot_be_made_is_told_why() -> None:
    calls = Calls(refusing="not today")
    async with listening(arrivals=calls) as (calls.switchboard, _, calls.nursery):
        with capture_logs() as logged:
            with MediaSwitch.asking(calls.switchboard.address, "/v1/calls/audio-stream") as switch:
                switch.send(text("hello"), audio(VOICE))
                answer = await switch.closed()
            await until(lambda: refusals(logged))
        assert close_code(answer) == 1008
        assert answer.endswith(b"not today")
        assert refusals(logged) == ["not today"]


async def test_a_call_that_breaks_before_it_begins_is_told_of() -> None:
    calls = Calls()
    async with listening(arrivals=calls) as (calls.switchboard, _, calls.nursery):
        with capture_logs() as logged:
            with MediaSwitch.asking(calls.switchboard.address, "/v1/calls/audio-stream") as switch:
                assert await switch.status() == 101
            await until(lambda: refusals(logged))
        assert refusals(logged) == ["it closed before its call began"]
        assert calls.legs == []
