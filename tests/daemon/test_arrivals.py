"""Calls that nobody registered, through a whole daemon: who may bring them, whose they are, when they end."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.daemon.legs.mediaswitch import MediaSwitch
from tests.daemon.legs.switch import until
from tests.daemon.running import Application, Daemon, running
from tests.daemon.test_service import receiving, subscribed
from tests.wavstream.clients import audio, close_code, text

pytestmark = pytest.mark.usefixtures("cheap_keys")

TOKEN = "a token of sixteen characters"
SECRET = "twilio's own token"
VOICE = bytes(range(1, 161)) * 2
INTRODUCTION = text('{"uuid":"fs-1","from":"+49301","to":"+4940","queue":"sales"}')


def basic(password: str) -> str:
    return "Authorization:Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


def signed(url: str, secret: str = SECRET) -> str:
    """As Twilio's own libraries sign a URL without parameters: HMAC-SHA1, as base64."""
    digest = hmac.new(secret.encode(), url.encode(), hashlib.sha1).digest()
    return "X-Twilio-Signature:" + base64.b64encode(digest).decode()


async def only_session(shop: Application) -> str:
    """The id of the one call there is, once there is one."""
    while not (page := (await shop.http.get("/api/v1/sessions")).json()["sessions"]):
        pass
    (session,) = page
    return str(session["session_uuid"])


async def status(daemon: Daemon, target: str, *headers: str) -> int:
    with MediaSwitch.asking(daemon.listening.media, target, *headers) as switch:
        return await switch.status()


async def test_whoever_shows_the_token_may_bring_a_call_and_nobody_else(tmp_path: Path) -> None:
    base = "wss://calls.example.com/base"
    async with running(
        tmp_path,
        media_app="shop",
        media_token=TOKEN,
        twilio_auth_token=SECRET,
        daemon_media_url=base,
    ) as daemon:
        for headers, target in (
            ([f"Authorization:Bearer {TOKEN}"], "/v1/calls"),
            ([basic(TOKEN)], "/v1/calls/audio-fork"),
            ([], f"/v1/calls/audio-stream?rate=16000&token={TOKEN.replace(' ', '%20')}"),
            ([signed(f"{base}/v1/calls/twilio")], "/v1/calls/twilio"),
            ([signed(f"{base}/v1/calls/twilio?a=b")], "/v1/calls/twilio?a=b"),
        ):
            assert await status(daemon, target, *headers) == 101
        for headers, target in (
            ([], "/v1/calls"),
            (["Authorization:Bearer something else"], "/v1/calls"),
            ([basic("something else")], "/v1/calls"),
            ([], "/v1/calls?token=else"),
            ([signed(f"{base}/v1/calls/twilio", "another secret")], "/v1/calls/twilio"),
            ([signed(f"{base}/v1/calls")], "/v1/calls/twilio"),  # of another address
            ([signed("ws://127.0.0.1/v1/calls/twilio")], "/v1/calls/twilio"),
            # A signature that is wrong is not made good by anything.
            ([signed("wss://else"), f"Authorization:Bearer {TOKEN}"], "/v1/calls/twilio"),
            (["X-Twilio-Signature:\xff", "Authorization:Bearer \xff"], "/v1/calls"),
        ):
            assert await status(daemon, target, *headers) == 401
        # The tokens of calls that were registered are another matter.
        assert await status(daemon, "/v1/media/nobody", f"Authorization:Bearer {TOKEN}") == 404


async def test_without_twilio_s_secret_its_signature_says_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, media_app="shop", media_token=TOKEN) as daemon:
        assert await status(daemon, "/v1/calls", signed("ws://x/v1/calls")) == 401
        assert (
            await status(daemon, "/v1/calls", signed("ws://x/v1/calls"), f"Authorization:Bearer {TOKEN}")
            == 101
        )


async def test_without_an_application_no_such_call_is_taken(tmp_path: Path) -> None:
    async with running(tmp_path, media_token=TOKEN) as daemon:
        assert await status(daemon, "/v1/calls", f"Authorization:Bearer {TOKEN}") == 404


async def test_an_application_that_there_is_not_is_said_and_a_later_one_has_the_call(tmp_path: Path) -> None:
    async with running(tmp_path, media_app="shop") as daemon:
        with capture_logs() as logged:
            with MediaSwitch.asking(daemon.listening.media, "/v1/calls/audio-stream") as early:
                early.send(INTRODUCTION)
                assert close_code(await early.closed()) == 1008
            await until(lambda: [line for line in logged if "no such application" in line.get("error", "")])
        async with daemon.application() as shop:
            with MediaSwitch.asking(daemon.listening.media, "/v1/calls/audio-stream") as switch:
                switch.send(INTRODUCTION, audio(VOICE))
                session = await only_session(shop)
                view = await shop.until(session, lambda view: view["state"] == "active")
            assert (view["caller_id"], view["did"]) == ("+49301", "+4940")
            leg = view["legs"][0]
            assert (leg["kind"], leg["dialect"]) == ("websocket", "audio-stream")
            said: dict[str, Any] = leg["call"]
            assert said["call_id"] == "fs-1"
            assert said["fields"] == {"queue": "sales"}


async def test_a_call_that_came_with_its_connection_ends_some_time_after_that(tmp_path: Path) -> None:
    async with (
        running(tmp_path, media_app="shop", arrival_gone_seconds=0.2) as daemon,
        receiving() as receiver,
        subscribed(daemon, receiver) as shop,
    ):
        with capture_logs() as logged:
            with MediaSwitch.asking(daemon.listening.media, "/v1/calls/audio-stream") as switch:
                switch.send(INTRODUCTION, audio(VOICE))
                session = await only_session(shop)
                await shop.until(session, lambda view: view["state"] == "active")
            registered = await shop.call()
            hangup = await receiver.wait_for("call.hangup")
        assert [line["event"] for line in logged if line["log_level"] == "warning"] == []
        assert hangup.fields["session_uuid"] == session
        assert hangup.fields["cause"] == "leg_lost"
        # A call that was registered stays, though nobody is connected to it.
        assert (await shop.show(registered))["state"] == "waiting"


async def test_a_call_that_came_with_its_connection_may_be_gone_on_with_by_another(tmp_path: Path) -> None:
    async with running(tmp_path, media_app="shop") as daemon, daemon.application() as shop:
        with MediaSwitch.asking(daemon.listening.media, "/v1/calls/audio-stream") as switch:
            switch.send(INTRODUCTION, audio(VOICE))
            session = await only_session(shop)
            view = await shop.until(session, lambda view: view["state"] == "active")
        target = "/" + view["media"]["websocket"][0]["url"].split("/", 3)[3]
        await shop.until(session, lambda view: not view["legs"][0]["connected"])
        with MediaSwitch.asking(daemon.listening.media, f"{target}/audio-stream"):
            await shop.until(session, lambda view: view["legs"][0]["connections"] == 2)


async def test_a_call_of_twilio_s_is_known_by_its_ids(tmp_path: Path) -> None:
    async with running(tmp_path, media_app="shop") as daemon, daemon.application() as shop:
        with MediaSwitch.asking(daemon.listening.media, "/v1/calls/twilio") as switch:
            start = {
                "callSid": "CA1",
                "accountSid": "AC1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"from": "+491", "to": "+492", "queue": "sales"},
            }
            switch.send(text(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})))
            switch.send(text(json.dumps({"event": "start", "streamSid": "MZ1", "start": start})))
            session = await only_session(shop)
            view = await shop.until(session, lambda view: view["legs"][0]["dialect"] == "twilio")
        assert (view["caller_id"], view["did"]) == ("+491", "+492")
        assert view["legs"][0]["call"]["call_id"] == "CA1"
        assert view["legs"][0]["call"]["fields"]["customParameters"] == {"queue": "sales"}


async def test_an_arrival_that_never_gets_its_connection_is_over_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its switch may be gone by the time that its call has been made."""
    monkeypatch.setattr("daemon.legs.connected.ConnectedLeg.connect", lambda *_args: 1 / 0)
    async with (
        running(tmp_path, media_app="shop", arrival_gone_seconds=0.2) as daemon,
        daemon.application() as shop,
    ):
        with MediaSwitch.asking(daemon.listening.media, "/v1/calls/audio-stream") as switch:
            switch.send(INTRODUCTION)
            await switch.closed()
            session = await only_session(shop)
        view = await shop.until(session, lambda view: view["state"] == "ended")
        assert view["cause"] == "leg_lost"


async def test_a_recording_that_begins_before_any_audio_has_the_rate_that_was_told(tmp_path: Path) -> None:
    begun = text("MEDIA_START channel:W/x channel_id:1.2 format:slin16 optimal_frame_size:640 ptime:20")
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.created()
        target = session["media"]["websocket"][0]["url"].partition(str(daemon.listening.media))[2]
        with MediaSwitch.asking(daemon.listening.media, target) as switch:
            assert await switch.status() == 101
            switch.send(begun)
            uid = session["session_uuid"]
            await shop.until(uid, lambda view: view["legs"][0].get("dialect") == "chan-websocket")
            assert (await shop.command(uid, "record/start")).status_code == 202
            view = await shop.until(uid, lambda view: view["recording"] is not None)
            assert view["recording"]["sample_rate"] == 16000
