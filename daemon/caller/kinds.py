"""The kinds of line that a call can be spoken into, by the names that the command line has for them."""

from collections.abc import Mapping
from types import MappingProxyType

from daemon.caller.dialects import audiofork, audiostream, chanwebsocket, telnyx, twilio
from daemon.caller.kind import ANY_FAULT, Kind
from daemon.caller.lines import audiosocket
from daemon.caller.manner import dial_rtp
from daemon.media import codecs

RTP = Kind(
    name="rtp",
    dial=dial_rtp,
    encodings={"PCMU": (8000,), "PCMA": (8000,), "G722": (16000,), "L16": codecs.RATES},
    faults=ANY_FAULT,
    timed=True,
    breathes=False,
    any_ptime=True,
)
_ALL = (
    RTP,
    audiosocket.KIND,
    audiostream.KIND,
    audiofork.KIND,
    chanwebsocket.KIND,
    chanwebsocket.JSON_KIND,
    twilio.KIND,
    telnyx.KIND,
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ALL})


def named(name: str) -> Kind:
    """The kind of that name. Raises ValueError."""
    if name not in KINDS:
        raise ValueError(f"--leg {name}: takes {', '.join(KINDS)}")
    return KINDS[name]
