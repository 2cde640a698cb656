"""Who comes in by WebSocket, and who does not: each refusal is answered, and a line that says why."""

import pytest
import trio
from structlog.testing import capture_logs
from structlog.typing import EventDict

from daemon.legs import connected, medialistener
from daemon.legs.connected import ConnectedLeg
from daemon.legs.leg import CALLER
from daemon.legs.switchboard import Switchboard
from daemon.media.timeline import Timeline
from daemon.media.websocketstream import Conversation
from tests.daemon.legs.mediaswitch import SWITCHING, MediaSwitch, listening
from tests.daemon.legs.switch import until
from tests.wavstream.clients import audio, close, close_code, frame, text, upgrade
from wavstream.process import logs

VOICE = bytes(range(1, 161)) * 2
"""20 ms at 8 kHz, none of it silence."""


async def leg_of(switchboard: Switchboard[Conversation], nursery: trio.Nursery) -> ConnectedLeg[Conversation]:
    leg = switchboard.open(side=CALLER, log=logs.get("tests"))
    await nursery.start(leg.run)
    return leg


def refusals(logged: list[EventDict]) -> list[str]:
    return [line["error"] for line in logged if line["event"] == "connection refused"]


def bytes_of(timeline: Timeline) -> bytes:
    """All that was heard, without the silence before and after."""
    heard = timeline.finish(trio.current_time() + 1)[:, 0]
    return heard.astype("<i2").tobytes().strip(b"\0")


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/v1/media/nobody", 404, "no leg waits here: a token is one call's, and ends with it"),
        ("/v1/media/", 404, "no leg waits here: a token is one call's, and ends with it"),
        ("/v1/media", 404, "no leg waits here: a token is one call's, and ends with it"),
        ("/v1/media/twilio?leg=token-2", 404, "no leg waits here"),
        ("/", 404, "call audio is taken at /v1/media/TOKEN"),
        ("/v1/callsign", 404, "call audio is taken at /v1/media/TOKEN"),
        ("/v1/calls", 404, "calls that nobody registered are not taken: MEDIA_APP is not set"),
        ("//[/v1/media/token-1", 400, "the request's target is no path"),
        ("/v1/media/token-1?rate=8001", 400, "8001 samples a second: takes 8000, 12000, 16000, 24000"),
        ("/v1/media/token-1/audiofork", 404, "what may follow is a dialect's name: audio-fork, audio-stream"),
        ("/v1/media/token-1/a/twilio", 404, "what may follow is a dialect's name"),
        ("/v1/media/token-1/twilio?both_ways=yes", 400, "both_ways takes 0 or 1"),
    ],
)
async def test_whoever_asks_for_what_there_is_not_is_told_so(target: str, status: int, words: str) -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        with capture_logs() as logged, MediaSwitch.asking(switchboard.address, target) as wrong:
            answer = await wrong.closed()
            await until(lambda: refusals(logged))
        assert int(answer.split(b" ")[1]) == status
        assert words.encode() in answer
        assert refusals(logged)[0].startswith(words)
        assert [line["peer"] for line in logged if line["event"] == "connection refused"] == ["127.0.0.1"]
        assert leg.view()["connections"] == 0  # and may still come
        with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as right:
            assert await right.status() == 101
            await leg.connected.wait()


@pytest.mark.parametrize(
    "target",
    ["/v1/media?leg=token-1", "/v1/media/?leg=token-1", "/v1/media/chan-websocket?leg=token-1"],
)
async def test_a_switch_with_one_path_for_all_calls_names_the_leg_in_the_query(target: str) -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        with MediaSwitch.asking(switchboard.address, target) as right:
            assert await right.status() == 101
            await leg.connected.wait()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"GET /v1/media/token-1 HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 426 "),  # no upgrade at all
        (upgrade("/v1/media/token-1").replace(b":13", b":12"), b"HTTP/1.1 400 "),
        (upgrade("/v1/media/token-1").replace(b"Sec-WebSocket-Key", b"Sec"), b"HTTP/1.1 400 "),
    ],
)
async def test_an_upgrade_that_cannot_be_answered_is_refused(sent: bytes, answered: bytes) -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        with capture_logs() as logged, MediaSwitch(switchboard.address) as wrong:
            wrong.send(sent)
            assert (await wrong.closed()).startswith(answered)
            await until(lambda: refusals(logged))
        assert refusals(logged) == ["not a WebSocket upgrade that can be answered"]
        assert leg.view()["connections"] == 0


@pytest.mark.parametrize("sent", [b"POST / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"x" * 20_000])
async def test_what_is_no_request_is_closed(sent: bytes) -> None:
    async with listening() as (switchboard, _, _nursery):
        with capture_logs() as logged, MediaSwitch(switchboard.address) as wrong:
            wrong.send(sent)
            assert not (await wrong.closed()).startswith(SWITCHING)
            await until(lambda: refusals(logged))


async def test_a_connection_that_does_not_ask_in_time_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medialistener, "HANDSHAKE_SECONDS", 0.05)
    async with listening() as (switchboard, _, _nursery):
        with capture_logs() as logged, MediaSwitch(switchboard.address) as silent:
            silent.send(b"GET /v1/media")
            await silent.closed()
            await until(lambda: refusals(logged))
        assert refusals(logged) == ["no request within 0.05 s, or its answer was not taken"]


async def test_a_connection_that_goes_before_it_has_asked_is_told_of() -> None:
    async with listening() as (switchboard, _, _nursery):
        with capture_logs() as logged:
            MediaSwitch(switchboard.address).close()
            await until(lambda: refusals(logged))
        assert refusals(logged) == ["no whole request came"]


async def test_silent_connections_keep_no_call_out_and_when_all_are_calls_one_more_is_refused() -> None:
    async with listening(most_connections=3) as (switchboard, _, nursery):
        legs = [await leg_of(switchboard, nursery) for _ in range(4)]
        calls = []
        with capture_logs() as logged:
            silent = [MediaSwitch(switchboard.address) for _ in range(5)]
            await until(lambda: len(refusals(logged)) == 2)  # the others have their places now
        for leg in legs[:3]:
            calls.append(MediaSwitch.asking(switchboard.address, f"/v1/media/{leg.name}"))
            await leg.connected.wait()  # the silent ones have had to go for it
        with capture_logs() as logged:
            late = MediaSwitch.asking(switchboard.address, f"/v1/media/{legs[3].name}")
            await late.closed()
            await until(lambda: refusals(logged))
        assert refusals(logged) == ["too many connections"]
        for switch in (*calls, late, *silent):
            switch.close()


async def test_a_request_in_two_pieces_without_blanks_and_with_audio_behind_it_loses_nothing() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        request = upgrade("/v1/media/token-1?rate=8000")
        assert b": " not in request
        with MediaSwitch(switchboard.address) as switch:
            switch.send(request[:50])
            await trio.testing.wait_all_tasks_blocked(0.01)
            switch.send(request[50:] + audio(VOICE))
            assert await switch.status() == 101
            switch.send(audio(VOICE[::-1]))
            await until(lambda: leg.is_taken and leg.view()["frames"] == 2)
            assert bytes_of(timeline) == VOICE + VOICE[::-1]


async def test_messages_that_come_together_are_counted_one_by_one_whether_they_have_one_voice_or_two() -> (
    None
):
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        for count in (3, 6):  # over two connections
            with MediaSwitch.asking(switchboard.address, "/v1/media/token-1?channels=2") as switch:
                assert await switch.status() == 101
                switch.send(audio(VOICE) * 3)
                switch.send(close(1000))
                await switch.closed()
            await until(lambda: not leg.is_taken)
            assert leg.view()["frames"] == leg.received.packets == count


@pytest.mark.parametrize("goodbye", [close(1000), b""])
async def test_audio_whose_rate_was_never_told_is_told_of_when_its_connection_ends(goodbye: bytes) -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        with capture_logs() as logged:
            with MediaSwitch.asking(switchboard.address, "/v1/media/token-1/audio-fork") as switch:
                assert await switch.status() == 101
                switch.send(audio(VOICE) * 2 + goodbye)
            await until(lambda: leg.view()["connections"] == 1 and not leg.is_taken)
        lost = next(line for line in logged if line["event"] == "audio lost")
        assert (lost["bytes"], lost["log_level"]) == (2 * len(VOICE), "warning")
        assert lost["error"] == "neither a sampleRate nor a rate in the URL"


async def test_compression_is_declined_and_a_subprotocol_answered() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        offers = "Sec-WebSocket-Extensions:permessage-deflate; client_no_context_takeover"
        with MediaSwitch.asking(switchboard.address, "/v1/media/token-1", offers) as switch:
            answer = await switch.answer()
            assert answer.startswith(SWITCHING)
            assert b"Extensions" not in answer
            assert b"Sec-WebSocket-Protocol" not in answer
        await until(lambda: not leg.is_taken)
        for offered, chosen, dialect in (
            ("audio.drachtio.org", b"audio.drachtio.org", "audio-fork"),
            ("mine, media", b"media", "chan-websocket"),
            ("mine, yours", b"mine", None),
        ):
            protocol = f"Sec-WebSocket-Protocol:{offered}"
            with MediaSwitch.asking(switchboard.address, "/v1/media/token-1", protocol) as switch:
                assert b"\r\nSec-WebSocket-Protocol: " + chosen in await switch.answer()
                await until(lambda: leg.is_taken)
                assert leg.view()["dialect"] == dialect
            await until(lambda: not leg.is_taken)


async def test_a_leg_that_is_taken_is_refused_until_it_is_free_again() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as first:
            await leg.connected.wait()
            with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as second:
                assert await second.status() == 409
            assert (leg.view()["connected"], leg.view()["connections"]) == (True, 1)
            first.send(audio(VOICE), close())
            answer = await first.closed()
            assert close_code(answer) == 1000
        with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as third:
            assert await third.status() == 101
            await until(lambda: leg.view()["connections"] == 2)


async def test_a_switch_that_vanished_without_a_word_may_come_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its old connection would stand until TCP finds it out, a minute later."""
    monkeypatch.setattr(connected, "IDLE_SECONDS", -1.0)  # not heard of late, as soon as it is looked at
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as vanished:
            await leg.connected.wait()
            with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as again:
                assert await again.status() == 101
                assert close_code(await vanished.closed()) == 1000
                again.send(audio(VOICE))
                await leg.heard.wait()
            assert leg.view()["connections"] == 2


async def test_two_that_ask_at_the_same_time_do_not_share_a_leg() -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        with capture_logs() as logged:
            both = [MediaSwitch.asking(switchboard.address, "/v1/media/token-1") for _ in range(2)]
            await until(lambda: refusals(logged))
        assert leg.view()["connected"]
        assert leg.view()["connections"] == 1
        for switch in both:
            switch.close()


async def test_a_call_that_is_over_takes_nobody_and_closes_in_an_orderly_way() -> None:
    async with listening() as (switchboard, _, _nursery):
        async with trio.open_nursery() as call:
            leg = await leg_of(switchboard, call)
            switch = MediaSwitch.asking(switchboard.address, "/v1/media/token-1")
            await leg.connected.wait()
            call.cancel_scope.cancel()
        assert close_code(await switch.closed()) == 1000
        with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as late:
            assert await late.status() == 404
        switch.close()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(2, bytes(300 * 1024)), 1009),
        (b"\x82\x02ab", 1002),  # not masked
        (frame(1, b"\xff"), 1007),
        (text("x" * 70_000), 1008),
        (b"\xff" * 100, 1002),
    ],
    ids=["too long", "unmasked", "no UTF-8", "long text", "garbage"],
)
async def test_a_first_message_that_makes_no_sense_costs_only_its_connection(sent: bytes, code: int) -> None:
    async with listening() as (switchboard, _, nursery):
        leg = await leg_of(switchboard, nursery)
        with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as hostile:
            hostile.send(sent[:200_000])
            await trio.testing.wait_all_tasks_blocked(0.01)
            hostile.send(sent[200_000:])
            assert close_code(await hostile.closed()) == code
        with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as good:
            good.send(audio(VOICE))
            await leg.heard.wait()


async def test_a_connection_over_before_its_leg_has_looked_leaves_the_leg_asleep() -> None:
    """And not awake: what a leg waits for is the next connection, not the one that was."""
    async with listening() as (switchboard, cadence, nursery):
        leg = await leg_of(switchboard, nursery)
        with MediaSwitch(switchboard.address) as switch:
            switch.send(upgrade("/v1/media/token-1"), text("x" * 70_000))
            await switch.closed()
        assert leg._line is None
        assert not leg._put_through.is_set()
        await cadence.beat()
        with MediaSwitch.asking(switchboard.address, "/v1/media/token-1") as again:
            again.send(audio(VOICE))
            await leg.heard.wait()
