"""Telling systemd how the program stands (sd_notify(3)): a datagram to the socket named by NOTIFY_SOCKET."""

import os
import socket


def notify(*assignments: str) -> None:
    """Send e.g. `READY=1` or `STOPPING=1`. Does nothing where nobody asked, or nobody listens any more."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # Linux's abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as datagrams:
        try:
            datagrams.sendto("\n".join(assignments).encode(), address)
        except OSError:
            return
