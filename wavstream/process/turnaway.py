"""The answer to a connection that there is no place for, without a look at what it wants."""

import trio

SECONDS = 0.5
"""For the client to take the answer and go: to close at once, with its request unread, could destroy it."""
READS = 4
READ_BYTES = 4096
_BODY = b'{"success": false, "error": "too many connections: try again in a second"}'
_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
) % (len(_BODY), _BODY)


async def turn_away(stream: trio.SocketStream) -> None:
    """Say so. The stream is then done with."""
    with trio.move_on_after(SECONDS):
        try:
            await stream.send_all(_ANSWER)
            await stream.send_eof()
            for _ in range(READS):
                if not await stream.receive_some(READ_BYTES):
                    return
        except trio.BrokenResourceError:
            return
