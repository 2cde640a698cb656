"""What one leg says and hears by RTCP (RFC 3550 §6): no socket, no clock.

Times are seconds of one monotonic clock; `wall` is the same instant in seconds since the epoch.
"""

import base64
import random
from collections import deque
from typing import NamedTuple

from daemon.media import rtcp
from daemon.media.reception import Standing
from daemon.media.silentvoice import SilentVoice

INTERVAL_SECONDS = 5.0
"""From one report to the next, half more or less at random; to the first one half of that (§6.2)."""
LATE_AUDIO_SECONDS = 0.5
"""Audio that comes so soon behind its sender's goodbye was overtaken by it."""
REPORTS_REMEMBERED = 8
"""Of our own, for the answers: the far end's next report names the last one that it had."""
NTP_EPOCH_SECONDS = 2_208_988_800
"""From 1900 to 1970 (RFC 868)."""


class Farewell(NamedTuple):
    """The far end has said that its source is heard no more."""

    ssrc: int
    at: float
    reason: str


def fraction_lost(expected: int, received: int) -> int:
    """How many of 256 packets were lost in an interval (RFC 3550 A.3); more than expected is no loss."""
    lost = expected - received
    return min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0


def ntp_of(wall: float) -> int:
    """The NTP time in 64 bits (RFC 3550 §4), which begins again in 2036."""
    seconds = int(wall)
    fraction = int((wall - seconds) * (1 << 32))
    return ((seconds + NTP_EPOCH_SECONDS & 0xFFFFFFFF) << 32) | fraction


def _middle(ntp: int) -> int:
    return ntp >> 16 & 0xFFFFFFFF


class RtcpSession:
    """Two participants: the leg's sender, and we, who say silence while the leg is recorded.

    Its sender is the one whose RTP the leg hears; what another source says of itself is passed over.
    """

    def __init__(self, voice: SilentVoice) -> None:
        chance = random.SystemRandom()
        self.reports = 0
        """Compounds of the far end that were taken."""
        self.sent = 0
        self.malformed = 0
        self.round_trip: float | None = None
        """Seconds; None until the far end has answered a report in which we said something (§6.4.1)."""
        self.far_lost: int | None = None
        """Packets of our silence that the far end has missed."""
        self.far_jitter: float | None = None
        """Seconds."""
        self.farewell: Farewell | None = None
        self._voice = voice
        self._uniform = chance.uniform
        # A name for as long as the leg stands (RFC 7022 §4.2): it says nothing about this machine.
        self._name = base64.b64encode(chance.randbytes(12)).decode()
        self._said = deque([0, 0], maxlen=2)  # packets of silence up to the last two reports
        self._ours: deque[tuple[int, float]] = deque(maxlen=REPORTS_REMEMBERED)
        self._heard_of: int | None = None  # the source that all below is about
        self._their_report = 0
        self._their_report_at = 0.0
        self._before: Standing | None = None

    def pause(self, *, first: bool = False) -> float:
        """Seconds to the next report."""
        return INTERVAL_SECONDS * self._uniform(0.5, 1.5) * (0.5 if first else 1.0)

    def take(self, datagram: bytes, *, ssrc: int | None, arrival: float) -> bool:
        """Take in a compound; `ssrc` is the leg's sender's. Whether it comes from the far end indeed.

        It does where it names one of the two sources that only the far end knows. Nothing is raised: what is
        no RTCP is counted.
        """
        try:
            packets = rtcp.parse(datagram)
        except rtcp.RtcpError:
            self.malformed += 1
            return False
        self._turn_to(ssrc)
        taken = [self._take(packet, ssrc, arrival) for packet in packets]
        if not any(taken):
            return False
        self.reports += 1
        return True

    def _take(self, packet: rtcp.Packet, ssrc: int | None, arrival: float) -> bool:
        match packet:
            case rtcp.SenderReport():
                if packet.ssrc == ssrc:
                    self._their_report, self._their_report_at = _middle(packet.ntp), arrival
                return self._answered(packet.blocks, arrival) or packet.ssrc == ssrc
            case rtcp.ReceiverReport():
                return self._answered(packet.blocks, arrival) or packet.ssrc == ssrc
            case rtcp.Bye() if ssrc in packet.ssrcs and ssrc is not None:
                self.farewell = Farewell(ssrc, arrival, packet.reason)
                return True
        return False

    def _answered(self, blocks: tuple[rtcp.Block, ...], arrival: float) -> bool:
        """Take what the far end says about our silence. Whether it says anything."""
        about = next((block for block in blocks if block.ssrc == self._voice.ssrc), None)
        if about is None:
            return False
        self.far_lost = about.lost
        self.far_jitter = about.jitter / self._voice.clock_rate
        sent = next((at for middle, at in self._ours if middle == about.last_report), None)
        if sent is not None:
            self.round_trip = max(0.0, arrival - sent - about.delay / 65536)
        return True

    def has_left(self, ssrc: int | None, last_heard: float) -> bool:
        """Whether the leg's sender, heard last at that time, has said goodbye."""
        said = self.farewell
        return said is not None and said.ssrc == ssrc and last_heard <= said.at + LATE_AUDIO_SECONDS

    def report(self, *, ssrc: int | None, standing: Standing, now: float, wall: float) -> bytes:
        """The compound to be sent now. `standing` is that of the leg's sender, whose SSRC is given."""
        self._turn_to(ssrc)
        blocks = self._blocks(ssrc, standing, now)
        packets: list[rtcp.Packet] = [self._own_report(blocks, now, wall), self._description()]
        if self._voice.left:
            packets.append(rtcp.Bye(tuple(self._voice.left[:31])))
            self._voice.left.clear()
        self.sent += 1
        return rtcp.build(*packets)

    def goodbye(self) -> bytes:
        """The last compound: our source is heard no more (§6.6)."""
        return rtcp.build(
            rtcp.ReceiverReport(self._voice.ssrc), self._description(), rtcp.Bye((self._voice.ssrc,))
        )

    def _turn_to(self, ssrc: int | None) -> None:
        """Forget what was of another source."""
        if ssrc != self._heard_of:
            self._heard_of, self._before = ssrc, None
            self._their_report, self._their_report_at = 0, 0.0

    def _own_report(
        self, blocks: tuple[rtcp.Block, ...], now: float, wall: float
    ) -> rtcp.SenderReport | rtcp.ReceiverReport:
        """A sender's while we have said something since the report before the last one (§6.4)."""
        voice, speaks = self._voice, self._voice.said != self._said[0]
        self._said.append(voice.said)
        if not speaks:
            return rtcp.ReceiverReport(voice.ssrc, blocks)
        ntp = ntp_of(wall)
        self._ours.append((_middle(ntp), now))
        return rtcp.SenderReport(voice.ssrc, ntp, voice.timestamp(now), voice.packets, voice.octets, blocks)

    def _blocks(self, ssrc: int | None, standing: Standing, now: float) -> tuple[rtcp.Block, ...]:
        """What we have received, if anything came since the last report (§6.4)."""
        before, self._before = self._before, standing
        if before is None or before.stream != standing.stream:
            before = Standing(standing.stream, 0, 0, 0, 0)
        expected, received = standing.expected - before.expected, standing.received - before.received
        if ssrc is None or received <= 0:
            return ()
        since = round((now - self._their_report_at) * 65536) if self._their_report else 0
        return (
            rtcp.Block(
                ssrc=ssrc,
                fraction=fraction_lost(expected, received),
                lost=standing.expected - standing.received,
                highest=standing.highest,
                jitter=standing.jitter & 0xFFFFFFFF,
                last_report=self._their_report,
                delay=since & 0xFFFFFFFF,
            ),
        )

    def _description(self) -> rtcp.Description:
        return rtcp.Description(((self._voice.ssrc, self._name),))
