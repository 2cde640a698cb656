"""Where a webhook may go: the rules for URLs and addresses. No I/O.

An application chooses its URL, and the daemon stands inside the operator's network: without these rules an
application could have it speak to the network's own machines (server-side request forgery).
"""

import ipaddress
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL_CHARACTERS = 2048
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1


class TargetError(Exception):
    """A webhook must not go there. Its text may be shown to the operator."""


class Endpoint(NamedTuple):
    """What a URL says about where to connect."""

    host: str
    port: int


def _inner(address: ipaddress.IPv6Address) -> IPAddress:
    """The IPv4 address that an IPv6 one only carries, else the address itself.

    Mapped (RFC 4291 section 2.5.5.2), 6to4 (RFC 3056) and NAT64 (RFC 6052): each ends at the IPv4 machine.
    """
    carried = address.ipv4_mapped or address.sixtofour
    if carried is None and address in _NAT64:
        carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return carried or address


def is_public(address: IPAddress) -> bool:
    """Whether `address` is of the public Internet: not private, loopback, link-local, multicast, reserved."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is not address:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for one that is no number
    except ValueError as wrong:
        raise TargetError(f"webhook_url is no URL: {wrong}") from None
    return parts


@dataclass(frozen=True)
class TargetRules:
    """What the operator allows: ALLOW_HTTP_WEBHOOKS and ALLOW_LOCALHOST_WEBHOOKS."""

    allow_http: bool = False
    allow_localhost: bool = False
    """Private, loopback and link-local addresses."""

    def endpoint(self, url: str) -> Endpoint:
        """Where `url` would connect to. Raises TargetError for one that is not acceptable by its form."""
        if len(url) > MAX_URL_CHARACTERS or not url.isprintable() or not url.isascii():
            raise TargetError(f"webhook_url takes at most {MAX_URL_CHARACTERS} printable ASCII characters")
        parts = _split(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise TargetError("webhook_url takes an https: URL, or an empty text for none")
        if parts.scheme == "http" and not self.allow_http:
            raise TargetError("webhook_url has to be https: (ALLOW_HTTP_WEBHOOKS=true permits http:)")
        if parts.username is not None or parts.password is not None:
            raise TargetError("webhook_url must not hold a user name or password")
        return Endpoint(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))

    def permit(self, host: str, addresses: list[str]) -> list[str]:
        """`addresses` of `host` again, if a webhook may go to them.

        Raises TargetError where even one may not: a name with a public and a private address is a trap.
        """
        if not addresses:
            raise TargetError(f"webhook_url: {host} has no address")
        if not self.allow_localhost:
            for address in addresses:
                if not is_public(ipaddress.ip_address(address)):
                    raise TargetError(
                        f"webhook_url: {host} is at {address}, which is not a public address"
                        " (ALLOW_LOCALHOST_WEBHOOKS=true permits it)"
                    )
        return addresses
