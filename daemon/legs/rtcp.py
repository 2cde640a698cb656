"""The RTCP of an RTP leg: on the odd port above, or on the leg's own (RFC 5761), as the far end does it."""

import math
import socket
import time
from collections.abc import Iterator
from typing import Any

import trio

from daemon.legs.datagrams import ANCILLARY_BYTES, DATAGRAM_BYTES, arrival, send
from daemon.legs.ports import PortPair
from daemon.media.rtcpsession import RtcpSession
from daemon.media.rtpstream import Endpoint, RtpStream
from daemon.media.silentvoice import SilentVoice
from wavstream.process.logs import Log

DRAIN_PACKETS = 256
"""So many a drain at most; the socket's buffer hardly holds more."""


class Rtcp:
    """Reports each 5 s, half more or less, to a far end that was heard; and what it reports.

    Until the far end has sent RTCP, reports go to the port above the one that its audio comes from, if that
    is even (RFC 3550 §11); afterwards to where its RTCP comes from, by the same socket. Who wants none does
    not hear ours. `due` is when the next one leaves: its leg compares it with the time at each beat. Nothing
    waits for it, and what came is read no sooner. Times are those of `trio.current_time()`.
    """

    def __init__(self, *, bound: PortPair, stream: RtpStream, voice: SilentVoice, log: Log) -> None:
        """`bound` is the leg's to close."""
        self.due = math.inf
        self._bound = bound
        self._port = None if bound.rtcp is None else bound.rtcp.getsockname()[1]
        self._stream = stream
        self._session = RtcpSession(voice)
        self._log = log
        self._drained = trio.current_time()
        self._way: tuple[socket.socket, Endpoint] | None = None
        self._way_of: Endpoint | None = None  # the sender whose way that is
        self._misread = False

    def begin(self, now: float) -> None:
        """The far end has been heard."""
        self.due = now + self._session.pause(first=True)

    def report(self) -> None:
        """Take in what has come, and send the report that is due."""
        self.take_in()
        now = trio.current_time()
        self.due = now + self._session.pause()
        way = self._way_back()
        if way is not None:
            stream = self._stream
            compound = self._session.report(
                ssrc=stream.ssrc, standing=stream.reception.standing, now=now, wall=time.time()
            )
            send(way[0], compound, way[1])

    def goodbye(self) -> None:
        """Say that we are leaving, to a far end that has heard of us. The sockets are still open."""
        way = self._way_back()
        if way is not None and self._session.sent:
            send(way[0], self._session.goodbye(), way[1])
        self.due = math.inf

    def take_in(self) -> None:
        """Read all that has come. Before the leg has its sender nobody knows whose it is, so it waits."""
        if self._stream.source is None:
            return
        for bound, datagram, source, at in self._arrived(trio.current_time()):
            self._take(bound, datagram, source, at)

    def _arrived(self, now: float) -> Iterator[tuple[socket.socket, bytes, Endpoint, float]]:
        control = self._stream.control
        while control:
            yield self._bound.rtp, *control.popleft()
        if self._bound.rtcp is None:
            return
        since, self._drained, from_real = self._drained, now, now - time.time()
        for _ in range(DRAIN_PACKETS):
            try:
                datagram, ancillary, _, source = self._bound.rtcp.recvmsg(DATAGRAM_BYTES, ANCILLARY_BYTES)
            except BlockingIOError:
                return
            at = arrival(ancillary, from_real, since, now)
            yield self._bound.rtcp, datagram, source, at

    def _take(self, bound: socket.socket, datagram: bytes, source: Endpoint, at: float) -> None:
        stream, session = self._stream, self._session
        pinned = stream.source
        if pinned is None or source[0] != pinned[0]:
            notice = stream.estrange(source)
            if notice is not None:
                self._log.warning(notice.event, **notice.fields)
            return
        before = session.farewell
        if session.take(datagram, ssrc=stream.ssrc, arrival=at):
            self._way, self._way_of = (bound, source), pinned
        elif session.malformed and not self._misread:
            self._misread = True
            self._log.warning("malformed RTCP packet", source=source)
        if session.farewell is not before and session.farewell is not None:
            self._log.info("sender said goodbye", source=source, reason=session.farewell.reason)

    def _way_back(self) -> tuple[socket.socket, Endpoint] | None:
        """By which socket, and where to; None where nobody would hear it."""
        source = self._stream.source
        if self._way is not None and self._way_of == source:
            return self._way
        if source is None or self._bound.rtcp is None or source[1] % 2:
            return None
        return self._bound.rtcp, (source[0], source[1] + 1, *source[2:])

    @property
    def malformed(self) -> int:
        """Datagrams of the far end that are no RTCP."""
        return self._session.malformed

    def view(self) -> dict[str, Any]:
        """How it stands."""
        session, stream = self._session, self._stream
        trip, jitter = session.round_trip, session.far_jitter
        return {
            "port": self._port,
            "sent": session.sent,
            "reports": session.reports,
            "round_trip_ms": None if trip is None else round(trip * 1000, 3),
            "far_lost": session.far_lost,
            "far_jitter_ms": None if jitter is None else round(jitter * 1000, 3),
            "bye": session.has_left(stream.ssrc, stream.reception.last_arrival),
        }
