"""What all objects that the API answers have in common."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from daemon.api.examples import Example

Count = Annotated[int, Field(ge=0)]
Side = Literal["caller", "callee"]


def like(example: Example) -> ConfigDict:
    """What a model needs to show an example of itself."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Shape(BaseModel):
    """An object in an answer. Nothing is in it that is not named."""

    model_config = ConfigDict(frozen=True, from_attributes=True, extra="forbid")
