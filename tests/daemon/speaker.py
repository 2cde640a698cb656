"""A switch that speaks all the time, 20 ms after 20 ms, on a connection of its own."""

import socket
import time
from contextlib import closing, suppress

import trio

from daemon.media.codecs import Samples
from tests.daemon.switches import PTIME_SECONDS, Way


class Speaker:
    """Sends 20 ms after 20 ms: silence, and what it is told to say."""

    def __init__(self, switch: socket.socket, way: Way) -> None:
        self.switch = switch
        self._way = way
        self._step = way.codec.clock_rate // 50 * way.codec.bytes_per_sample
        self._unsaid = [b""] * way.voices
        self._next: list[bytes] | None = None
        self.said = trio.Event()
        self.began = (0.0, 0.0)
        """When the first sample that it was told to say was spoken, as it should have been and as it was sent
        (seconds since the epoch)."""

        self.latest = 0.0
        """By how many seconds what it sent was late at most."""

    def say(self, *voices: Samples) -> None:
        """Say it, each voice its own, from the next 20 ms on."""
        self._next = [self._way.codec.encode(voice) for voice in voices]

    async def run(self) -> None:
        """Speak until cancelled; then take leave."""
        epoch = time.time() - trio.current_time()
        began, number, codec = trio.current_time(), 0, self._way.codec
        with closing(self.switch):
            try:
                while True:
                    due = began + number * PTIME_SECONDS
                    await trio.sleep_until(due)
                    self.latest = max(self.latest, trio.current_time() - due)
                    if self._next is not None:
                        self.began = (epoch + due - 0.02, epoch + trio.current_time() - 0.02)
                        self._unsaid, self._next = self._next, None
                    parts = [unsaid[: self._step] for unsaid in self._unsaid]
                    self._unsaid = [unsaid[self._step :] for unsaid in self._unsaid]
                    full = [
                        part + codec.silence((self._step - len(part)) // codec.bytes_per_sample)
                        for part in parts
                    ]
                    self.switch.sendall(self._way.frame(number, full))
                    number += 1
                    if self.began[0] and not any(self._unsaid):
                        self.said.set()
            finally:
                with suppress(OSError):
                    self.switch.sendall(self._way.closing)

    def heard(self) -> bytes:
        """What has come back so far, behind the 101."""
        data = b""
        with suppress(BlockingIOError):
            while piece := self.switch.recv(1 << 20):
                data += piece
        return data
