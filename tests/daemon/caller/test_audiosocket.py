"""An AudioSocket line is what Asterisk's is on the wire; its far end here is a plain socket."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import numpy as np
import pytest
import trio

from daemon.caller.faults import Faults
from daemon.caller.line import LineError
from daemon.caller.lines import wire
from daemon.caller.lines.audiosocket import KIND as AUDIOSOCKET
from daemon.caller.lines.audiosocket import AudioSocketLine, dial
from daemon.caller.pace import say
from daemon.caller.talk import Talk
from daemon.client import Session
from daemon.media import audiosocket
from daemon.media.audiosocket import Parser, build
from daemon.media.codecs import RATES
from wavstream.process.settings import Address

NAME = UUID("00112233-4455-6677-8899-aabbccddeeff")


@contextmanager
def listening() -> Iterator[socket.socket]:
    """Somebody who takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


async def put_through(server: socket.socket, uuid: UUID = NAME) -> tuple[AudioSocketLine, socket.socket]:
    """A line, and its far end."""
    line = await AudioSocketLine.dial(Address(*server.getsockname()), uuid)
    far_end, _ = server.accept()
    far_end.settimeout(5)
    return line, far_end


def all_of(far_end: socket.socket) -> bytes:
    """What comes until the close."""
    pieces = []
    while piece := far_end.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


async def ended(line: AudioSocketLine, far_end: socket.socket) -> bytes:
    """Hang up; what the far end got in all."""
    got = b""

    async def read() -> None:
        nonlocal got
        got = await trio.to_thread.run_sync(all_of, far_end)
        far_end.close()

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            nursery.start_soon(line.hang_up)
    return got


@pytest.mark.parametrize("rate", RATES)
async def test_the_wire_is_that_of_asterisk_at_every_rate(rate: int) -> None:
    codec, _ = AUDIOSOCKET.codec("L16", rate)
    sound = np.arange(1, 2 * (rate // 50) + 1, dtype=np.int16)
    with listening() as server:
        line, far_end = await put_through(server)
        await say(Talk.of(sound, codec, 0), [line])
        got = await ended(line, far_end)
    # 01 00 10 and the UUID's bytes; then kind, length, the low byte first; no 00 at the end.
    kind = {8000: 0x10, 12000: 0x11, 16000: 0x12, 24000: 0x13, 32000: 0x14, 44100: 0x15, 48000: 0x16}[rate]
    size = rate // 50 * 2
    header = bytes([kind, size >> 8, size & 255])
    words = sound.astype("<i2").tobytes()
    expected = bytes.fromhex("010010 00112233445566778899aabbccddeeff")
    assert got == expected + header + words[:size] + header + words[size:]
    assert (line.sent, line.unsent) == (2, 0)


async def test_silence_that_comes_back_is_counted_however_it_is_cut() -> None:
    silence = build(0x10, bytes(320))
    with listening() as server:
        line, far_end = await put_through(server)
        far_end.sendall(silence * 3 + build(audiosocket.DTMF, b"5") + silence[:100])
        with trio.fail_after(60):
            while line.heard < 3:
                line.listen()
                await trio.sleep(0.01)
            far_end.sendall(silence[100:])
            while line.heard < 4:
                line.listen()
                await trio.sleep(0.01)
        await ended(line, far_end)
    assert line.heard == 4


async def test_a_far_end_that_does_not_read_costs_packets_and_no_time() -> None:
    talk = Talk.of(np.ones(48_000 // 50, np.int16), AUDIOSOCKET.codec("L16", 48_000)[0], 0)
    with listening() as server:
        line, far_end = await put_through(server)
        while line.unsent < 10:  # the kernels' buffers take some megabytes
            await say(talk, [line], began=trio.current_time() - 1)
        got = await ended(line, far_end)
    # What was sent is there to the byte: no frame was ever cut.
    parser = Parser()
    parser.feed(got)
    frames = list(parser.frames())
    assert frames[0].uuid == NAME
    assert [frame.payload for frame in frames[1:]] == [talk.payloads[0]] * line.sent


async def test_a_far_end_that_goes_away_is_borne() -> None:
    talk = Talk.of(np.ones(1600, np.int16), AUDIOSOCKET.codec(None, None)[0], 0)
    with listening() as server:
        line, far_end = await put_through(server)
        far_end.close()
        while line.unsent < 10:
            await say(talk, [line], began=trio.current_time() - 1)
        line.listen()
        await line.hang_up()
        await line.hang_up()


async def test_a_far_end_that_speaks_another_tongue_is_left() -> None:
    with listening() as server:
        line, far_end = await put_through(server)
        with far_end:
            far_end.sendall(b"\x00\x01\x00HTTP")
            with trio.fail_after(60):
                while not line._wire.gone:
                    line.listen()
                    await trio.sleep(0.01)
            await line.hang_up()


async def test_a_line_to_nobody_is_refused_in_plain_words() -> None:
    with listening() as server:
        nobody = Address(*server.getsockname())
    session = Session("s", {}, {"caller": (nobody, uuid4())})
    talk = Talk.of(np.ones(1, np.int16), AUDIOSOCKET.codec(None, None)[0], 0)
    with pytest.raises(LineError, match=f"cannot connect to {nobody}: .*refused"):
        await dial(session, "caller", talk)
    with pytest.raises(LineError, match="session s takes no AudioSocket"):
        await dial(Session("s", {}), "caller", talk)


def test_tcp_loses_nothing_and_keeps_the_order() -> None:
    with pytest.raises(ValueError, match="--loss: not on --leg audiosocket, which takes --dtx, --gap"):
        AUDIOSOCKET.manner(Faults(loss=1))
    with pytest.raises(ValueError, match="--ptime 60: --leg audiosocket takes 20"):
        AUDIOSOCKET.ptime(60)
    with pytest.raises(ValueError, match="takes L16/8000, L16/12000"):
        AUDIOSOCKET.codec("PCMU", None)


async def test_a_look_takes_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_AT_ONCE", 100)
    monkeypatch.setattr(wire, "MOST_READS", 2)
    with listening() as server:
        line, far_end = await put_through(server)
        far_end.sendall(bytes(1000))
        with trio.fail_after(60):
            await line._wire.readable()
            assert 0 < len(line._wire.receive()) <= 200
        await ended(line, far_end)


async def test_an_address_that_does_not_answer_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "CONNECT_SECONDS", 0)
    with listening() as server, pytest.raises(LineError, match=r"cannot connect to .* no answer in 0 s"):
        await AudioSocketLine.dial(Address(*server.getsockname()), NAME)
