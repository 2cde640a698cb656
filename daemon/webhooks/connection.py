"""The HTTP connections on which webhooks leave: each to an address that was checked a moment before.

The check is part of connecting. Whoever checked a name first and then let the HTTP library look it up again
could be given another address the second time (DNS rebinding).
"""

import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx
import trio
from typing_extensions import override

from daemon.webhooks.target import TargetError, TargetRules

Resolve = Callable[[str, int], Awaitable[list[str]]]
SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

CONNECTIONS = 64
"""Open at once: as many as deliveries may be under way."""
KEEP_ALIVE_SECONDS = 15.0
"""An unused connection is closed after this, so that a changed address is noticed soon."""
RESOLVE_SECONDS = 5.0
"""How long a name may take to resolve."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host` by the system's resolver. Raises TargetError where it has none."""
    try:
        with trio.fail_after(RESOLVE_SECONDS):
            found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, trio.TooSlowError):
        raise TargetError(f"webhook_url: the name {host} cannot be resolved") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def check(url: str, rules: TargetRules, *, resolve: Resolve = resolve) -> None:
    """Check a URL at its registration: form, name, addresses. Raises TargetError."""
    endpoint = rules.endpoint(url)
    rules.permit(endpoint.host, await resolve(endpoint.host, endpoint.port))


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that the rules permit, and to the very address that was looked at."""

    def __init__(self, rules: TargetRules, *, resolve: Resolve = resolve) -> None:
        self._rules = rules
        self._resolve = resolve
        self._sockets = httpcore.TrioBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to `host`, trying its addresses in turn. Raises httpcore.ConnectError."""
        try:
            addresses = self._rules.permit(host, await self._resolve(host, port))
        except TargetError as refused:
            raise httpcore.ConnectError(str(refused)) from None
        for address in addresses[:-1]:
            try:
                return await self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._sockets.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    @override
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """No webhook goes to a socket in the file system. Raises httpcore.ConnectError."""
        raise httpcore.ConnectError("a webhook goes to a host")

    @override
    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore does between its own retries."""
        await trio.sleep(seconds)


class CheckedTransport(httpx.AsyncHTTPTransport):
    """httpx over a CheckedBackend: httpx itself offers no way to choose the network backend."""

    def __init__(self, rules: TargetRules, *, tls: ssl.SSLContext, resolve: Resolve = resolve) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=CheckedBackend(rules, resolve=resolve),
        )


def client(rules: TargetRules, *, tls: ssl.SSLContext, resolve: Resolve = resolve) -> httpx.AsyncClient:
    """A client for webhooks: no redirects, and nothing from the environment (proxies, .netrc).

    It takes no cookies: one application's receiver could fill the memory with them, or meet another's.
    """
    return httpx.AsyncClient(
        transport=CheckedTransport(rules, tls=tls, resolve=resolve),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
        trust_env=False,
    )
