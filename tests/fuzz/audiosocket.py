"""Bytes into an AudioSocket connection: frames, placed audio, or AudioSocketError; however they are cut.

The first byte of an input says how it is cut.
"""

import random
from collections.abc import Hashable
from itertools import pairwise

from daemon.media.audiosocket import RATES, AudioSocketError, Frame, Parser, build
from daemon.media.audiosocketstream import AudioSocketStream
from tests.fuzz import _mutation


def do(data: bytes) -> Hashable:
    """One input."""
    cut, sent = _cut(data[1:], data[0] if data else 0), data[1:]
    whole, wrong = _parse([sent])
    assert _parse(cut) == (whole, wrong)
    assert sent.startswith(b"".join(build(*frame) for frame in whole)), "frames that were not sent"
    for frame in whole:
        assert frame.kind not in RATES or len(frame.payload) % 2 == 0
    ended = _hear(cut)
    return wrong[:12], ended, tuple(sorted({frame.kind for frame in whole}))[:4], min(len(whole), 3)


def _cut(data: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted({0, len(data), *(chance.randrange(len(data) + 1) for _ in range(seed % 8))})
    return [data[first:last] for first, last in pairwise(places)]


def _parse(pieces: list[bytes]) -> tuple[list[Frame], str]:
    parser, frames = Parser(), list[Frame]()
    for piece in pieces:
        parser.feed(piece)
        try:
            for frame in parser.frames():
                frames.append(frame)
        except AudioSocketError as wrong:
            return frames, str(wrong)
    return frames, ""


def _hear(pieces: list[bytes]) -> str:
    """What a leg makes of them: everything heard was sent, nothing stands before what came earlier."""
    stream, now, ended = AudioSocketStream(), 100.0, ""
    stream.begin(Parser())
    for piece in pieces:
        now += 0.1
        try:
            stream.receive(piece, now)
        except AudioSocketError as wrong:
            ended = str(wrong)[:12]
        stream.look(now, whole=True)
        if ended or stream.hung_up:
            break
    stream.finish(now)
    assert not stream.waiting
    heard = stream.heard()
    assert all(each.payload and len(each.payload) % 2 == 0 for each in heard)
    assert sum(len(each.payload) for each in heard) <= sum(map(len, pieces))
    return ended or ("hung up" if stream.hung_up else "open")


if __name__ == "__main__":
    _mutation.main("audiosocket", do)
