"""Each dialect is on the wire what its switch is, message by message and byte by byte."""

import json
import re
from typing import Any

import numpy as np
import pytest

from daemon.caller.dialects.audiofork import AudioFork
from daemon.caller.dialects.audiostream import AudioStream
from daemon.caller.dialects.chanwebsocket import ChanWebSocket
from daemon.caller.dialects.dialect import Message, new_call
from daemon.caller.dialects.telnyx import Telnyx
from daemon.caller.dialects.twilio import Twilio
from daemon.caller.talk import Talk
from daemon.media.codecs import PCMA, PCMU
from tests.daemon.caller.farend import TOKEN_PATH
from tests.daemon.caller.saying import cut, prepared, read, said, sound
from tests.wavstream.clients import capture


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
async def test_mod_audio_stream_sends_its_metadata_and_then_bare_audio(rate: int) -> None:
    far_end = await said("audio-stream", prepared("audio-stream", None, rate))
    query = "" if rate == 8000 else f"?rate={rate}"
    assert far_end.path == f"{TOKEN_PATH}/audio-stream{query}"
    assert far_end.offered == ()
    metadata, *audio = far_end.messages
    assert set(read(metadata)) == {"uuid", "caller_id", "did"}
    assert audio == 2 * cut(sound(rate).astype("<i2").tobytes(), rate // 25)


async def test_mod_audio_stream_interleaves_two_voices_the_caller_first() -> None:
    far_end = await said("audio-stream", prepared("audio-stream", None, 16000, callee=True))
    assert far_end.path == f"{TOKEN_PATH}/audio-stream?rate=16000&channels=2"
    both = np.stack([sound(16000), sound(16000, first=10_000)], axis=1).astype("<i2")
    assert far_end.messages[1:] == 2 * cut(both.tobytes(), 1280)


@pytest.mark.parametrize(("callee", "mix", "size"), [(False, "mono", 320), (True, "stereo", 640)])
async def test_mod_audio_fork_describes_the_call_and_ends_with_an_empty_message(
    callee: bool, mix: str, size: int
) -> None:
    far_end = await said("audio-fork", prepared("audio-fork", "L16", 8000, callee))
    assert far_end.path == f"{TOKEN_PATH}/audio-fork?both_ways=1"
    assert far_end.offered == ("audio.drachtio.org",)
    described, *audio, last = far_end.messages
    told = read(described)
    assert (told["sampleRate"], told["mixType"]) == (8000, mix)
    assert {"callSid", "from", "to"} <= set(told)
    voices = [sound(8000), sound(8000, first=10_000)][: 1 + callee]
    assert audio == 2 * cut(np.stack(voices, axis=1).astype("<i2").tobytes(), size)
    assert last == b""


@pytest.mark.parametrize(
    ("codec", "rate", "written", "size"),
    [
        (None, 8000, "slin", 320),
        ("L16", 12000, "slin12", 480),
        ("L16", 16000, "slin16", 640),
        ("L16", 44100, "slin44", 1764),
        ("PCMU", 8000, "ulaw", 160),
        ("PCMA", 8000, "alaw", 160),
    ],
)
async def test_chan_websocket_tells_its_format_in_plain_text(
    codec: str | None, rate: int, written: str, size: int
) -> None:
    talk = prepared("chan-websocket", codec, rate)
    far_end = await said("chan-websocket", talk)
    assert re.fullmatch(f"{TOKEN_PATH}/chan-websocket\\?uuid=[0-9a-f-]{{36}}", far_end.path)
    assert far_end.offered == ("media",)
    begun, *audio = far_end.messages
    assert isinstance(begun, str)
    assert re.fullmatch(
        r"MEDIA_START connection_id:\S+ channel:WebSocket/\S+/0x[0-9a-f]+ channel_id:[0-9.]+"
        f" format:{written} optimal_frame_size:{size} ptime:20",
        begun,
    )
    law = {"PCMU": PCMU.encode, "PCMA": PCMA.encode}.get(codec or "")
    expected = law(sound(rate)) if law else sound(rate).astype("<i2").tobytes()
    assert audio == 2 * cut(expected, size)


async def test_chan_websocket_speaks_json_as_well() -> None:
    far_end = await said("chan-websocket-json", prepared("chan-websocket-json", "PCMU", 8000))
    assert "/chan-websocket?uuid=" in far_end.path
    begun = read(far_end.messages[0])
    assert (begun["event"], begun["format"], begun["optimal_frame_size"]) == ("MEDIA_START", "ulaw", 160)
    assert begun["ptime"] == 20
    assert {"connection_id", "channel", "channel_id", "channel_variables"} < set(begun)
    assert [len(message) for message in far_end.messages[1:]] == 6 * [160]


def test_the_upgrades_are_written_as_the_switches_write_them() -> None:
    talk = prepared("audio-stream", None, 8000)
    (first, *lines) = capture("freeswitch-mixed-8k-stop")[0].decode().split("\r\n")
    assert first.startswith("GET ")
    host, key = lines[0].removeprefix("Host:"), "eo3WE+0jHS6huADlqtpCcA=="
    assert [*AudioStream(new_call(), talk).upgrade(host, key), "", ""] == lines
    # As Asterisk 22 sends it.
    assert ChanWebSocket(new_call(), talk).upgrade("127.0.0.1:37369", "dR78XgAAAAA+QnIbAAAAAA==") == [
        "Sec-WebSocket-Version: 13",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Host: 127.0.0.1:37369",
        "Sec-WebSocket-Protocol: media",
        "Sec-WebSocket-Key: dR78XgAAAAA+QnIbAAAAAA==",
    ]


PLAYED = json.dumps({"event": "media", "streamSid": "x", "media": {"payload": "/////w=="}})


@pytest.mark.parametrize(
    ("dialect", "message", "audio"),
    [
        (AudioStream, b"\0\0", True),
        (AudioStream, "text", False),
        (AudioFork, b"\0\0", True),
        (AudioFork, '{"type":"playAudio"}', False),
        (ChanWebSocket, b"\0\0", True),
        (ChanWebSocket, "ANSWER", False),
        (Twilio, PLAYED, True),
        (Twilio, "no JSON", False),
        (Twilio, b"\xff", False),
        (Telnyx, PLAYED, True),
        (Telnyx, "[]", False),
    ],
)
def test_what_comes_back_is_known_for_what_it_is(dialect: Any, message: Message, audio: bool) -> None:
    heard = dialect(new_call(), Talk.of(sound(8000), PCMU, 0)).receive(message)
    assert (heard.audio, list(heard.replies), heard.over) == (audio, [], False)


def test_commands_to_asterisk_are_obeyed_in_either_form() -> None:
    talk = Talk.of(sound(8000), PCMU, 0)
    plain, in_json = ChanWebSocket(new_call(), talk), ChanWebSocket(new_call(), talk, in_json=True)
    assert plain.receive("HANGUP").over
    assert in_json.receive('{"command":"HANGUP"}').over
    (status,) = plain.receive("GET_STATUS").replies
    assert str(status).startswith("STATUS channel_id:")
    (status,) = in_json.receive('{"command":"GET_STATUS"}').replies
    assert read(status)["event"] == "STATUS"
    assert not in_json.receive("HANGUP").over
    assert not in_json.receive("[]").over
