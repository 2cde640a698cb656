"""What an arriving call says of itself before it has a leg: it is heard out, and nothing of it is lost."""

import trio

from daemon.legs.doorway import RefusedError
from daemon.media.dialects.dialect import Begun, Dialect, DialectError, Message
from wavstream.process.framing import Framing

READ_BYTES = 16_384
MOST_INTRODUCTION_BYTES = 512 * 1024
"""Of audio that comes before the call says who it is: two seconds of the densest, as it is on the wire."""


async def introduction(
    stream: trio.SocketStream, framing: Framing, hearing: Dialect, messages: list[Message]
) -> Begun | None:
    """What the far end says of its call; None where it has said too much else.

    All that has come is put into `messages`. `hearing` is to be used for nothing else. Raises RefusedError.
    """
    size = 0
    while True:
        came = framing.messages()
        messages += came
        for message in came:
            begun = _begun(hearing, message)
            if begun is not None:
                return begun
        if framing.ended is not None:
            raise RefusedError(framing.ended.reason or "it closed before its call began")
        if size > MOST_INTRODUCTION_BYTES:
            return None
        data = bytes(await stream.receive_some(READ_BYTES))
        size += len(data)
        framing.feed(data)


def _begun(hearing: Dialect, message: Message) -> Begun | None:
    try:
        events = hearing.receive(message)
    except DialectError as wrong:
        raise RefusedError(str(wrong)) from None
    return next((event for event in events if isinstance(event, Begun)), None)
