"""From datagrams to placed audio: who may speak on a leg, in which codec, and where each sample belongs.

No socket and no clock: `daemon/legs/rtp.py` brings both.
"""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from daemon.media import rtcp, rtp
from daemon.media.codecs import Codec
from daemon.media.heard import Heard, Memory, stretched
from daemon.media.keys import PAYLOAD_TYPE, Keys
from daemon.media.notices import Notice, Notices
from daemon.media.reception import Reception, Verdict
from daemon.media.run import Run
from daemon.media.senderclock import SenderClock

Endpoint = tuple[str, int]
"""Host and port of who sends; an IPv6 peer's go on with flow and scope, always alike from one socket."""

REPIN_SECONDS = 2.0
"""A sender may move, where its session allows it, when it was silent for so long: longer than a stall."""
CONTROL_KEPT = 32
"""So many RTCP packets wait until they are asked for, which is each few seconds; then the oldest go."""
COMFORT_NOISE = frozenset({13, 19})
"""The payload type of comfort noise (RFC 3389 §4), and the one it had in drafts (RFC 3551 §6: reserved)."""
NAME_IT = 'say what it is when the call is registered: "rtp": {"payload_type", "encoding", "rate"}'
"""What there is to do about an unknown payload type, for whoever reads of it."""


class Control(NamedTuple):
    """A datagram of RTCP on the RTP port, unread. `arrival` is in seconds."""

    datagram: bytes
    source: Endpoint
    arrival: float


class RtpStream:
    """All packets that come to one RTP leg.

    The first valid packet pins its source: address and SSRC. Another address is a stranger, and heard no more
    than counted; another SSRC from the same address is the same sender begun anew. With `repin` a stranger
    becomes the sender when the one before has been silent for REPIN_SECONDS; with the same SSRC it is the one
    before, whom a NAT has bound anew, and its audio goes on by its timestamps.
    """

    def __init__(
        self, codecs: Mapping[int, Codec], *, telephone_event: int = PAYLOAD_TYPE, repin: bool = False
    ) -> None:
        self.source: Endpoint | None = None
        self.codec: Codec | None = None
        self.payload_type = -1
        self.strangers = 0
        self.malformed = 0
        self.unknown = 0
        self.ssrc_changes = 0
        self.comfort_noise = 0
        """Packets that say how the background sounds. It is recorded as silence: nobody spoke."""
        self.keys = Keys()
        self.control: deque[Control] = deque(maxlen=CONTROL_KEPT)
        """RTCP that came multiplexed with the audio (RFC 5761), for whoever takes it from here."""
        self._reception = Reception(8000)
        self._clock = SenderClock(8000)
        self._run = Run()
        self._codecs = codecs
        self._telephone_event = -1 if telephone_event in codecs else telephone_event
        self._repin = repin
        self._ssrc = -1
        self._notices = Notices()
        self._heard: list[Heard] = []
        self._opened: list[Heard] = []
        self._memory: Memory | None = None
        self._pieces: list[bytes] = []
        self._index = self._end = 0

    @property
    def ssrc(self) -> int | None:
        """The sender's SSRC; None before the first packet."""
        return None if self._ssrc < 0 else self._ssrc

    @property
    def reception(self) -> Reception:
        """What became of the packets, up to the last one."""
        self._settle()
        return self._reception

    @property
    def clock(self) -> SenderClock:
        """The sender's clock, up to the last packet."""
        self._settle()
        return self._clock

    def receive(self, datagram: bytes, source: Endpoint, arrival: float) -> Notice | None:
        """Take in a datagram that came at `arrival` (seconds). Gives what is worth a line in the log."""
        if self._run.keeps(datagram, source, arrival):
            return None
        if rtcp.is_rtcp(datagram):
            return self._keep(Control(datagram, source, arrival))
        self._settle()
        self._run.end()
        return self._receive(datagram, source, arrival)

    def _receive(self, datagram: bytes, source: Endpoint, arrival: float) -> Notice | None:
        try:
            packet = rtp.parse(datagram)
        except rtp.RtpError as wrong:
            self.malformed += 1
            return self._notices.once("malformed packet", source, source=source, error=str(wrong))
        if source != self.source or packet.ssrc != self._ssrc:
            notice = self._introduce(packet, source, arrival)
            if source != self.source or packet.ssrc != self._ssrc:
                return notice
        else:
            notice = None
        key = packet.payload_type == self._telephone_event
        verdict = self._reception.arrived(packet.sequence, packet.timestamp, arrival, timed=not key)
        if verdict is Verdict.RESTARTED:
            self._clock.restart()
        elif verdict is not Verdict.FRESH:
            return notice
        if key:
            return self._key(packet, arrival) or notice
        known = packet.payload_type == self.payload_type
        codec = self.codec if known else self._switch(packet.payload_type)
        if codec is None:
            return self._unheard(packet) or notice
        return self._take(packet, codec, arrival) or notice

    def _keep(self, control: Control) -> Notice | None:
        """Keep RTCP for whoever reads it, if it may speak here: before the leg has its sender, nobody may."""
        if self.source is None:
            return None
        if control.source[0] != self.source[0]:
            return self.estrange(control.source)
        self.control.append(control)
        return None

    def estrange(self, source: Endpoint) -> Notice | None:
        """Count a datagram of somebody who has no business here."""
        self.strangers += 1
        return self._notices.once("packet from a stranger", source, source=source, pinned=self.source)

    def heard(self) -> list[Heard]:
        """What has been heard since this was asked last, in order of arrival, neighbours joined.

        Of a codec with memory: decoded, and in order of time.
        """
        self._settle()
        self._open()
        opened, self._opened = self._opened, []
        return opened

    def _introduce(self, packet: rtp.Packet, source: Endpoint, arrival: float) -> Notice | None:
        """Somebody not heard before: the leg's sender, the sender begun anew or moved, or a stranger."""
        if self.source is not None and source != self.source and not self._may_move(arrival):
            return self.estrange(source)
        codec = self._codecs.get(packet.payload_type)
        if codec is None or not packet.payload or len(packet.payload) % codec.bytes_per_sample:
            # Nobody is pinned by what cannot be heard: the right sender may still be to come.
            return self._pass_over(packet.payload_type)
        before, self.source = self.source, source
        if packet.ssrc == self._ssrc:
            return self._notices.once("sender moved", source, source=source, before=before)
        self._open()
        self._remember(codec)
        self.keys.begin()
        self._ssrc = packet.ssrc
        self._reception.begin(codec.clock_rate)
        self._clock.restart()
        if before is None:
            return None
        self.ssrc_changes += 1
        return self._notices.once("sender began anew", packet.ssrc, source=source, ssrc=packet.ssrc)

    def _may_move(self, arrival: float) -> bool:
        """Whether another address may have the leg now."""
        return self._repin and self._reception.silent_for(arrival) >= REPIN_SECONDS

    def _switch(self, payload_type: int) -> Codec | None:
        """Go over to another payload type's codec; None, and no change, where it has none."""
        codec = self._codecs.get(payload_type)
        if codec is None:
            return None
        self._open()
        self._remember(codec)
        if codec.clock_rate != self._clock.rate:
            self._reception.change(codec.clock_rate)
            self._clock.change(codec.clock_rate)
        self.codec, self.payload_type = codec, payload_type
        return codec

    def _take(self, packet: rtp.Packet, codec: Codec, arrival: float) -> Notice | None:
        payload = packet.payload
        samples, odd = divmod(len(payload), codec.bytes_per_sample)
        if odd:
            self.malformed += 1
            return self._notices.once("half a sample", codec.name, codec=codec.name, bytes=len(payload))
        if not samples:
            return None  # keeps a way through a firewall open
        index = self._clock.place(
            sequence=packet.sequence,
            timestamp=packet.timestamp,
            samples=samples,
            arrival=arrival,
            marker=packet.marker,
        )
        self._append(index, [payload], samples, self._clock.stepped)
        self._begin_run(packet, samples)
        return None

    def _unheard(self, packet: rtp.Packet) -> Notice | None:
        """A packet that holds no voice that we know of."""
        kind = packet.payload_type
        if kind in COMFORT_NOISE:
            self.comfort_noise += 1
            return None
        return self._pass_over(kind)

    def _pass_over(self, kind: int) -> Notice | None:
        self.unknown += 1
        return self._notices.once("unknown payload type", kind, payload_type=kind, remedy=NAME_IT)

    def _key(self, packet: rtp.Packet, arrival: float) -> Notice | None:
        """A telephone event. Its sender says nothing else meanwhile, or says it in packets of its own."""
        if self.keys.take(packet.payload, packet.timestamp, arrival, self._clock.rate):
            return None
        self.malformed += 1
        return self._notices.once("cut off telephone event", len(packet.payload), bytes=len(packet.payload))

    def _begin_run(self, packet: rtp.Packet, samples: int) -> None:
        """Expect what goes on with this packet, where both measure by it: of keys the clock hears nothing."""
        sequence, timestamp = packet.sequence, packet.timestamp
        if self._reception.is_newest(sequence) and self._clock.is_newest(sequence, timestamp, samples):
            self._run.follow(packet, samples, self.source)

    def _settle(self) -> None:
        """Take in the packets that came as expected."""
        payloads, arrivals = self._run.taken()
        if not payloads:
            return
        samples, done = self._run.samples, 0
        self._reception.followed(samples, arrivals)
        for index, count, stepped in self._clock.follow(samples, arrivals):
            self._append(index, payloads[done : done + count], samples * count, stepped)
            done += count

    def _append(self, index: int, payloads: list[bytes], samples: int, stepped: int) -> None:
        if stepped and self._memory is None and samples > 1:
            payloads = [stretched(payloads[0], len(payloads[0]) // samples, stepped)]
            index, samples = index - stepped, samples + stepped
        if index != self._end:
            self._join()
            self._index = index
        self._pieces += payloads
        self._end = index + samples

    def _join(self) -> None:
        if self._pieces and self.codec is not None:
            self._heard.append(Heard(self._index, self.codec, b"".join(self._pieces)))
            self._pieces = []
            self._index = self._end

    def _open(self) -> None:
        """Be done with what has been heard so far: something else follows."""
        self._join()
        self._opened += self._heard if self._memory is None else self._memory.decoded(self._heard)
        self._heard = []

    def _remember(self, codec: Codec) -> None:
        """Another encoder speaks from now on, and it began with no memory."""
        self._memory = None if codec.decoder is None else Memory(codec)


def _whole(payload: bytes, codec: Codec) -> bool:
    return bool(payload) and len(payload) % codec.bytes_per_sample == 0
