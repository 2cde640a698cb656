"""An RTP leg: one UDP socket, drained once a beat, and one for its RTCP."""

import time
from collections.abc import Mapping
from typing import Any

import trio

from daemon.legs.datagrams import ANCILLARY_BYTES, DATAGRAM_BYTES, arrival, send
from daemon.legs.keylog import KeyLog
from daemon.legs.leg import SIDE_NAMES, Side, quality
from daemon.legs.ports import PortPair
from daemon.legs.rtcp import Rtcp
from daemon.legs.tracks import Tracks
from daemon.media.codecs import STATIC, Codec
from daemon.media.keys import PAYLOAD_TYPE
from daemon.media.quality import Received
from daemon.media.rtpstream import Endpoint, RtpStream
from daemon.media.silentvoice import SilentVoice
from daemon.media.timeline import Timeline
from wavstream.process.cadence import Cadence
from wavstream.process.logs import Log
from wavstream.process.settings import Address

DRAIN_PACKETS = 1000
"""So many a drain at most: a flood on one leg costs its own session, and the others some milliseconds."""
IDLE_SECONDS = 5.0
"""A leg not heard for so long sleeps on its socket again, and costs nothing."""
KEY_SLACK_SECONDS = 0.1
"""Arrivals are not exact: a key that seems so close to a pause may have been pressed in it."""


class RtpLeg:
    """One party's RTP. Whoever sends first has it; silence goes back to where the packets come from.

    `payload_types` says what its packets hold, besides the static ones. `heard` is set by the first packet.
    `telephone_event` is the payload type of keys; `repin` lets its sender go on from another address. Times
    are those of `trio.current_time()`.
    """

    def __init__(
        self,
        *,
        side: Side,
        bound: PortPair,
        cadence: Cadence,
        log: Log,
        payload_types: Mapping[int, Codec] | None = None,
        telephone_event: int = PAYLOAD_TYPE,
        repin: bool = False,
    ) -> None:
        """`bound` is of `RtpPorts.bind`, and this leg's to close."""
        self.side = side
        self.heard = trio.Event()
        self._bound = bound
        self._socket = bound.rtp
        self._address = Address(*bound.rtp.getsockname()[:2])
        self._cadence = cadence
        self._log = log.bind(leg=SIDE_NAMES[side])
        self._told = payload_types or {}
        self._stream = RtpStream({**STATIC, **self._told}, telephone_event=telephone_event, repin=repin)
        self._tracks = Tracks(side)
        self._keys = KeyLog(self._tracks)
        self._drained = trio.current_time()
        self._offset = self._drained - time.time()
        self._last_heard = self._drained
        self._voice = SilentVoice()
        self._rtcp = Rtcp(bound=bound, stream=self._stream, voice=self._voice, log=self._log)

    @property
    def address(self) -> Address:
        """Where its packets are to be sent, or were: it can be asked for after the leg was closed."""
        return self._address

    @property
    def rate(self) -> int:
        """Samples a second of its codec; before the first packet, the highest that it was told of."""
        codec = self._stream.codec
        return codec.rate if codec is not None else max([8000, *(told.rate for told in self._told.values())])

    @property
    def last_heard(self) -> float:
        """When it was heard last; before that, since when it listens."""
        return self._last_heard

    @property
    def received(self) -> Received:
        """What has come since it listens, up to the last `poll`."""
        return self._stream.reception.received(drift_ppm=self._stream.clock.drift.ppm)

    async def run(self, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled; then take in what has arrived, leave the recording, and close."""
        try:
            task_status.started(self.address)
            while True:
                await self._something()
                self.poll()
        finally:
            self.close()

    async def _something(self) -> None:
        """Wait until it is this task's turn to drain: a leg that is recorded is polled by its recording."""
        if self._tracks:
            await self._tracks.released()
        elif trio.current_time() - self._last_heard > IDLE_SECONDS or self._stream.source is None:
            await trio.lowlevel.wait_readable(self._socket)
            self.poll()
            await self._cadence.beat()  # at most one drain a beat, also when it is not the caller who sends
        else:
            await self._cadence.beat()

    def attach(self, timeline: Timeline) -> None:
        """Place all audio there from now on, also that of the last moments; the recording polls each beat."""
        self._tracks.attach(timeline, rate=self.rate, drained=self._drained)

    def detach(self, timeline: Timeline) -> None:
        """Place nothing there any more. Does nothing where it is not attached."""
        self._tracks.detach(timeline)

    def close(self) -> None:
        """Take in what has arrived, leave all recordings, and close the socket. Twice does no harm."""
        if self._socket.fileno() >= 0:
            self.poll()
            self._rtcp.goodbye()
        self._bound.close()
        self._tracks.detach_all()

    def poll(self) -> None:
        """Take in all that has arrived up to now. A leg that was closed has nothing more."""
        if self._socket.fileno() < 0:
            return
        now = trio.current_time()
        whole = self._drain(now)
        heard = self._stream.heard()
        if heard:
            self._last_heard = now
        self._keys.note(self._stream.keys.taken(), slack=KEY_SLACK_SECONDS)
        self._drained = now if whole else self._drained
        self._tracks.take(heard, now=now, drained=self._drained)
        if now >= self._rtcp.due:
            self._rtcp.report()

    def _drain(self, now: float) -> bool:
        """Read the socket until it is empty. False: there was more than one drain may take."""
        receive, take = self._socket.recvmsg, self._stream.receive
        from_real, since, waiting = self._from_real(now), self._drained, not self.heard.is_set()
        for _ in range(DRAIN_PACKETS):
            try:
                datagram, ancillary, _flags, source = receive(DATAGRAM_BYTES, ANCILLARY_BYTES)
            except BlockingIOError:
                return True
            notice = take(datagram, source, arrival(ancillary, from_real, since, now))
            if notice is not None:
                self._log.warning(notice.event, **notice.fields)
            if waiting and self._stream.source is not None:
                waiting = False
                self._log.info("leg heard", source=self._stream.source)
                self._rtcp.begin(now)
                self.heard.set()
        return False

    def _from_real(self, now: float) -> float:
        """What to add to a stamp of the wall clock to get our time; rather too much than too little.

        Too little comes of a wall clock that was set on, and of a busy machine that stopped us between the
        two clocks: packets would seem to arrive before they were spoken, and be moved. One that seems late
        is thought held up on its way, and is not.
        """
        before, self._offset = self._offset, now - time.time()
        return max(before, self._offset)

    def send_silence(self, now: float) -> None:
        """One packet of 20 ms of silence in the far end's own codec. None before it has been heard."""
        stream = self._stream
        if stream.source is None or stream.codec is None or self._socket.fileno() < 0:
            return
        packet = self._voice.packet(stream.codec, stream.payload_type, now)
        if packet is not None:
            send(self._socket, packet, stream.source)

    def view(self) -> dict[str, Any]:
        """How the leg stands, for whoever asks for its session."""
        if self._socket.fileno() >= 0:
            self._rtcp.take_in()
        stream, reception = self._stream, self._stream.reception
        return {
            "leg": SIDE_NAMES[self.side],
            "kind": "rtp",
            "state": "active" if self.heard.is_set() else "waiting",
            "codec": None if stream.codec is None else stream.codec.name,
            "rate": self.rate,
            "packets": reception.packets,
            "lost": reception.lost,
            "jitter_ms": round(reception.jitter * 1000, 3),
            "duplicates": reception.duplicates,
            "reordered": reception.reordered,
            "strangers": stream.strangers,
            "malformed": stream.malformed + self._rtcp.malformed,
            "unknown": stream.unknown,
            "comfort_noise": stream.comfort_noise,
            "keys": stream.keys.pressed,
            "dtmf": self._keys.view(),
            "anchors": stream.clock.anchored,
            "corrected": stream.clock.corrected,
            "quality": quality(self, trio.current_time()),
            "silence_packets": self._voice.said,
            "rtcp": self._rtcp.view(),
            "drift_ppm": stream.clock.drift.ppm,
        }


__all__ = ["Endpoint", "RtpLeg"]
