"""What the API shows of legs: where their audio may be sent, and how they stand."""

from typing import Any, Literal

from pydantic import Field

from daemon.api import examples
from daemon.api.quality_shapes import LegQuality
from daemon.api.shape import Count, Shape, Side, like


class LegAddress(Shape):
    """Where one leg's audio may be sent."""

    model_config = like(examples.CALLER_LEG)

    leg: Side = Field(description="Whose voice it is.")
    host: str = Field(description="The daemon's IP address.")
    port: int = Field(description="The UDP port for RTP.", ge=1, le=65535)


class AudioSocketAddress(Shape):
    """Where one leg's AudioSocket may connect, and with which UUID."""

    model_config = like(examples.CALLER_AUDIOSOCKET)

    leg: Side = Field(description="Whose voice it is.")
    host: str = Field(description="The daemon's IP address.")
    port: int = Field(description="The TCP port for AudioSocket.", ge=1, le=65535)
    uuid: str = Field(description="What the connection's first frame has to say: the leg's UUID.")


class WebSocketAddress(Shape):
    """Where one leg's WebSocket may connect."""

    model_config = like(examples.CALLER_WEBSOCKET)

    leg: Side = Field(description="Whose voice it is.")
    url: str = Field(
        description="The URL, good for this call alone. `/audio-stream`, `/audio-fork`, `/chan-websocket`,"
        " `/twilio` or `/telnyx` may follow; else the subprotocol or the first message tells what is spoken."
    )


class Media(Shape):
    """Where a call's audio may be sent: a leg is fed by what is used first. Nowhere once it has ended."""

    model_config = like(examples.MEDIA)

    rtp: list[LegAddress] = Field(description="One RTP address a leg.")
    audiosocket: list[AudioSocketAddress] = Field(description="One AudioSocket address a leg.")
    websocket: list[WebSocketAddress] = Field(description="One WebSocket URL a leg.")


class PressedKey(Shape):
    """A key that was pressed in a call (RFC 4733)."""

    model_config = like({"key": "5", "at": examples.BEGAN + 12.4})

    key: str = Field(description="0 to 9, `*`, `#`, or A to D.")
    at: float = Field(description="When it went down; seconds since the epoch.")


class Rtcp(Shape):
    """What a leg and its far end told each other about the way between them (RFC 3550 section 6)."""

    model_config = like(examples.RTCP)

    port: int | None = Field(
        description="Where RTCP is taken, the port above the leg's; null where that was not free. It may come"
        " to the leg's port as well (RFC 5761)."
    )
    sent: Count = Field(description="Reports sent to the far end.")
    reports: Count = Field(description="Packets of RTCP that came from it.")
    round_trip_ms: float | None = Field(
        description="There and back, in milliseconds; null until it has answered a report that was sent"
        " while recording."
    )
    far_lost: int | None = Field(
        description="Packets of our silence that it has missed; below 0 where some came twice."
    )
    far_jitter_ms: float | None = Field(description="Jitter of our silence as it arrives there.")
    bye: bool = Field(
        description="Whether it has said that it sends no more, and has not since. That ends no call."
    )


class Leg(Shape):
    """How one leg of a live call stands that is fed by RTP, or not yet fed."""

    model_config = like(examples.LEG)

    leg: Side = Field(description="Whose voice it is.")
    kind: Literal["rtp"] = Field(description="How its audio comes.")
    state: Literal["waiting", "active"] = Field(description="Whether audio has come.")
    codec: str | None = Field(description="The codec of the audio; null before the first.")
    rate: int = Field(description="Samples a second of the audio.")
    packets: Count = Field(description="RTP packets received.")
    lost: Count = Field(description="RTP packets that never came.")
    jitter_ms: float = Field(description="Interarrival jitter in milliseconds (RFC 3550 section 6.4.1).")
    duplicates: Count = Field(description="Packets that came twice.")
    reordered: Count = Field(description="Packets that came behind a later one.")
    strangers: Count = Field(description="Packets from elsewhere than the leg's sender, RTCP among them.")
    malformed: Count = Field(description="Packets that are neither RTP nor RTCP.")
    unknown: Count = Field(description="Packets of a payload type that the call did not name.")
    comfort_noise: Count = Field(  # a call that ended before these were counted has none of the three
        default=0, description="Packets of comfort noise (RFC 3389), which are recorded as silence."
    )
    keys: Count = Field(default=0, description="Keys pressed, also those of a pause.")
    dtmf: list[PressedKey] = Field(
        default_factory=list, description="The last keys pressed, without those of a recording's pauses."
    )
    anchors: Count = Field(description="How often its sender's clock was laid upon ours, anew after a jump.")
    corrected: int = Field(
        description="Samples by which its audio was moved, one by one, for a clock that runs off."
    )
    drift_ppm: float | None = Field(
        default=None,
        description="By how many millionths its sender's clock is faster than ours (negative: slower);"
        " null until that is known to 5, or 20 where the audio has no timestamps.",
    )
    silence_packets: Count = Field(description="Packets of silence sent to the leg while recording.")
    quality: LegQuality | None = Field(
        default=None,
        description="As every kind of leg has it; null for a call that ended before it was kept.",
    )
    rtcp: Rtcp | None = Field(
        default=None, description="Its RTCP; null in a call that ended before there was any."
    )


class _ConnectedLeg(Shape):
    leg: Side = Field(description="Whose voice it is.")
    state: Literal["waiting", "active"] = Field(description="Whether audio has come.")
    connected: bool = Field(description="Whether its connection stands.")
    connections: Count = Field(description="Connections so far, one after the other.")
    codec: str | None = Field(description="The codec of the audio; null before the first.")
    rate: int = Field(description="Samples a second of the audio.")
    frames: Count = Field(description="Frames of audio received; messages, over WebSocket.")
    keys: Count = Field(default=0, description="Keys pressed, also those of a pause.")
    dtmf: list[PressedKey] = Field(
        default_factory=list, description="The last keys pressed, without those of a recording's pauses."
    )
    unknown: Count = Field(description="Frames of kinds that were passed over.")
    anchors: Count = Field(description="How often its audio was laid upon our clock, anew after a pause.")
    corrected: int = Field(
        description="Samples by which its audio was moved, one by one, for a clock that runs off."
    )
    drift_ppm: float | None = Field(
        default=None,
        description="By how many millionths its sender's clock is faster than ours (negative: slower);"
        " null until that is known to 5, or 20 where the audio has no timestamps.",
    )
    silence_frames: Count = Field(description="Frames of silence sent to the leg.")
    quality: LegQuality | None = Field(
        default=None,
        description="As every kind of leg has it; null for a call that ended before it was kept.",
    )


class AudioSocketLeg(_ConnectedLeg):
    """How one leg of a live call stands that is fed by AudioSocket."""

    model_config = like(examples.AUDIOSOCKET_LEG)

    kind: Literal["audiosocket"] = Field(description="How its audio comes.")


class SwitchCall(Shape):
    """What a switch says of its call: its own word, which nobody has checked."""

    model_config = like(examples.SWITCH_CALL)

    call_id: str | None = Field(description="The switch's own name of the call.")
    caller_id: str | None = Field(description="Who calls.")
    did: str | None = Field(description="The number that was called.")
    fields: dict[str, Any] = Field(description="What else it said.")


class WebSocketLeg(_ConnectedLeg):
    """How one leg of a live call stands that is fed by WebSocket."""

    model_config = like(examples.WEBSOCKET_LEG)

    kind: Literal["websocket"] = Field(description="How its audio comes.")
    dialect: str | None = Field(description="What is spoken; null before that is known.")
    call: SwitchCall | None = Field(description="What the switch says of its call; null before it did.")
