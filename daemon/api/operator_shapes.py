"""What the operator API answers, as types; see `daemon.api.shapes`."""

from typing import Any, Literal

from pydantic import AliasChoices, Field, RootModel

from daemon.api import examples
from daemon.api.shape import Count, Shape, like


class Application(Shape):
    """An application, without its secrets."""

    model_config = like(examples.APPLICATION)

    success: Literal[True] = Field(default=True, description="Always true.")
    app_id: str = Field(description="The application's name.")
    webhook_url: str = Field(description="Where its webhooks go; empty: nowhere.")
    rate_limit: int = Field(description="Requests a minute; 0: the default.", ge=0)
    events: list[str] = Field(description="The events to deliver; empty: all.")


class ApplicationCreated(Application):
    """An application that has just been made, with the secret that is shown once."""

    model_config = like({**examples.APPLICATION, "webhook_secret": examples.SECRET})

    webhook_secret: str = Field(description="Signs its webhooks (Standard Webhooks 1.0).")


class ApplicationPut(RootModel[ApplicationCreated | Application]):
    """An application that was created, with its secret, or replaced."""


class ApplicationNow(Application):
    """An application, without its secrets, and how its webhooks stand."""

    model_config = like({**examples.APPLICATION, "webhook_secrets": 1, "webhook_disabled_at": None})

    webhook_secrets: Count = Field(description="How many secrets sign: two while one is rotated.")
    webhook_disabled_at: float | None = Field(
        description="Since when its URL is not tried, seconds since the epoch: it answered 410."
    )


class ApplicationDone(Shape):
    """What was asked of an application is done."""

    model_config = like({"success": True, "app_id": examples.APP_ID})

    success: Literal[True] = Field(default=True, description="Always true.")
    app_id: str = Field(description="The application's name.")


class SecretRotated(ApplicationDone):
    """A new webhook secret, shown this once."""

    model_config = like({"success": True, "app_id": examples.APP_ID, "webhook_secret": examples.SECRET})

    webhook_secret: str = Field(description="Signs its webhooks (Standard Webhooks 1.0).")


class DeadLetter(Shape):
    """A webhook that was given up, without what it says."""

    model_config = like(examples.DEAD_LETTER)

    event_id: str = Field(description="Its `webhook-id`.")
    app_id: str = Field(description="The application that it is for.")
    session_uuid: str = Field(description="The call that it is about.")
    sequence: int = Field(description="Its number among the events of the call.", ge=1)
    event: str = Field(description="Which event it is.")
    created_at: float = Field(description="When it was stored; seconds since the epoch.")
    resent_at: float | None = Field(
        validation_alias=AliasChoices("tried_since", "resent_at"),
        description="When it was last sent again by the operator; seconds since the epoch.",
    )
    attempts: Count = Field(description="How often it was tried.")
    error: str | None = Field(
        validation_alias=AliasChoices("last_error", "error"), description="What the last attempt came to."
    )


class WholeDeadLetter(DeadLetter):
    """A webhook that was given up."""

    model_config = like(examples.DEAD_LETTER | {"payload": {"event": "call.new", "sequence": 1}})

    payload: dict[str, Any] = Field(description="What it says; empty where its recording was erased.")


class DeadLetterPage(Shape):
    """A page of dead letters, newest first."""

    model_config = like({"dead_letters": [examples.DEAD_LETTER], "next": None})

    dead_letters: list[DeadLetter] = Field(description="The dead letters.")
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class DeadLetterDone(Shape):
    """What was asked of a dead letter is done."""

    model_config = like({"success": True, "event_id": examples.EVENT_ID})

    success: Literal[True] = Field(default=True, description="Always true.")
    event_id: str = Field(description="Its `webhook-id`.")


class DeadLettersResent(ApplicationDone):
    """Dead letters of an application are on their way again."""

    model_config = like({"success": True, "app_id": examples.APP_ID, "resent": 3})

    resent: Count = Field(description="How many.")


class DeadLettersDropped(ApplicationDone):
    """Dead letters of an application are gone."""

    model_config = like({"success": True, "app_id": examples.APP_ID, "dropped": 3})

    dropped: Count = Field(description="How many.")
