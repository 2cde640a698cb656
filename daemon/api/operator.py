"""The operator API: applications, and who the operator is."""

from collections.abc import Awaitable, Callable

from quart import Response, request

from daemon.api import bodies, operator_shapes, views
from daemon.api.answers import Refusal, said
from daemon.api.document import administration
from daemon.api.guard import APP_ID, Guard
from daemon.api.routes import Route
from daemon.api.sessions import body, peer
from daemon.applications import Applications, Registration
from daemon.webhooks import connection
from daemon.webhooks.target import TargetError, TargetRules
from wavstream.process import logs

log = logs.get(__name__)


def app_id_checked(app_id: str) -> str:
    """The same again. Raises Refusal (400) for what is no application's id."""
    if not APP_ID.fullmatch(app_id):
        raise Refusal(400, "app_id takes 1 to 64 of A-Z a-z 0-9 _ -")
    return app_id


def known(guard: Guard, view: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """A view for nobody but the operator."""

    async def guarded(**path: str) -> Response:
        guard.operator(request.headers, peer=peer())
        if "app_id" in path:
            app_id_checked(path["app_id"])
        return await view(**path)

    return guarded


class Operator:
    """What the operator may ask for about applications."""

    def __init__(self, applications: Applications, rules: TargetRules) -> None:
        self._applications = applications
        self._rules = rules

    async def put(self, app_id: str) -> Response:
        """Create or replace an application."""
        try:
            asked = bodies.parse(bodies.ApplicationBody, await body())
            if asked.webhook_url:
                await connection.check(asked.webhook_url, self._rules)
        except (bodies.BodyError, TargetError) as wrong:
            log.warning("bad registration", app=app_id, error=str(wrong))
            raise Refusal(400, str(wrong)) from None
        registered, secret = await self._applications.register(
            Registration(
                app_id=app_id,
                webhook_url=asked.webhook_url,
                api_key=asked.api_key,
                rate_limit=asked.rate_limit,
                events=tuple(asked.events),
            )
        )
        log.info("application registered", app=app_id, created=secret is not None)
        return said(views.application(registered, secret))

    async def show(self, app_id: str) -> Response:
        """An application, without its secrets."""
        found = await self._applications.get(app_id)
        if found is None:
            raise Refusal(404, "no such application")
        return said(views.application_now(found))

    async def delete(self, app_id: str) -> Response:
        """Forget an application."""
        if not await self._applications.delete(app_id):
            raise Refusal(404, "no such application")
        log.info("application deleted", app=app_id)
        return said(operator_shapes.ApplicationDone(app_id=app_id))

    async def rotate_secret(self, app_id: str) -> Response:
        """Make a new webhook secret, shown this once. The one before it signs on beside it."""
        secret = await self._applications.rotate_secret(app_id)
        if secret is None:
            raise Refusal(404, "no such application")
        log.info("webhook secret rotated", app=app_id)
        return said(operator_shapes.SecretRotated(app_id=app_id, webhook_secret=secret))

    async def end_previous_secret(self, app_id: str) -> Response:
        """Let only the newest webhook secret sign."""
        if not await self._applications.end_previous_secrets(app_id):
            raise Refusal(404, "no such application")
        log.info("previous webhook secret ended", app=app_id)
        return said(operator_shapes.ApplicationDone(app_id=app_id))


def routes(operator: Operator, guard: Guard) -> list[Route]:
    """Each call."""
    one = "/admin/apps/<app_id>"
    secret, previous = f"{one}/webhook-secret", f"{one}/webhook-secret/previous"
    return [
        Route(one, "POST", known(guard, operator.put), administration.PUT_APPLICATION),
        Route(one, "GET", known(guard, operator.show), administration.SHOW_APPLICATION),
        Route(one, "DELETE", known(guard, operator.delete), administration.DELETE_APPLICATION),
        Route(secret, "POST", known(guard, operator.rotate_secret), administration.ROTATE_SECRET),
        Route(previous, "DELETE", known(guard, operator.end_previous_secret), administration.END_PREVIOUS),
    ]
