"""What a call costs in the daemon: CPU per 20 ms of audio, room by room, on one core."""

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

import numpy as np
import structlog
import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from daemon.legs.ports import PortPair, RtpPorts
from daemon.legs.rtp import RtpLeg
from daemon.media import codecs, rtcp, rtp
from daemon.media.rtcpsession import INTERVAL_SECONDS
from daemon.media.timeline import CALLER, Timeline
from daemon.recording.recording import Recording, RecordingFormat, WavstreamEndpoint
from wavstream import protocol
from wavstream.process import logs
from wavstream.process.cadence import SECONDS_BY_LOAD, SLOWEST_SECONDS, Cadence

LEGS = 200
BEATS = 10
RECORDED_SECONDS = 4.0
ACK_SECONDS = 0.5
VOICE = bytes(range(160))


def rows() -> Iterable[tuple[str, float, str]]:
    """(name, value, unit) of each measurement."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for period in (0.1, 0.2, 0.5):
        yield f"RTP leg drained every {period} s, {LEGS} legs", _drain(period), "µs per 20 ms"
    yield f"RTCP of a leg, {LEGS} legs", _reports(), "µs per 20 ms"
    yield "timeline, one leg, 0.2 s at a time", _timeline(), "µs per 20 ms"
    for sessions in (10, 50, 200):
        yield from _recordings(sessions)


def _drain(period: float) -> float:
    """A whole drain of each leg (read, parse, count, place in time, join), and nothing else."""
    packets = round(period / 0.02)
    ports, spent = RtpPorts("127.0.0.1", 0, 0), 0.0
    cadence, log = Cadence(), logs.get(__name__)

    async def measure() -> float:
        nonlocal spent
        legs = [RtpLeg(side=CALLER, bound=ports.bind(), cadence=cadence, log=log) for _ in range(LEGS)]
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as caller:
            for beat in range(BEATS):
                for leg in legs:
                    _send(caller, leg, range(beat * packets, (beat + 1) * packets))
                spent += _cpu(lambda: _poll(legs))
                await trio.lowlevel.checkpoint()
        for leg in legs:
            leg.close()
        return spent

    return trio.run(measure) / (LEGS * BEATS * packets) * 1e6


def _reports() -> float:
    """A report read, made and sent by each leg, spread over the 5 s until the next."""
    ports, spent = RtpPorts("127.0.0.1", 0, 0), 0.0
    cadence, log = Cadence(), logs.get(__name__)

    async def measure() -> float:
        nonlocal spent
        legs = [RtpLeg(side=CALLER, bound=ports.bind(), cadence=cadence, log=log) for _ in range(LEGS)]
        with ports.bind() as caller:
            for beat in range(BEATS):
                for leg in legs:
                    _send(caller.rtp, leg, (beat,))
                _poll(legs)
                for leg in legs:
                    _answer(caller, leg)
                    leg.send_silence(float(beat))
                spent += _cpu(lambda: _report(legs))
                await trio.lowlevel.checkpoint()
        for leg in legs:
            leg.close()
        return spent

    return trio.run(measure) / (LEGS * BEATS) * 0.02 / INTERVAL_SECONDS * 1e6


def _answer(caller: PortPair, leg: RtpLeg) -> None:
    report = rtcp.SenderReport(1, 1 << 40, 160, 1, 160, (rtcp.Block(2, 0, 0, 0, 0, 0, 0),))
    compound = rtcp.build(report, rtcp.Description(((1, "caller"),)))
    if caller.rtcp is not None:
        caller.rtcp.sendto(compound, (leg.address.host, leg.address.port + 1))


def _report(legs: list[RtpLeg]) -> None:
    for leg in legs:
        leg._rtcp.report()  # noqa: SLF001 - as when one is due


def _poll(legs: list[RtpLeg]) -> None:
    for leg in legs:
        leg.poll()


def _send(caller: socket.socket, leg: RtpLeg, numbers: Iterable[int]) -> None:
    for number in numbers:
        packet = rtp.build(payload_type=0, sequence=number, timestamp=number * 160, ssrc=1, payload=VOICE)
        caller.sendto(packet, leg.address)


def _timeline() -> float:
    start, voice = 1000.0, np.arange(1600, dtype=np.int16)
    timeline = Timeline(8000, 1, start)
    track = timeline.join(CALLER, 8000)
    codec = codecs.in_file("pcm16", 8000)

    def run() -> None:
        for beat in range(1000):
            track.place(8_000_000 + beat * 1600, voice)
            track.drained(start + beat * 0.2)
            codec.encode(timeline.advance(start + beat * 0.2).reshape(-1))

    return _cpu(run) / 10_000 * 1e6


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _recordings(sessions: int) -> Iterator[tuple[str, float, str]]:
    """Whole recordings of legs on which nobody speaks; what takes them in is a process of its own."""
    command = [sys.executable, "-c", "from benchmarks import leg; leg.serve()"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        if server.stdout is None:
            raise RuntimeError("no output")
        try:
            spent = trio.run(_record, sessions, int(server.stdout.readline()))
        finally:
            server.terminate()
    frames = sessions * RECORDED_SECONDS / 0.02
    beat = next((seconds for most, seconds in SECONDS_BY_LOAD if sessions <= most), SLOWEST_SECONDS)
    name = f"silence generator, forwarder, sender every {beat} s, {sessions} sessions"
    yield name, spent / frames * 1e6, "µs per 20 ms"


async def _record(sessions: int, port: int) -> float:
    cadence, ports, log = Cadence(), RtpPorts("127.0.0.1", 0, 0), logs.get(__name__)
    cadence.load = sessions
    async with trio.open_nursery() as nursery:
        await nursery.start(cadence.run)
        started = trio.current_time()
        for number in range(sessions):
            leg = RtpLeg(side=CALLER, bound=ports.bind(), cadence=cadence, log=log)
            recording = Recording(
                recording_id=f"rec_{number:08}",
                format=RecordingFormat("pcm16", 8000, 1),
                legs=[leg],
                started=started,
                metadata={},
                wavstream=WavstreamEndpoint(f"ws://127.0.0.1:{port}"),
                cadence=cadence,
                replay_seconds=10,
                log=log,
            )
            await nursery.start(leg.run)
            await nursery.start(recording.run)
        await trio.sleep(2)  # until all are connected, and on one phase
        before = time.process_time()
        await trio.sleep(RECORDED_SECONDS)
        spent = time.process_time() - before
        nursery.cancel_scope.cancel()
    return spent


def serve() -> None:
    """A server that keeps nothing; prints its port."""

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(serve_websocket, _take_in, "127.0.0.1", 0, None)
            sys.stdout.write(f"{server.port}\n")
            sys.stdout.flush()

    trio.run(run)


async def _take_in(request: WebSocketRequest) -> None:
    connection = await request.accept(subprotocol=protocol.SUBPROTOCOL)
    taken, acked = 0, 0.0
    try:
        await connection.get_message()
        await connection.send_message(protocol.encode(protocol.Ready(offset=0)))
        while True:
            taken += len(await connection.get_message())
            if trio.current_time() - acked > ACK_SECONDS:
                acked = trio.current_time()
                await connection.send_message(protocol.encode(protocol.Ack(offset=taken)))
    except ConnectionClosed:
        return
