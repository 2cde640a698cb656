"""Who may come in: those who know the token, or where none is set, this machine. No I/O."""

import hmac
import ipaddress
from dataclasses import dataclass

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Access:
    """The rule for both listeners; `token` None lets in loopback peers, and only them."""

    token: str | None

    def permits(self, *, peer: str, authorization: str | None, token: str | None = None) -> bool:
        """Whether a peer at address `peer` may come in.

        `authorization` is its header (RFC 6750 section 2.1), `token` the query parameter of those who cannot
        set headers. Compared in constant time.
        """
        if self.token is None:
            return _is_loopback(peer)
        given = token or ""
        if authorization is not None and authorization[: len(_SCHEME)].lower() == _SCHEME:
            given = authorization[len(_SCHEME) :].strip()
        return hmac.compare_digest(given.encode(), self.token.encode())


def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
