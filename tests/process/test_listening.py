"""A listener that cannot be opened is named, with its reason."""

import socket

import pytest

from wavstream.process.listening import ListenError, naming
from wavstream.process.settings import Address


def test_a_taken_address_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(*taken.getsockname())
        words = f"cannot listen at 127.0.0.1:{address.port}: Address already in use"
        with pytest.raises(ListenError, match=words), naming(address):
            socket.create_server(address)


def test_what_is_no_error_of_the_system_passes() -> None:
    with pytest.raises(ZeroDivisionError), naming(Address("127.0.0.1", 0)):
        _ = 1 / 0
