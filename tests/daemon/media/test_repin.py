"""Who may have a leg when its sender is heard no more."""

from daemon.media import codecs
from daemon.media.codecs import STATIC
from daemon.media.heard import Heard
from daemon.media.notices import Notice
from daemon.media.rtpstream import REPIN_SECONDS, RtpStream
from tests.daemon.media.test_rtpstream import CALLER, STRANGER, VOICE, packet

MOVED = ("192.0.2.1", 4711)


def stream_of_two(*, repin: bool) -> RtpStream:
    """Packets 0 and 1 have come, the second at 0.04 s."""
    stream = RtpStream(STATIC, repin=repin)
    for number in (0, 1):
        stream.receive(packet(number), CALLER, (number + 1) * 0.02)
    return stream


def test_without_leave_no_stranger_has_the_leg_however_long_its_sender_is_silent() -> None:
    stream = stream_of_two(repin=False)
    stream.receive(packet(5000), MOVED, 3600.0)
    stream.receive(packet(2, ssrc=66), STRANGER, 3600.0)
    assert (stream.source, stream.strangers) == (CALLER, 2)
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE * 2)]


def test_with_leave_a_stranger_has_to_wait_until_the_sender_was_silent_long_enough() -> None:
    stream = stream_of_two(repin=True)
    silent_since = 0.04
    stream.receive(packet(9, ssrc=66), STRANGER, silent_since + REPIN_SECONDS - 0.01)
    assert (stream.source, stream.strangers) == (CALLER, 1)
    notice = stream.receive(packet(10, ssrc=66), STRANGER, silent_since + REPIN_SECONDS)
    assert notice == Notice("sender began anew", {"source": STRANGER, "ssrc": 66})
    assert (stream.source, stream.strangers, stream.ssrc_changes) == (STRANGER, 1, 1)
    # It is anchored anew: its last sample was spoken at 2.04 s, sample 16,320.
    assert stream.heard()[-1] == Heard(16_160, codecs.PCMU, VOICE)


def test_while_the_sender_speaks_no_stranger_has_the_leg_though_it_has_leave() -> None:
    stream = stream_of_two(repin=True)
    for number in range(2, 500):  # kept as a run: its packets are not parsed, but heard all the same
        stream.receive(packet(number), CALLER, (number + 1) * 0.02)
    stream.receive(packet(0, ssrc=66), STRANGER, 10.01)
    assert (stream.source, stream.strangers) == (CALLER, 1)


def test_a_sender_that_a_nat_has_bound_anew_goes_on_at_its_place() -> None:
    stream = stream_of_two(repin=True)
    for number in range(2, 200):  # 0.06 s to 4.00 s, from the new port
        stream.receive(packet(number), MOVED, (number + 1) * 0.02)
    # Silent since 0.04 s, so from 2.04 s on, packet 101, it is heard there; 2 to 100 were a stranger's.
    assert (stream.source, stream.strangers, stream.ssrc_changes) == (MOVED, 99, 0)
    assert stream.heard() == [
        Heard(0, codecs.PCMU, VOICE * 2),
        Heard(101 * 160, codecs.PCMU, VOICE * 99),
    ]
    assert (stream.reception.lost, stream.clock.anchored) == (99, 1)


def test_what_cannot_be_heard_moves_no_leg() -> None:
    stream = stream_of_two(repin=True)
    stream.receive(packet(2, kind=13, payload=b"x"), MOVED, 9.0)
    stream.receive(packet(2, payload=b""), MOVED, 9.0)
    assert stream.source == CALLER
