"""How this daemon records: the operator's settings made into recordings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daemon.calls.session import Order
from daemon.legs.leg import Leg, SideName
from daemon.media.quality import Quality
from daemon.recording.endpoint import RecordingFormat, WavstreamEndpoint
from daemon.recording.recording import Recording
from daemon.settings import DaemonSettings
from wavstream.process import logs
from wavstream.process.cadence import Cadence

log = logs.get(__name__)


class Recorder:
    """Makes recordings as the settings have it.

    `lost` is told of each one's seconds of audio lost, `measured` how good each side of it is.
    """

    def __init__(
        self,
        settings: DaemonSettings,
        cadence: Cadence,
        *,
        lost: Callable[[float], object] = lambda _seconds: None,
        measured: Callable[[Mapping[SideName, Quality]], object] = lambda _quality: None,
    ) -> None:
        self._settings = settings
        self._cadence = cadence
        self._lost = lost
        self._measured = measured

    @property
    def can_record(self) -> bool:
        """Whether there is a wavstream to record to: WAVSTREAM_URL is set."""
        return self._settings.wavstream_url is not None

    def format(self, legs: Sequence[Leg]) -> RecordingFormat:
        """The format of a recording of these legs that begins now."""
        settings = self._settings
        return RecordingFormat(
            encoding=settings.recording_format,
            sample_rate=settings.recording_sample_rate or max(leg.rate for leg in legs),
            channels=2 if settings.recording_channels == "stereo" else 1,
        )

    def record(self, order: Order, legs: Sequence[Leg], about: dict[str, Any]) -> Recording:
        """The recording of an order, not yet running. `about` the call goes along with it to wavstream."""
        if self._settings.wavstream_url is None:
            raise RuntimeError("there is no wavstream to record to")
        return Recording(
            recording_id=order.recording_id,
            format=order.format,
            legs=legs,
            started=order.started.monotonic,
            metadata={**about, "command_uid": order.command_uid, "started_at": order.started.epoch},
            wavstream=WavstreamEndpoint(self._settings.wavstream_url, self._settings.wavstream_token),
            cadence=self._cadence,
            replay_seconds=self._settings.recording_replay_seconds,
            log=log.bind(session=about["session_uuid"]),
            lost=self._lost,
            measured=self._measured,
        )
