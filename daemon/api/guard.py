"""Who asks: an application by its key, or the operator by theirs."""

import hmac
import re

from pydantic import SecretStr
from werkzeug.datastructures import Headers

from daemon.api.answers import Refusal
from daemon.applications import Applications, TooManyChecksError, UnauthorizedError
from storage.applications import Application
from wavstream.process import logs

APP_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MAX_KEY_CHARACTERS = 256
"""No key is longer; a longer one is not worth a slow hash."""
AGAIN_SECONDS = 1
"""When a client may try a key again that nobody had time to check."""

log = logs.get(__name__)


async def application(applications: Applications, headers: Headers, *, peer: str) -> Application:
    """The application that a request comes from. Raises Refusal: 400, 401, 429."""
    app_id, api_key = headers.get("X-App-ID", ""), headers.get("X-API-Key", "")
    if not APP_ID.fullmatch(app_id):
        raise Refusal(400, "X-App-ID takes 1 to 64 of A-Z a-z 0-9 _ -")
    refusal = Refusal(401, "X-API-Key is missing or wrong")
    if 0 < len(api_key) <= MAX_KEY_CHARACTERS:
        try:
            return await applications.authenticate(app_id, api_key)
        except UnauthorizedError:
            pass
        except TooManyChecksError:
            again = {"Retry-After": str(AGAIN_SECONDS)}
            refusal = Refusal(429, "too many unknown keys are being checked", again)
    log.warning("request refused", app=app_id, peer=peer, status=refusal.status)
    raise refusal


def operator(admin_api_key: SecretStr | None, headers: Headers, *, peer: str) -> None:
    """Nothing, for the operator. Raises Refusal: 401, and 503 where no key is configured."""
    if admin_api_key is None:
        raise Refusal(503, "the operator API is off: ADMIN_API_KEY is not set")
    given = headers.get("X-Admin-API-Key", "").encode("latin-1")  # its bytes, as they came
    if not hmac.compare_digest(given, admin_api_key.get_secret_value().encode()):
        log.warning("operator refused", peer=peer, status=401)
        raise Refusal(401, "X-Admin-API-Key is missing or wrong")
