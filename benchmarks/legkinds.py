"""What each kind of leg that is connected to costs in the daemon: CPU per 20 ms of audio, on one core."""

import logging
import socket
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import structlog
import trio

from daemon.legs.connected import ConnectedLeg
from daemon.legs.tcpline import TcpLine
from daemon.media import codecs
from daemon.media.audiosocket import Parser
from daemon.media.audiosocketstream import AudioSocketStream
from daemon.media.dialects import choice
from daemon.media.timeline import CALLER
from daemon.media.websocketstream import Conversation, WebSocketStream
from daemon.media.wire import Wire
from tests.daemon.switches import (
    TELNYX,
    Way,
    audio_fork,
    audio_socket,
    audio_stream,
    chan_websocket,
    media_stream,
)
from tests.wavstream.clients import upgrade
from wavstream.process import logs
from wavstream.process.cadence import Cadence
from wavstream.process.framing import Framing

LEGS = 200
BEATS = 10
PERIODS = (0.1, 0.5)
WAYS = {
    "AudioSocket 8 kHz": audio_socket(8000),
    "audio-stream 8 kHz": audio_stream(8000, 1),
    "audio-fork 8 kHz": audio_fork("mono", "audio.drachtio.org"),
    "chan-websocket slin": chan_websocket("slin", codecs.slin(8000), in_json=False),
    "twilio, one track": media_stream("inbound"),
    "telnyx": TELNYX,
}


def rows() -> Iterable[tuple[str, float, str]]:
    """(name, value, unit) of each measurement."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for name, way in WAYS.items():
        for period in PERIODS:
            spent = trio.run(partial(_drain, way, period))
            yield f"{name} leg drained every {period} s, {LEGS} legs", spent, "µs per 20 ms"


def _opened(way: Way) -> tuple[Wire[Any], Parser | Conversation]:
    if way.target is None:
        return AudioSocketStream(), Parser()
    framing = Framing(1 << 18)
    framing.receive_request(upgrade("/", *way.headers))
    protocols = [
        value for name, _, value in (line.partition(": ") for line in way.headers) if "Protocol" in name
    ]
    framing.accept(choice.subprotocol(protocols))
    framing.outgoing()
    return WebSocketStream(), Conversation(framing, choice.begin(way.target, protocols, {}))


def _leg(way: Way) -> tuple[ConnectedLeg[Any], socket.socket]:
    """A leg, and its far end, which has said all that it says before its audio."""
    wire, opened = _opened(way)
    leg = ConnectedLeg(
        side=CALLER, name="", wire=wire, cadence=Cadence(), log=logs.get(__name__), closed=lambda: None
    )
    ours, theirs = socket.socketpair()
    theirs.sendall(b"".join(way.opening))
    leg.connect(TcpLine(ours, "bench"), opened)
    leg.poll()
    return leg, theirs


async def _drain(way: Way, period: float) -> float:
    """A whole look at each leg (read, unmask, parse, place in time), and nothing else; µs per 20 ms."""
    frames, spent = round(period / 0.02), 0.0
    voice = way.codec.encode(np.arange(way.codec.rate // 50, dtype=np.int16))
    both = [_leg(way) for _ in range(LEGS)]
    legs = [leg for leg, _ in both]
    for beat in range(BEATS):
        for _, far_end in both:
            data = [way.frame(number, [voice]) for number in range(beat * frames, (beat + 1) * frames)]
            far_end.sendall(b"".join(data))
        spent += _cpu(legs)
        await trio.lowlevel.checkpoint()
    for leg, far_end in both:
        leg.close()
        far_end.close()
    return spent / (LEGS * BEATS * frames) * 1e6


def _cpu(legs: Sequence[ConnectedLeg[Any]]) -> float:
    before = time.process_time()
    for leg in legs:
        leg.poll()
    return time.process_time() - before
