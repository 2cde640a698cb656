"""Whoever says something wrong gets a clear error and a log line, and disturbs nobody else."""

import socket
from pathlib import Path

import trio
from pydantic import SecretStr

from daemon.client import Client
from daemon.media import rtp
from daemon.recording import link
from daemon.recording.endpoint import WavstreamEndpoint
from tests import web
from tests.end_to_end.house import PATIENCE_SECONDS, House, opened, spoken_seconds
from tests.end_to_end.test_calls import assert_exact, recorded
from wavstream import protocol


async def text_in_place_of_start(house: House) -> None:
    """The audio input of a recording begins with `start`."""
    endpoint = WavstreamEndpoint(f"ws://{house.ingest}", SecretStr(house.token))
    async with link.tcp(endpoint) as stream, trio.open_nursery() as nursery:
        connection = await link.shake_hands(endpoint, stream, nursery)
        await connection.send_message("good morning")
        answer = protocol.decode(str(await connection.get_message()))
        assert isinstance(answer, protocol.Error)
        assert answer.code == "bad_start"
        nursery.cancel_scope.cancel()
    await house.logged("conversation ended with an error", code="bad_start")


async def wrong_token(house: House) -> None:
    """Without the token nobody gets as far as a WebSocket."""
    async with web.client() as http:
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        answer = await http.get(f"http://{house.ingest}{protocol.PATH}?token=guess", headers=upgrade | key)
        assert answer.status_code == 401
    await house.logged("connection refused", status=401)


async def body_that_is_not_json(house: House, session_uuid: str, headers: dict[str, str]) -> None:
    """A command's body is a JSON object."""
    async with house.http(**headers) as http:
        answer = await http.post(f"/api/v1/sessions/{session_uuid}/commands/record/start", content="{nope")
        assert answer.status_code == 400
        assert answer.json()["success"] is False
        assert "JSON" in answer.json()["error"]


async def file_of_another_application(house: House, session_uuid: str) -> None:
    """A recording is its application's alone."""
    async with house.application("stranger") as stranger, house.http(**stranger.headers) as http:
        answer = await http.get(f"/api/v1/sessions/{session_uuid}/recording/file.wav")
        assert answer.status_code == 403
        assert answer.json()["success"] is False


async def packet_from_a_stranger(house: House, client: Client, session_uuid: str) -> None:
    """A leg listens to the address that spoke first."""
    view = await client.show(session_uuid)
    (leg,) = view["media"]["rtp"]
    loud = rtp.build(payload_type=0, sequence=1, timestamp=0, ssrc=1, payload=b"\x00" * 160)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(20):
            stranger.sendto(loud, (leg["host"], leg["port"]))
    await house.logged("packet from a stranger", session=session_uuid)


async def test_bad_input_is_told_logged_and_harms_no_running_recording(tmp_path: Path) -> None:
    talk = spoken_seconds(4)
    with trio.fail_after(2 * PATIENCE_SECONDS):
        async with opened(tmp_path) as house, house.application() as client:

            async def misbehave() -> None:
                uuid = str((await house.logged("recording started"))["session"])
                await packet_from_a_stranger(house, client, uuid)
                await text_in_place_of_start(house)
                await wrong_token(house)
                await body_that_is_not_json(house, uuid, client.headers)
                await file_of_another_application(house, uuid)

            spoken, placed = await recorded(client, talk, 1, packet=50, meanwhile=misbehave)
            await assert_exact(talk, spoken, placed, house)
