from daemon.media import codecs, rtp
from daemon.media.codecs import Codec
from daemon.media.silentvoice import SilentVoice


def said(voice: SilentVoice, now: float, codec: Codec = codecs.PCMU, kind: int = 0) -> rtp.Packet:
    datagram = voice.packet(codec, kind, now)
    assert datagram is not None
    return rtp.parse(datagram)


def test_each_packet_begins_a_talkspurt_and_counts_the_time_between() -> None:
    """RFC 3551 §4.1: none was sent for a while, so the marker is set and the timestamp has gone on."""
    voice = SilentVoice()
    first, second, third = (said(voice, at) for at in (10.0, 10.1, 10.5))
    assert {packet.marker for packet in (first, second, third)} == {True}
    assert {packet.ssrc for packet in (first, second, third)} == {voice.ssrc}
    assert (second.sequence - first.sequence) & 0xFFFF == (third.sequence - second.sequence) & 0xFFFF == 1
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 800  # 0.1 s at 8 kHz
    assert (third.timestamp - second.timestamp) & 0xFFFFFFFF == 3200
    assert first.payload == b"\xff" * 160


def test_two_packets_never_sound_at_once() -> None:
    voice = SilentVoice()
    said(voice, 10.0)
    assert voice.packet(codecs.PCMU, 0, 10.019) is None
    said(voice, 10.02)
    assert (voice.said, voice.packets, voice.octets) == (2, 2, 320)


def test_each_codec_is_silent_in_its_own_way_and_by_its_own_clock() -> None:
    for codec, kind, octets, step in (
        (codecs.PCMA, 8, 160, 800),
        (codecs.G722, 9, 160, 800),  # 16 kHz, but a clock of 8 (RFC 3551 §4.5.2)
        (codecs.l16(16000), 96, 640, 1600),
        (codecs.l16(48000), 97, 1920, 4800),
    ):
        voice = SilentVoice()
        first, second = said(voice, 1.0, codec, kind), said(voice, 1.1, codec, kind)
        assert (first.payload_type, len(first.payload)) == (kind, octets)
        assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == step
        # A whole scale of A-law's quietest samples is 8; of G.722 the decoder rings by less than that.
        assert abs(codec.decode(first.payload).astype(int)).max() <= 8
        assert voice.timestamp(1.1) == second.timestamp


def test_at_another_clock_rate_it_is_another_source_counted_anew() -> None:
    voice = SilentVoice()
    before = said(voice, 1.0)
    assert said(voice, 1.1, codecs.PCMA, 8).ssrc == before.ssrc  # the same clock
    wide = said(voice, 1.2, codecs.l16(16000), 96)
    assert wide.ssrc == voice.ssrc != before.ssrc
    assert voice.left == [before.ssrc]
    assert (voice.said, voice.packets, voice.octets) == (3, 1, 640)


def test_the_clock_rate_of_the_first_packet_changes_nothing() -> None:
    voice = SilentVoice()
    ssrc = voice.ssrc
    assert said(voice, 1.0, codecs.l16(16000), 96).ssrc == ssrc
    assert voice.left == []
