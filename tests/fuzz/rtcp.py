"""Datagrams into a leg's RTCP: the parser, and the session that has already said and heard something."""

from collections.abc import Hashable

from daemon.media import rtcp
from daemon.media.codecs import PCMU
from daemon.media.reception import Standing
from daemon.media.rtcpsession import RtcpSession
from daemon.media.silentvoice import SilentVoice
from tests.fuzz import _mutation

FAR, OURS = 0x11223344, 0x55667788
"""As the corpus has them."""
STANDING = Standing(stream=1, expected=500, received=499, highest=70_000, jitter=12)


def do(data: bytes) -> Hashable:
    """Whatever comes: packets that can be said again, or RtcpError; the session raises nothing at all."""
    return _parsed(data), _taken(data)


def _parsed(data: bytes) -> Hashable:
    try:
        packets = rtcp.parse(data)
    except rtcp.RtcpError as wrong:
        return str(wrong)
    again = rtcp.parse(rtcp.build(*packets)) if packets else []
    assert [type(packet) for packet in again] == [type(packet) for packet in packets]
    assert [_numbers(packet) for packet in again] == [_numbers(packet) for packet in packets]
    return tuple(type(packet).__name__ for packet in packets[:3])


def _numbers(packet: rtcp.Packet) -> Hashable:
    """A packet without its texts, which may have been no text."""
    match packet:
        case rtcp.Description(names):
            return tuple(ssrc for ssrc, _ in names)
        case rtcp.Bye(ssrcs, _):
            return ssrcs
    return packet


def _taken(data: bytes) -> Hashable:
    voice = SilentVoice()
    voice.ssrc = OURS
    session = RtcpSession(voice)
    voice.packet(PCMU, 0, 0.5)
    session.report(ssrc=FAR, standing=STANDING, now=1.0, wall=1.7e9)
    is_taken = session.take(data, ssrc=FAR, arrival=2.0)
    assert (session.reports == 1) is is_taken
    assert session.round_trip is None or 0 <= session.round_trip <= 1
    rtcp.parse(session.report(ssrc=FAR, standing=STANDING, now=3.0, wall=1.7e9 + 2))
    return is_taken, session.malformed, session.far_lost is None, session.farewell is None


if __name__ == "__main__":
    _mutation.main("rtcp", do)
