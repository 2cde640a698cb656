"""The applications: who may call, with which key, and where their webhooks go."""

import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import trio
from sqlalchemy import Connection

from daemon import keys
from daemon.webhooks import signature
from storage import applications as table
from storage.applications import Application, KeyHash
from storage.catalog import Catalog

LIVE_KEYS = 2
"""The newest, and the one before it while clients change over."""
LIVE_SECRETS = 2
"""The newest, and the one before it while the receiver changes over."""
KNOWN_SECONDS = 1.0
"""So long a change that another process makes (`wavstream app`) may go unseen. A look into the catalogue for
every request would cost as much as the request."""
VERIFIED_KEPT = 1024
"""Keys that need no slow hash again, the most recently used ones: some 200 bytes each."""
CHECKS_WAITING = 32
"""Different keys that may wait for the slow hash: about three seconds of it at LIVE_KEYS hashes each."""


class UnauthorizedError(Exception):
    """No such application, or not its key: not to be told apart."""


class TooManyChecksError(Exception):
    """So many unknown keys are being checked that this one has to come back later."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What the operator says about an application; the fields are those of `Application`."""

    app_id: str
    webhook_url: str
    api_key: str
    rate_limit: int = 0
    events: tuple[str, ...] = ()


@dataclass(eq=False)
class _Check:
    """One slow check of a key, and whoever else brings the same key meanwhile."""

    over: trio.Event = field(default_factory=trio.Event)
    refused: bool = False


class Applications:
    """The applications in the catalogue, and the keys that were verified not long ago."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._pepper = secrets.token_bytes(32)
        self._known: dict[str, tuple[Application, float]] = {}  # no more than there are in the catalogue
        self._verified: OrderedDict[bytes, KeyHash] = OrderedDict()
        self._asking: Counter[bytes] = (
            Counter()
        )  # of keys not verified, while the requests that bring them wait
        self._checks: dict[tuple[bytes, tuple[KeyHash, ...]], _Check] = {}
        self._nobody = keys.nobodys()
        self._slow = trio.CapacityLimiter(1)  # the audio needs the other cores

    def is_free(self, app_id: str, api_key: str) -> bool:
        """Whether no slow hash has to begin for this key: it was right not long ago, or is being checked.

        Whether it is right is for `authenticate` to say.
        """
        tag = self._tag(app_id, api_key)
        return tag in self._verified or tag in self._asking

    def _tag(self, app_id: str, api_key: str) -> bytes:
        return hmac.digest(self._pepper, f"{app_id}\0{api_key}".encode(), "sha256")

    async def authenticate(self, app_id: str, api_key: str) -> Application:
        """The application of this id and key.

        A key that was verified before costs one keyed hash; any other one the same slow hashes, whether the
        application exists or not. Raises UnauthorizedError, TooManyChecksError.
        """
        tag = self._tag(app_id, api_key)
        if tag in self._verified:
            return await self._authenticated(app_id, api_key, tag)
        self._asking[tag] += 1
        try:
            return await self._authenticated(app_id, api_key, tag)
        finally:
            self._asking[tag] -= 1
            if not self._asking[tag]:
                del self._asking[tag]

    async def _authenticated(self, app_id: str, api_key: str, tag: bytes) -> Application:
        application = self._lately(app_id)
        # A key that is not known to be right may be new. And it costs the same where there is no application.
        if application is None or self._verified.get(tag) not in application.keys:
            application = await self._look_up(app_id)
        kept = application.keys if application is not None else ()
        while self._verified.get(tag) not in kept:
            await self._verify(tag, api_key, kept)
        self._verified.move_to_end(tag)
        if application is None:  # not reached: nobody's key verifies
            raise UnauthorizedError
        return application

    def _lately(self, app_id: str) -> Application | None:
        """The application as it was, no longer than KNOWN_SECONDS ago."""
        application, until = self._known.get(app_id, (None, 0.0))
        return application if trio.current_time() < until else None

    async def _look_up(self, app_id: str) -> Application | None:
        until = trio.current_time() + KNOWN_SECONDS
        application = await self.get(app_id)
        self._known.pop(app_id, None)
        if application is not None:
            self._known[app_id] = application, until
        return application

    async def _verify(self, tag: bytes, api_key: str, kept: tuple[KeyHash, ...]) -> None:
        """Check a key, or wait for a check of the same one. Returns where to look at the result again."""
        question = tag, kept  # a check against the keys of a moment ago says nothing about these
        running = self._checks.get(question)
        if running is not None:
            await running.over.wait()
            if running.refused:
                raise UnauthorizedError
            return
        if len(self._checks) >= CHECKS_WAITING:
            raise TooManyChecksError
        check = self._checks[question] = _Check()
        try:
            found = await trio.to_thread.run_sync(self._match, api_key, kept, limiter=self._slow)
            check.refused = found is None
        finally:
            del self._checks[question]
            check.over.set()
        if found is None:
            raise UnauthorizedError
        self._remember(tag, found)

    def _match(self, api_key: str, kept: tuple[KeyHash, ...]) -> KeyHash | None:
        """In a thread. Always as many slow hashes, also where the first one fits or there is none."""
        padding = (self._nobody,) * (LIVE_KEYS - len(kept))
        matching = [key for key in (*kept, *padding) if keys.matches(api_key, key)]
        return matching[0] if matching else None

    def _remember(self, tag: bytes, key: KeyHash) -> None:
        self._verified[tag] = key
        while len(self._verified) > VERIFIED_KEPT:
            self._verified.popitem(last=False)

    async def register(self, given: Registration) -> tuple[Application, str | None]:
        """Create or replace an application; also its webhook secret, where that is new.

        A new key leaves the one before it alive, so that clients can change over without a gap; the same key
        given a second time ends that. A URL that was given up after a 410 is tried again.
        """
        fresh = await trio.to_thread.run_sync(keys.hashed, given.api_key, limiter=self._slow)

        def put(tx: Connection) -> tuple[Application, str | None]:
            known = table.get(tx, given.app_id)
            secret = signature.new_secret()
            application = Application(
                app_id=given.app_id,
                webhook_url=given.webhook_url,
                rate_limit=given.rate_limit,
                events=given.events,
                webhook_secrets=(secret,) if known is None else known.webhook_secrets,
                keys=(fresh, *_outgoing(known, given.api_key)),
            )
            table.put(tx, application)
            return application, secret if known is None else None

        try:
            return await self._catalog.run(put)
        finally:
            self._known.pop(given.app_id, None)

    async def rotate_secret(self, app_id: str) -> str | None:
        """A new webhook secret; None where there is no such application.

        The one before it signs on beside it, so that the receiver can change over without a gap; one that
        was older ends.
        """
        fresh = signature.new_secret()
        rotated = await self._keep_secrets(app_id, lambda live: (fresh, *live)[:LIVE_SECRETS])
        return None if rotated is None else fresh

    async def end_previous_secrets(self, app_id: str) -> bool:
        """Let only the newest webhook secret sign. False where there is no such application."""
        return await self._keep_secrets(app_id, lambda live: live[:1]) is not None

    async def _keep_secrets(
        self, app_id: str, chosen: Callable[[tuple[str, ...]], tuple[str, ...]]
    ) -> tuple[str, ...] | None:
        """Replace an application's secrets by those `chosen` from them; those it had before."""

        def change(tx: Connection) -> tuple[str, ...] | None:
            known = table.get(tx, app_id)
            if known is None:
                return None
            table.put(tx, replace(known, webhook_secrets=chosen(known.webhook_secrets)))
            return known.webhook_secrets

        return await self._catalog.run(change)

    async def get(self, app_id: str) -> Application | None:
        """The application of that id."""
        return await self._catalog.run(lambda tx: table.get(tx, app_id))

    async def delete(self, app_id: str) -> bool:
        """Forget an application; its keys are refused from then on. False where there was none."""
        try:
            return await self._catalog.run(lambda tx: table.delete(tx, app_id))
        finally:
            self._known.pop(app_id, None)


def _outgoing(known: Application | None, api_key: str) -> tuple[KeyHash, ...]:
    """The keys that stay alive beside a new one: the last, unless it is the same key."""
    if known is None or not known.keys or keys.matches(api_key, known.keys[0]):
        return ()
    return known.keys[: LIVE_KEYS - 1]


def disable_webhooks(tx: Connection, app_id: str, *, url: str, at: float) -> None:
    """Call an application's URL no more, until it is registered again: its receiver answered 410.

    Not where the application has another URL by now.
    """
    application = table.get(tx, app_id)
    if application is not None and application.webhook_url == url:
        table.put(tx, replace(application, webhook_disabled_at=at))
