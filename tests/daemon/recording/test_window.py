import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from daemon.recording.window import ReplayWindow, WindowError

SILENT = 0xFF


def window_of(data: bytes = b"", capacity: int = 100) -> ReplayWindow:
    window = ReplayWindow(capacity=capacity, silent_byte=SILENT)
    window.append(data)
    return window


def test_bytes_are_taken_in_order_and_in_pieces() -> None:
    window = window_of(b"abcdefgh")
    assert [window.take(3) for _ in range(4)] == [b"abc", b"def", b"gh", b""]
    assert (window.sent, window.end, window.waiting, window.unacknowledged) == (8, 8, 0, 8)


def test_what_was_not_acknowledged_is_sent_again() -> None:
    window = window_of(b"abcdefgh")
    window.take(6)
    window.ack(2)
    window.rewind(4)
    assert window.take(100) == b"efgh"
    assert (window.acked, window.unacknowledged) == (2, 6)


def test_what_the_server_has_but_did_not_acknowledge_may_be_asked_for_again() -> None:
    window = window_of(b"abcdefgh")
    window.take(8)
    window.rewind(6)
    window.rewind(1)
    assert window.take(100) == b"bcdefgh"
    assert window.lost == 0


def test_an_acknowledgement_that_comes_late_changes_nothing() -> None:
    window = window_of(b"abcdefgh")
    window.take(8)
    window.ack(5)
    window.ack(3)
    assert window.acked == 5


def test_the_server_cannot_have_what_was_never_sent() -> None:
    window = window_of(b"abcdefgh")
    window.take(4)
    with pytest.raises(WindowError, match="acknowledged byte 5, sent only 4"):
        window.ack(5)
    with pytest.raises(WindowError, match="the server has 5 bytes, of which only 4"):
        window.rewind(5)


def test_it_may_have_what_was_on_its_way_when_the_connection_broke() -> None:
    window = window_of(b"abcdefgh")
    window.take(8)
    window.rewind(2)
    window.take(2)
    window.rewind(8)
    assert window.take(10) == b""
    assert (window.sent, window.acked) == (8, 0)


def test_above_its_capacity_the_oldest_audio_becomes_silence_of_the_same_length() -> None:
    window = window_of(b"abcd", capacity=6)
    window.append(b"efghij")
    assert [window.take(3), window.take(3), window.take(3), window.take(3)] == [
        b"\xff" * 3,
        b"\xff",
        b"efg",
        b"hij",
    ]
    assert window.lost == 4
    assert window.gaps == [(0, 4)]


def test_what_the_server_got_before_it_was_let_go_is_not_lost() -> None:
    window = window_of(b"abcd", capacity=6)
    window.take(4)
    window.append(b"efghij")
    window.rewind(3)
    assert window.take(100) == b"\xff"
    assert window.take(100) == b"efghij"
    assert window.gaps == [(3, 4)]


def test_silence_that_the_server_did_not_keep_is_not_counted_twice() -> None:
    window = window_of(b"abcdefghij", capacity=4)
    window.take(5)
    window.rewind(2)
    assert window.lost == 2
    assert window.take(100) == b"\xff" * 4
    assert window.gaps == [(0, 6)]
    window.rewind(0)
    assert window.lost == 0


def test_a_server_whose_disk_forgot_what_it_had_acknowledged_gets_silence_for_it() -> None:
    window = window_of(b"abcdefgh")
    window.take(8)
    window.ack(6)
    window.rewind(1)
    assert window.take(100) + window.take(100) == b"\xff" * 5 + b"gh"
    assert window.lost == 5


def test_after_the_end_nothing_is_added() -> None:
    window = window_of(b"ab")
    window.close()
    with pytest.raises(ValueError, match="has ended"):
        window.append(b"c")
    assert window.take(9) == b"ab"


class LosingServer(RuleBasedStateMachine):
    """A server that loses connections at any byte, against a window that has to lose nothing.

    Between a loss and the next connection the server keeps anything from the last byte that it acknowledged
    to the last that was sent: a part of what was on its way.
    """

    capacity = 64

    def __init__(self) -> None:
        super().__init__()
        self.window = ReplayWindow(capacity=self.capacity, silent_byte=SILENT)
        self.made = bytearray()
        self.kept = bytearray()
        self.flying = bytearray()
        self.connected = False
        self.acked = 0

    @rule(data=st.binary(min_size=1, max_size=40).map(lambda data: data.replace(b"\xff", b"\xfe")))
    @precondition(lambda self: not self.window.closed)
    def speak(self, data: bytes) -> None:
        self.window.append(data)
        self.made += data

    @rule()
    @precondition(lambda self: not self.connected)
    def connect(self) -> None:
        self.window.rewind(len(self.kept))
        self.connected = True

    @rule(most=st.integers(1, 50))
    @precondition(lambda self: self.connected)
    def send(self, most: int) -> None:
        self.flying += self.window.take(most)

    @rule(portion=st.integers(0, 100))
    @precondition(lambda self: self.connected)
    def arrive(self, portion: int) -> None:
        self._arrive(portion)

    def _arrive(self, portion: int) -> None:
        count = len(self.flying) * portion // 100
        self.kept += self.flying[:count]
        del self.flying[:count]

    @rule()
    @precondition(lambda self: self.connected)
    def acknowledge(self) -> None:
        self.acked = max(self.acked, len(self.kept))
        self.window.ack(self.acked)

    @rule(portion=st.integers(0, 100))
    @precondition(lambda self: self.connected)
    def lose_the_connection(self, portion: int) -> None:
        self._arrive(portion)
        self.flying.clear()
        self.connected = False

    @rule(portion=st.integers(0, 100))
    @precondition(lambda self: not self.connected)
    def forget_what_was_not_acknowledged(self, portion: int) -> None:
        unsafe = len(self.kept) - self.acked
        del self.kept[self.acked + unsafe * portion // 100 :]

    @rule()
    def stop(self) -> None:
        self.window.close()

    @invariant()
    def the_numbers_agree(self) -> None:
        window = self.window
        assert window.acked <= window.sent <= window.end == len(self.made)
        if self.connected:
            assert window.sent == len(self.kept) + len(self.flying)

    @invariant()
    def every_byte_stands_in_its_place_or_is_silence_that_was_counted(self) -> None:
        silenced = {at for start, end in self.window.gaps for at in range(start, end)}
        for at, byte in enumerate(self.kept):
            assert byte == (SILENT if at in silenced else self.made[at])
        if self.connected:
            assert self.window.lost == self.kept.count(SILENT) + self.flying.count(SILENT)

    @invariant()
    def nothing_is_silenced_that_is_still_kept(self) -> None:
        if len(self.made) <= self.capacity:
            assert self.window.lost == 0

    def teardown(self) -> None:
        """At last a connection holds: all that was made arrives."""
        if not self.connected:
            self.connect()
        while self.window.waiting:
            self.send(50)
        self._arrive(100)
        self.acknowledge()
        assert len(self.kept) == len(self.made)
        assert self.window.acked == self.window.end
        self.every_byte_stands_in_its_place_or_is_silence_that_was_counted()


TestALosingServer = LosingServer.TestCase
