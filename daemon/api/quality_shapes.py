"""How good legs and recordings are, as the API answers it; see `daemon.media.quality`."""

from pydantic import Field

from daemon.api import examples
from daemon.api.shape import Count, Shape, like


class Received(Shape):
    """What came to a leg. Over TCP nothing is lost, overtaken or doubled."""

    model_config = like(examples.RECEIVED)

    packets: Count = Field(
        description="Packets that came, once each; frames or messages of audio, where they come by TCP."
    )
    lost: Count = Field(description="Packets that never came.")
    reordered: Count = Field(description="Packets that came behind a later one.")
    duplicates: Count = Field(description="Packets that came twice.")
    jitter_ms: float | None = Field(
        description="Interarrival jitter in milliseconds (RFC 3550 section 6.4.1); null where packets have no"
        " time of their own."
    )
    drift_ppm: float | None = Field(
        description="By how many millionths its sender's clock is faster than ours; null until that is known."
    )


class LegQuality(Received):
    """How good what comes to a leg is, since the call began."""

    model_config = like(examples.LEG["quality"])

    unheard_seconds: float = Field(
        description="Since audio came last, or since the leg listens, loud or not.", ge=0
    )


class Quality(Received):
    """How good one side of a recording is, counted from the recording's start to its stop, or up to now."""

    model_config = like(examples.QUALITY)

    late_seconds: float = Field(description="Audio that came when its place was closed.", ge=0)
    dropped_seconds: float = Field(
        description="Audio that came and is not in it: what was late, claimed a place too far ahead, or one"
        " that was taken.",
        ge=0,
    )
    filled_seconds: float = Field(description="Exact silence in the place of what never came in time.", ge=0)
    silent_seconds: float = Field(
        description="How long no sound has been in it, at its end or up to now: nothing above -66 dBFS. It"
        " counts anew from the end of a pause.",
        ge=0,
    )
    audible: bool = Field(description="Whether there is any sound in it.")
