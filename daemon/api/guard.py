"""Who asks, and how often: an application by its key, or the operator by theirs."""

import hmac
import re
from collections.abc import Mapping

import trio
from pydantic import SecretStr
from werkzeug.datastructures import Headers

from daemon.api.answers import Refusal
from daemon.applications import Applications, TooManyChecksError, UnauthorizedError
from daemon.limits import FixedWindow, Standing
from storage.applications import Application
from wavstream.process import logs
from wavstream.process.peers import network

APP_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MAX_KEY_CHARACTERS = 256
"""No key is longer; a longer one is not worth a slow hash."""
AGAIN_SECONDS = 1
"""When a client may try a key again that nobody had time to check."""

log = logs.get(__name__)


class Guard:
    """Lets requests in. `rate_limit` and `unknown_rate_limit` are requests a minute, see DaemonSettings."""

    def __init__(
        self,
        applications: Applications,
        *,
        admin_api_key: SecretStr | None,
        rate_limit: int,
        unknown_rate_limit: int,
    ) -> None:
        self._applications = applications
        self._admin_api_key = admin_api_key
        self._rate_limit = rate_limit
        self._unknown_rate_limit = unknown_rate_limit
        self._known = FixedWindow()
        self._unknown = FixedWindow()

    async def application(self, headers: Headers, *, peer: str) -> tuple[Application, Mapping[str, str]]:
        """The application that a request comes from, and what its answer says of its limit.

        Raises Refusal: 400, 401, 429.
        """
        app_id, api_key = headers.get("X-App-ID", ""), headers.get("X-API-Key", "")
        if not APP_ID.fullmatch(app_id):
            self._charge(peer)
            raise _logged(Refusal(400, "X-App-ID takes 1 to 64 of A-Z a-z 0-9 _ -"), app_id, peer)
        application = await self._authenticated(app_id, api_key, peer)
        quota = application.rate_limit or self._rate_limit
        standing = self._known.charge(app_id, quota, trio.current_time())
        said = standing.headers("app")
        if standing.exceeded:
            raise _too_many(standing, "the application's limit", said, "application")
        return application, said

    async def _authenticated(self, app_id: str, api_key: str, peer: str) -> Application:
        """A key that was right before is let in whatever its address did; any other is counted first.

        So what an address may try is bounded before a slow hash, and a right key is no way to find that out.
        Many requests with one key, as after a restart, are one try, unless the key turns out to be wrong.
        """
        free = self._applications.is_free(app_id, api_key)
        if not free:
            self._charge(peer)
        refusal = Refusal(401, "X-API-Key is missing or wrong")
        if 0 < len(api_key) <= MAX_KEY_CHARACTERS:
            try:
                application = await self._applications.authenticate(app_id, api_key)
            except UnauthorizedError:
                if free:  # it was right and is not any more, or somebody else brought it first
                    self._charge(peer)
            except TooManyChecksError:
                again = {"Retry-After": str(AGAIN_SECONDS)}
                refusal = Refusal(429, "too many unknown keys are being checked", again, limit="keys")
            else:
                if not free:
                    self._unknown.refund(network(peer), trio.current_time())
                return application
        raise _logged(refusal, app_id, peer)

    def operator(self, headers: Headers, *, peer: str) -> None:
        """Nothing, for the operator. Raises Refusal: 401, 429, and 503 where no key is configured."""
        if self._admin_api_key is None:
            raise Refusal(503, "the operator API is off: ADMIN_API_KEY is not set")
        given = headers.get("X-Admin-API-Key", "").encode("latin-1")  # its bytes, as they came
        if not hmac.compare_digest(given, self._admin_api_key.get_secret_value().encode()):
            self._charge(peer)
            log.warning("operator refused", peer=peer, status=401)
            raise Refusal(401, "X-Admin-API-Key is missing or wrong")

    def _charge(self, peer: str) -> None:
        """Count a request without valid credentials. Raises Refusal: 429."""
        standing = self._unknown.charge(network(peer), self._unknown_rate_limit, trio.current_time())
        if standing.exceeded:
            raise _too_many(standing, "the limit of an address without valid credentials", {}, "address")


def _logged(refusal: Refusal, app_id: str, peer: str) -> Refusal:
    shown = app_id if APP_ID.fullmatch(app_id) else None  # the client may have made up anything
    log.warning("request refused", app=shown, peer=peer, status=refusal.status)
    return refusal


def _too_many(standing: Standing, whose: str, headers: Mapping[str, str], limit: str) -> Refusal:
    words = f"too many requests: {whose} is {standing.quota} a minute; try again in {standing.seconds} s"
    return Refusal(429, words, {**headers, "Retry-After": str(standing.seconds)}, limit=limit)
