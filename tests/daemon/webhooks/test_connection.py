"""The connections on which webhooks leave: real sockets, and a resolver that lies."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
import trio
from typing_extensions import override

from daemon.webhooks import connection
from daemon.webhooks.connection import CheckedBackend, Resolve
from daemon.webhooks.target import TargetError, TargetRules
from storage import schema
from storage.catalog import Catalog
from tests.daemon.running import BOUND_SECONDS, running
from tests.daemon.webhooks.receiver import OK, receiving

LOCAL = TargetRules(allow_http=True, allow_localhost=True)
PUBLIC_ONLY = TargetRules(allow_http=True)


class Names:
    """A resolver that answers in turn what it is told to, and the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        await trio.lowlevel.checkpoint()
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@asynccontextmanager
async def webhooks(rules: TargetRules, resolve: Resolve) -> AsyncIterator[httpx.AsyncClient]:
    async with connection.client(rules, tls=ssl.create_default_context(), resolve=resolve) as client:
        yield client


async def test_a_name_that_was_public_at_registration_and_is_loopback_at_delivery_is_not_connected_to() -> (
    None
):
    rebinding = Names(["93.184.215.14"], ["127.0.0.1"])
    async with receiving() as receiver, webhooks(PUBLIC_ONLY, rebinding) as client:
        url = f"http://hook.example:{receiver.port}/"
        await connection.check(url, PUBLIC_ONLY, resolve=rebinding)
        with pytest.raises(httpx.ConnectError, match=r"hook\.example is at 127\.0\.0\.1"):
            await client.post(url)
        assert receiver.connections == 0
        assert rebinding.asked == [("hook.example", receiver.port)] * 2


class Rebinding(trio.abc.HostnameResolver):
    """The system's resolver, as trio asks it: public addresses `times` times, loopback from then on."""

    def __init__(self, times: int) -> None:
        self.asked = 0
        self._times = times

    @override
    async def getaddrinfo(  # trio leaves their types open
        self, host: bytes | None, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        await trio.lowlevel.checkpoint()
        assert host == b"hook.example"
        self.asked += 1
        address = "93.184.215.14" if self.asked <= self._times else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, int(port)))]

    @override
    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


@pytest.mark.contract("webhook-target")
@pytest.mark.parametrize(("permitted", "connections"), [(False, 0), (True, 1)])
async def test_a_whole_daemon_connects_to_no_name_that_has_moved_to_loopback_since_its_registration(
    tmp_path: Path, cheap_keys: None, short_drain: None, permitted: bool, connections: int
) -> None:
    """With such addresses permitted the same webhook does arrive: so it is the check that holds it back."""
    names = Rebinding(times=1)
    trio.socket.set_custom_hostname_resolver(names)
    async with (
        receiving() as receiver,
        running(tmp_path, allow_localhost_webhooks=permitted) as daemon,
        daemon.application(webhook_url=f"http://hook.example:{receiver.port}/") as shop,
    ):
        assert names.asked == 1  # the registration looked, and was content
        await shop.call()
        error = await attempted(daemon.settings.catalog_url)
        assert names.asked >= 2
        assert receiver.connections == connections
        if not permitted:
            assert error == (
                "webhook_url: hook.example is at 127.0.0.1, which is not a public address"
                " (ALLOW_LOCALHOST_WEBHOOKS=true permits it)"
            )


async def attempted(catalog_url: str) -> str | None:
    """The error of the only event, once an attempt of it has ended."""
    catalog = Catalog.open(catalog_url)
    try:
        with trio.fail_after(BOUND_SECONDS):
            while True:
                row = await catalog.run(lambda tx: tx.execute(schema.outbox.select()).one())
                if row.attempts:
                    return None if row.last_error is None else str(row.last_error)
                await trio.sleep(0.02)
    finally:
        catalog.close()


async def test_the_very_address_that_was_checked_is_connected_to_and_the_name_asked_for_once() -> None:
    names = Names(["127.0.0.1"], ["192.0.2.1"])
    async with receiving() as receiver, webhooks(LOCAL, names) as client:
        answer = await client.post(f"http://hook.example:{receiver.port}/a", content=b"x")
        assert answer.status_code == 204
        assert names.asked == [("hook.example", receiver.port)]
        (taken,) = receiver.taken
        assert taken.headers["host"] == f"hook.example:{receiver.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433"])
async def test_loopback_however_it_is_written_is_refused_at_registration_and_at_delivery(host: str) -> None:
    async with receiving() as receiver, webhooks(PUBLIC_ONLY, connection.resolve) as client:
        url = f"http://{host}:{receiver.port}/"
        with pytest.raises(TargetError, match="not a public address"):
            await connection.check(url, PUBLIC_ONLY)
        with pytest.raises(httpx.ConnectError):
            await client.post(url)
        assert receiver.connections == 0


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    # Nobody listens on the loopback's second address at the receiver's port.
    names = Names(["127.0.0.2", "127.0.0.1"])
    async with receiving() as receiver, webhooks(LOCAL, names) as client:
        assert (await client.post(f"http://hook.example:{receiver.port}/")).status_code == 204
        assert receiver.connections == 1


@pytest.mark.contract("webhook-target")
async def test_redirects_are_not_followed() -> None:
    redirect = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    async with receiving(redirect, OK) as receiver, webhooks(LOCAL, connection.resolve) as client:
        assert (await client.post(receiver.url)).status_code == 302
        assert len(receiver.taken) == 1


async def test_a_receivers_cookies_are_not_kept() -> None:
    cookie = b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    async with receiving(cookie) as receiver, webhooks(LOCAL, connection.resolve) as client:
        for _ in range(2):
            await client.post(receiver.url)
        assert not list(client.cookies.jar)
        assert "cookie" not in receiver.taken[1].headers


async def test_a_name_that_cannot_be_resolved_is_refused() -> None:
    with pytest.raises(TargetError, match=r"the name nobody\.invalid cannot be resolved"):
        await connection.resolve("nobody.invalid", 443)


async def test_a_label_that_is_too_long_for_a_name_is_refused() -> None:
    with pytest.raises(TargetError, match="cannot be resolved"):
        await connection.resolve("x" * 64 + ".example", 443)


async def test_a_resolver_that_hangs_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    async def hang(*_args: object, **_more: object) -> object:
        return await trio.sleep_forever()

    monkeypatch.setattr(trio.socket, "getaddrinfo", hang)
    began = trio.current_time()
    with pytest.raises(TargetError, match="cannot be resolved"):
        await connection.resolve("hook.example", 443)
    assert trio.current_time() - began == connection.RESOLVE_SECONDS


async def test_each_address_is_given_once() -> None:
    assert await connection.resolve("127.0.0.1", 80) == ["127.0.0.1"]


async def test_no_webhook_goes_to_a_socket_in_the_file_system() -> None:
    with pytest.raises(httpcore.ConnectError, match="goes to a host"):
        await CheckedBackend(LOCAL).connect_unix_socket("/run/x")


async def test_it_waits_as_httpcore_asks_it_to(autojump_clock: trio.testing.MockClock) -> None:
    began = trio.current_time()
    await CheckedBackend(LOCAL).sleep(3)
    assert trio.current_time() - began == 3
