"""The smallest SIP user agent server (RFC 3261 §8.2): it takes a call; the caller speaks to somebody else."""

import re
import socket
from collections.abc import Callable, Sequence
from subprocess import DEVNULL, STDOUT
from typing import Self

import trio

from tests.end_to_end.house import PATIENCE_SECONDS
from tests.peers.peer import Ports
from wavstream.process.settings import Address

_COPIED = ("via", "from", "call-id", "cseq")
"""What a response repeats of its request (RFC 3261 §8.2.6.2)."""
_TAG = ";tag=recorder"


def answer(request: str, us: Address, media: Address) -> str | None:
    """The response to a request; None for one that takes none. Of an offer, the first format is taken."""
    head, _, offer = request.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    method = first.partition(" ")[0]
    if method == "ACK":
        return None
    copied = [line for line in lines if line.partition(":")[0].strip().lower() in _COPIED]
    to = next(line for line in lines if line.lower().startswith("to:"))
    body = _sdp(offer, media) if method == "INVITE" else ""
    said = [
        "SIP/2.0 200 OK",
        *copied,
        to if ";tag=" in to else to + _TAG,
        f"Contact: <sip:recorder@{us.host}:{us.port}>",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(said) + "\r\n\r\n" + body


def _sdp(offer: str, media: Address) -> str:
    """The answer to an offer (RFC 3264 §6): its first format, to be sent to `media`; we say nothing."""
    found = re.search(r"^m=audio \d+ RTP/AVP (\d+)", offer, re.MULTILINE)
    if found is None:
        raise ValueError(f"no audio in the offer: {offer!r}")
    named = re.findall(rf"^a=rtpmap:{found[1]} .*?$", offer.replace("\r", ""), re.MULTILINE)
    lines = [
        "v=0",
        f"o=recorder 1 1 IN IP4 {media.host}",
        "s=-",
        f"c=IN IP4 {media.host}",
        "t=0 0",
        f"m=audio {media.port} RTP/AVP {found[1]}",
        *named,
        "a=recvonly",
        *re.findall(r"^a=rtcp-mux$", offer.replace("\r", ""), re.MULTILINE),  # RFC 5761 §5.1.1
    ]
    return "\r\n".join(lines) + "\r\n"


class Answering:
    """Takes a call on a free port of this machine; what the caller says goes to `media`."""

    def __init__(self, media: Address) -> None:
        self.hung_up = trio.Event()
        self._media = media
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind(("127.0.0.1", 0))
        self.address = Address(*bound.getsockname())
        self._socket = trio.socket.from_stdlib_socket(bound)

    def __enter__(self) -> Self:
        """Nothing to do: it is open from the start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the socket."""
        self._socket.close()

    async def serve(self) -> None:
        """Answer whatever is asked, until cancelled; `hung_up` is set by the caller's BYE."""
        while True:
            datagram, source = await self._socket.recvfrom(65536)
            request = datagram.decode()
            said = answer(request, self.address, self._media)
            if said is not None:
                await self._socket.sendto(said.encode(), source)
            if request.startswith("BYE "):
                self.hung_up.set()


async def call(command: Callable[[Address], Sequence[str]], ports: Ports) -> None:
    """Let a program call us, and speak into the leg until it hangs up; then it has nothing more to do.

    `command` is made from where it has to call.
    """
    with Answering(Address("127.0.0.1", ports.leg)) as answering:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answering.serve)
            nursery.start_soon(_run, command(answering.address), answering.hung_up)
            with trio.fail_after(PATIENCE_SECONDS):
                await answering.hung_up.wait()
            nursery.cancel_scope.cancel()


async def _run(command: Sequence[str], hung_up: trio.Event) -> None:
    done = await trio.run_process(command, stdin=DEVNULL, capture_stdout=True, stderr=STDOUT, check=False)
    assert hung_up.is_set(), f"{command} has ended, {done.returncode}: {done.stdout!r}"
