"""What a telephone, its network and others send to a leg, told as a list of disturbances."""

from collections.abc import Callable

from daemon.media import rtp
from daemon.media.rtpstream import Endpoint

CALLER = ("192.0.2.1", 4000)
STRANGER = ("192.0.2.66", 4000)
PACKET_SECONDS = 0.02
TIMESTAMP_JUMPS = (-40, 1, 160, 8_000, 80_000, -80_000, 1 << 31)
SEQUENCE_JUMPS = (99, 100, 2_999, 3_000, 30_000, -1, -99, -101)
LENGTHS = (160, 80, 320, 1, 0, 161)
KINDS = (0, 8, 9, 13, 96, 97, 100, 101)
KEY = 101

Item = tuple[bytes, Endpoint, float] | None


class Sender:
    """`wire` holds (datagram, source, arrival in seconds), and None where the leg is asked what it has heard.

    `pace` is how long its second is. Each disturbance has a `number` from 0 to 99, which says how much or
    which, and a `delay` in seconds.
    """

    def __init__(self, *, sequence: int, timestamp: int, pace: float = 1.0, now: float = 50_000.3) -> None:
        self.wire: list[Item] = []
        self._sequence = sequence
        self._timestamp = timestamp
        self._pace = pace
        self._now = now
        self._ssrc = 7
        self._kind, self._length = 0, 160

    def _packet(self, *, marker: bool = False) -> bytes:
        packet = rtp.build(
            payload_type=self._kind,
            sequence=self._sequence,
            timestamp=self._timestamp,
            ssrc=self._ssrc,
            payload=bytes([self._sequence & 0xFF]) * self._length,
            marker=marker,
        )
        self._sequence += 1
        self._timestamp += self._length // (2 if self._kind in (96, 97) else 1)
        self._now += PACKET_SECONDS * self._pace
        return packet

    def _send(self, *datagrams: bytes, source: Endpoint = CALLER, delay: float = 0.0) -> None:
        self.wire += [(datagram, source, self._now + delay) for datagram in datagrams]

    def say(self, number: int, delay: float = 0.0) -> None:
        """As many packets, each third punctual."""
        for count in range(number):
            self._send(self._packet(), delay=delay * (count % 3))

    def look(self, _number: int, _delay: float) -> None:
        """The leg is asked what it has heard."""
        self.wire.append(None)

    def lose(self, number: int, _delay: float) -> None:
        """Up to nine packets never come."""
        for _ in range(number // 10):
            self._packet()

    def double(self, _number: int, delay: float) -> None:
        """The same packet twice."""
        packet = self._packet()
        self._send(packet)
        self._send(packet, delay=delay)

    def overtake(self, _number: int, delay: float) -> None:
        """Two packets in the wrong order."""
        first, second = self._packet(), self._packet()
        self._send(second)
        self._send(first, delay=delay)

    def key(self, _number: int, delay: float) -> None:
        """A packet of a key, and one of voice that it has overtaken."""
        kind, voice = self._kind, self._packet()
        self._kind = KEY
        self._send(self._packet())
        self._kind = kind
        self._send(voice, delay=delay)

    def mark(self, _number: int, delay: float) -> None:
        """The first packet of a talkspurt."""
        self._send(self._packet(marker=True), delay=delay)

    def pause(self, number: int, _delay: float) -> None:
        """Nothing is sent, nor counted."""
        self._now += number * PACKET_SECONDS

    def stall(self, number: int, delay: float) -> None:
        """Packets that come in one heap."""
        self._send(*[self._packet() for _ in range(number)], delay=delay)

    def jump_in_time(self, number: int, _delay: float) -> None:
        """The timestamp goes on from elsewhere."""
        self._timestamp += TIMESTAMP_JUMPS[number % len(TIMESTAMP_JUMPS)]

    def jump_in_sequence(self, number: int, _delay: float) -> None:
        """The sequence goes on from elsewhere."""
        self._sequence += SEQUENCE_JUMPS[number % len(SEQUENCE_JUMPS)]

    def begin_anew(self, number: int, _delay: float) -> None:
        """Another SSRC."""
        self._ssrc, self._sequence = number, self._sequence + 500 * number

    def change_codec(self, number: int, _delay: float) -> None:
        """Another payload type, maybe one that nobody told of."""
        self._kind = KINDS[number % len(KINDS)]

    def change_length(self, number: int, _delay: float) -> None:
        """Other packets, maybe empty ones or with half a sample."""
        self._length = LENGTHS[number % len(LENGTHS)]

    def stranger(self, number: int, _delay: float) -> None:
        """The next packet comes from another address; then, every second time, from the right one too."""
        self._send(self._packet(), source=STRANGER)
        self._sequence -= number % 2

    def pad(self, _number: int, _delay: float) -> None:
        """A packet with a byte of padding."""
        self._send(b"\xa0" + self._packet()[1:] + b"\1")

    def garbage(self, number: int, _delay: float) -> None:
        """No RTP."""
        self._send(bytes(number))


DISTURBANCES: tuple[Callable[[Sender, int, float], None], ...] = (
    Sender.look,
    Sender.lose,
    Sender.double,
    Sender.overtake,
    Sender.key,
    Sender.mark,
    Sender.pause,
    Sender.stall,
    Sender.jump_in_time,
    Sender.jump_in_sequence,
    Sender.begin_anew,
    Sender.change_codec,
    Sender.change_length,
    Sender.stranger,
    Sender.pad,
    Sender.garbage,
)
