"""Whom an address stands for. No I/O."""

from ipaddress import IPv6Address, ip_address


def network(address: str) -> str:
    """The address itself, or for IPv6 its /64, of which one customer has all addresses."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
