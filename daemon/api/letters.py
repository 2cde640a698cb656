"""The operator API: dead letters."""

from quart import Response, request

from daemon.api import operator_shapes, pages, views
from daemon.api.answers import Refusal, said
from daemon.api.document import administration
from daemon.api.guard import Guard
from daemon.api.operator import app_id_checked, known
from daemon.api.routes import Route
from daemon.webhooks.letters import Letters, UndeliverableError, UnknownLetterError
from storage.outbox import is_event_id
from wavstream.process import logs

UNKNOWN = "no such dead letter: it may have been sent again, or dropped"

log = logs.get(__name__)


class LettersApi:
    """What the operator may ask about dead letters."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters

    async def listing(self) -> Response:
        """Those of all applications, or of `app_id`, newest first, without what they say."""
        app_id = request.args.get("app_id")
        if app_id is not None:
            app_id_checked(app_id)
        limit = pages.limit(request.args.get("limit"))
        before = pages.before(request.args.get("cursor"), is_name=is_event_id)
        # One more is looked for, to know whether there are more.
        found = await self._letters.page(limit=limit + 1, app_id=app_id, before=before)
        shown = found[:limit]
        last = (shown[-1].created_at, shown[-1].event_id) if len(found) > limit else None
        following = None if last is None else pages.cursor(last)
        letters = [views.letter(each) for each in shown]
        return said(operator_shapes.DeadLetterPage(dead_letters=letters, next=following))

    async def show(self, event_id: str) -> Response:
        """One of them, with what it says."""
        try:
            return said(views.whole_letter(await self._letters.get(event_id)))
        except UnknownLetterError:
            raise Refusal(404, UNKNOWN) from None

    async def resend(self, event_id: str) -> Response:
        """Send one again."""
        try:
            await self._letters.resend(event_id)
        except UnknownLetterError:
            raise Refusal(404, UNKNOWN) from None
        except UndeliverableError as obstacle:
            raise Refusal(400, str(obstacle)) from None
        log.info("dead letter sent again", event_id=event_id)
        return said(operator_shapes.DeadLetterDone(event_id=event_id))

    async def drop(self, event_id: str) -> Response:
        """Take one away for good."""
        try:
            await self._letters.drop(event_id)
        except UnknownLetterError:
            raise Refusal(404, UNKNOWN) from None
        log.info("dead letter dropped", event_id=event_id)
        return said(operator_shapes.DeadLetterDone(event_id=event_id))

    async def resend_all(self, app_id: str) -> Response:
        """Send all of an application again."""
        try:
            count = await self._letters.resend_all(app_id)
        except UndeliverableError as obstacle:
            raise Refusal(400, str(obstacle)) from None
        log.info("dead letters sent again", app=app_id, count=count)
        return said(operator_shapes.DeadLettersResent(app_id=app_id, resent=count))

    async def drop_all(self, app_id: str) -> Response:
        """Take all of an application away for good."""
        count = await self._letters.drop_all(app_id)
        log.info("dead letters dropped", app=app_id, count=count)
        return said(operator_shapes.DeadLettersDropped(app_id=app_id, dropped=count))


def routes(api: LettersApi, guard: Guard) -> list[Route]:
    """Each call."""
    one, all_of = "/admin/dead-letters/<event_id>", "/admin/apps/<app_id>/dead-letters"
    return [
        Route("/admin/dead-letters", "GET", known(guard, api.listing), administration.LIST_LETTERS),
        Route(one, "GET", known(guard, api.show), administration.SHOW_LETTER),
        Route(f"{one}/resend", "POST", known(guard, api.resend), administration.RESEND_LETTER),
        Route(one, "DELETE", known(guard, api.drop), administration.DROP_LETTER),
        Route(f"{all_of}/resend", "POST", known(guard, api.resend_all), administration.RESEND_ALL),
        Route(all_of, "DELETE", known(guard, api.drop_all), administration.DROP_ALL),
    ]
