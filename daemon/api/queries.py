"""What may stand in a request's query, for the API's document. The calls read it themselves."""

from typing import Any

from pydantic import BaseModel, Field

PAGE = 50
MOST_A_PAGE = 500


def _a_cursor(schema: dict[str, Any]) -> None:
    schema["format"] = "cursor"
    del schema["default"]


def _not_given(schema: dict[str, Any]) -> None:
    del schema["default"]


class PageQuery(BaseModel):
    """Which page of a list."""

    limit: int = Field(PAGE, ge=1, le=MOST_A_PAGE, description="How many to a page.")
    cursor: str = Field(
        "",
        description="The `next` of the page before.",
        json_schema_extra=_a_cursor,
    )


class LettersQuery(PageQuery):
    """Which dead letters."""

    app_id: str = Field(
        "",
        description="Those of this application; without it, of all.",
        pattern=r"^[a-zA-Z0-9_-]{1,64}$",
        json_schema_extra=_not_given,
    )


class FileQuery(BaseModel):
    """How a recording that still runs is read."""

    follow: bool = Field(
        True,
        description="`true` goes on live until the recording stops; `false` is what there is of it now."
        " A finished recording is the whole file either way.",
    )
