"""HTTP/1.1 and nothing else: Hypercorn's protocol without the protocols that it would change over to."""

import h11
from hypercorn.protocol.h11 import H11Protocol
from typing_extensions import override

MOST_PIECES = 1000
"""Of one body, some 40 µs each: a read full of chunks of a single byte would stop all else for 0.1 s."""

Event = h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]


class WholeReads(h11.Connection):
    """Our side. Pieces of a body that came together are one event: handing one on costs more than parsing."""

    _ahead: Event | None = None
    _pieces = 0

    @override
    def next_event(self) -> Event:
        """As in h11. Raises RemoteProtocolError, also for a body in more than MOST_PIECES."""
        event, self._ahead = self._ahead, None
        event = event or super().next_event()
        if not isinstance(event, h11.Data):
            return event
        body = bytearray()
        while isinstance(event, h11.Data):
            self._count()
            body += event.data
            try:
                event = super().next_event()
            except h11.RemoteProtocolError:  # it is raised again when the next event is asked for
                return h11.Data(data=bytes(body))
        self._ahead = event
        return h11.Data(data=bytes(body))

    def _count(self) -> None:
        self._pieces += 1
        if self._pieces > MOST_PIECES:
            self._process_error(self.their_role)
            raise h11.RemoteProtocolError("the body comes in too many pieces", error_status_hint=413)

    @override
    def start_next_cycle(self) -> None:
        self._ahead, self._pieces = None, 0  # they were of the request before
        super().start_next_cycle()


class Http11(H11Protocol):
    """One connection's protocol. `Upgrade` is ignored, as RFC 9110 section 7.8 allows.

    Nobody needs HTTP/2 or WebSocket here, and each lets a client without credentials make work by the hundred
    streams, and end the program by a frame that its state machine does not expect.
    """

    def use_whole_reads(self) -> None:
        """To be called before anything is received."""
        self.connection = WholeReads(
            h11.SERVER, max_incomplete_event_size=self.config.h11_max_incomplete_size
        )

    @property
    def is_heard_out(self) -> bool:
        """Whether the client has said all of a request, and waits for its answer."""
        return self.connection.their_state not in {h11.IDLE, h11.SEND_BODY}

    @override
    async def _check_protocol(self, event: h11.Request) -> None:
        """Where Hypercorn would change over to HTTP/2: by `Upgrade: h2c`, or by the preface of HTTP/2."""

    @override
    async def _create_stream(self, request: h11.Request) -> None:
        headers = [(name, value) for name, value in request.headers if name != b"upgrade"]
        if len(headers) < len(request.headers):
            request = h11.Request(
                method=request.method,
                target=request.target,
                headers=headers,
                http_version=request.http_version,
            )
        await super()._create_stream(request)
