"""What real switches sent, in the time in which they sent it: all of them at once."""

import base64
import json
from typing import Any

import numpy as np
import soundfile
import trio

from tests.wavstream.clients import DATA, capture, frames, read_all
from tests.wavstream.servers import BOUND_SECONDS, Server

CAPTURES = {
    "freeswitch-mixed-8k-stop": "",
    "freeswitch-late-101": "",
    "freeswitch-deflate-offered": "",
    "freeswitch-stereo-16k-hangup": "?rate=16000&channels=2",
}


def timed(name: str) -> list[tuple[float, bytes]]:
    """(seconds, bytes) of each chunk that the switch sent, the request first."""
    lines = map(json.loads, (DATA / f"{name}.jsonl").read_text().splitlines()[1:])
    return [(line["t"], base64.b64decode(line["b64"])) for line in lines if line.get("dir") == "in"]


async def replay(server: Server, name: str, query: str, answers: dict[str, bytes]) -> None:
    started = trio.current_time()
    async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
        for at, chunk in timed(name):
            await trio.sleep_until(started + at)
            await stream.send_all(chunk.replace(b"GET /record ", f"GET /ws{query} ".encode()))
        answers[name] = await read_all(stream)


async def test_captures_at_their_own_pace_are_recorded_to_the_sample(server: Server) -> None:
    answers: dict[str, bytes] = {}
    with trio.fail_after(3 * BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            for name, query in CAPTURES.items():
                nursery.start_soon(replay, server, name, query, answers)
    assert all(answer.startswith(b"HTTP/1.1 101 ") for answer in answers.values())
    rows = await server.ended(5)
    # The README of the captures: the names, the last text; 124 and 125, 239, 239 and 110 binary messages.
    assert sorted((row["name"], row["metadata"].get("notes", [])) for row in rows) == [
        ("call-0001-b.wav", ["call-0001-end"]),
        *[("call-0001.wav", [])] * 4,
    ]
    assert sorted(map(length, rows)) == [124 * 160, 125 * 160, 110 * 320, 239 * 160, 239 * 160]
    assert {sound(server, row) for row in rows} == sent_audio()


def length(row: dict[str, Any]) -> int:
    """Samples of each channel: 160 a message at 8 kHz mono, 320 at 16 kHz stereo."""
    duration: float = row["duration"]
    rate: int = row["sample_rate"]
    return round(duration * rate)


def sound(server: Server, row: dict[str, Any]) -> bytes:
    samples: np.ndarray[Any, np.dtype[np.int16]] = soundfile.read(server.file(row), dtype="int16")[0]
    return bytes(samples.tobytes())


def sent_audio() -> set[bytes]:
    """The audio of each recording: what the switch sent from one text or end to the next."""
    found = set()
    for name in CAPTURES:
        parts, heard = [b""], False
        for opcode, payload in frames(b"".join(capture(name)[1:])):
            if opcode == 2:
                parts[-1], heard = parts[-1] + payload, True
            elif opcode == 1 and heard and payload != b"call-0001-end" and name.endswith("stop"):
                parts.append(b"")
        found.update(parts)
    return found
