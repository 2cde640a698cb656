"""The operator API: applications."""

from collections.abc import Awaitable, Callable

from quart import Response, request

from daemon.api import bodies, operations, shapes, views
from daemon.api.answers import Refusal, said
from daemon.api.guard import APP_ID, Guard
from daemon.api.routes import Route
from daemon.api.sessions import body, peer
from daemon.applications import Applications, Registration
from daemon.webhooks import connection
from daemon.webhooks.target import TargetError, TargetRules
from wavstream.process import logs

log = logs.get(__name__)


class Operator:
    """What the operator may ask for."""

    def __init__(self, applications: Applications, rules: TargetRules, guard: Guard) -> None:
        self._applications = applications
        self._rules = rules
        self._guard = guard

    def known(self, view: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        """A view for nobody but the operator."""

        async def guarded(app_id: str) -> Response:
            self._guard.operator(request.headers, peer=peer())
            if not APP_ID.fullmatch(app_id):
                raise Refusal(400, "app_id takes 1 to 64 of A-Z a-z 0-9 _ -")
            return await view(app_id)

        return guarded

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
        return said(views.application(found))

    async def delete(self, app_id: str) -> Response:
        """Forget an application."""
        if not await self._applications.delete(app_id):
            raise Refusal(404, "no such application")
        log.info("application deleted", app=app_id)
        return said(shapes.ApplicationDeleted(app_id=app_id))


def routes(operator: Operator) -> list[Route]:
    """Each call."""
    one = "/admin/apps/<app_id>"
    return [
        Route(one, "POST", operator.known(operator.put), operations.PUT_APPLICATION),
        Route(one, "GET", operator.known(operator.show), operations.SHOW_APPLICATION),
        Route(one, "DELETE", operator.known(operator.delete), operations.DELETE_APPLICATION),
    ]
