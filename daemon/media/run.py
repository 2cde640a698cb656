"""Packets that come as they are expected. Nearly all do: what they cost is what a call costs."""

from daemon.media.rtp import HEADER, HEADER_BYTES, PLAIN, Packet


class Run:
    """Packets each of which only goes on with the one before: known by their first bytes, never parsed.

    Same source, SSRC, payload type and length, no marker, the sequence one on, the timestamp on by as many
    steps as a packet has samples. Nothing has to be decided as they come, so they are kept, and counted and
    placed together.
    """

    def __init__(self) -> None:
        self.samples = 0  # of each packet
        self._source: object = None
        self._kind = self._ssrc = self._sequence = self._timestamp = 0
        self._header, self._bytes = b"", -1  # of the packet expected; -1: none is
        self._payloads: list[bytes] = []
        self._arrivals: list[float] = []

    def follow(self, packet: Packet, samples: int, source: object) -> None:
        """Expect those that go on with this packet, which has so many `samples` (at least one)."""
        self.samples, self._source = samples, source
        self._kind, self._ssrc = packet.payload_type, packet.ssrc
        self._bytes = HEADER_BYTES + len(packet.payload)
        self._expect_after(packet.sequence, packet.timestamp)

    def end(self) -> None:
        """Expect nothing: something else has come."""
        self._bytes = -1

    def keeps(self, datagram: bytes, source: object, arrival: float) -> bool:
        """Whether this is what was expected. Then it is kept, and the next one expected."""
        if len(datagram) != self._bytes or not datagram.startswith(self._header) or source != self._source:
            return False
        self._payloads.append(datagram[HEADER_BYTES:])
        self._arrivals.append(arrival)
        self._expect_after(self._sequence, self._timestamp)
        return True

    def taken(self) -> tuple[list[bytes], list[float]]:
        """The payloads and the arrivals of all that were kept since this was asked last."""
        taken = self._payloads, self._arrivals
        self._payloads, self._arrivals = [], []
        return taken

    def _expect_after(self, sequence: int, timestamp: int) -> None:
        self._sequence = sequence = (sequence + 1) & 0xFFFF
        self._timestamp = timestamp = (timestamp + self.samples) & 0xFFFFFFFF
        self._header = HEADER.pack(PLAIN, self._kind, sequence, timestamp, self._ssrc)
