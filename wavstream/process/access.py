"""Who may come in: those who know the token, or where none is set, this machine. No I/O."""

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """The rule for both listeners; `token` None lets in loopback peers, and only them."""

    token: str | None
    variable: str = "WAVSTREAM_TOKEN"
    """The setting that has it."""

    @property
    def refusal(self) -> str:
        """In words, for whoever may not come in."""
        if self.token is None:
            return f"only this machine is served: {self.variable} is not set"
        return "a valid token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN"

    def permits(self, *, peer: str, authorization: str | None, token: str | None = None) -> bool:
        """Whether a peer at address `peer` may come in.

        `authorization` is its header: the token as a bearer's (RFC 6750 section 2.1), or as any user's
        password (RFC 7617), which is all that some switches can send. `token` is the query parameter of those
        who can set no header at all. Compared in constant time.
        """
        if self.token is None:
            return _is_loopback(peer)
        given = _shown(authorization)
        if given is None:
            given = _bytes(token or "")
        return hmac.compare_digest(given, self.token.encode())


def _shown(authorization: str | None) -> bytes | None:
    """The token in an `Authorization` header; None where it is of no scheme that can hold one."""
    scheme, _, rest = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return _bytes(rest.strip())
    if scheme.lower() == "basic":
        return _password(rest.strip())
    return None


def _bytes(text: str) -> bytes:
    """As they came: the listeners read a header's bytes that are no ASCII as lone surrogates."""
    return text.encode(errors="surrogateescape")


def _password(credentials: str) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
