"""What a running wavstream counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """One set of counters a program: the registry is its own, so that several can live in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.recordings = Gauge(
            "wavstream_recordings_live", "Recordings that have not ended.", registry=self._registry
        )
        self.connections = Gauge(
            "wavstream_connections", "Open connections of the audio input.", registry=self._registry
        )
        self.refused = Counter(
            "wavstream_connections_refused_total", "Connections turned away.", registry=self._registry
        )
        self.written = Counter(
            "wavstream_audio_written_bytes_total", "Audio put into files.", registry=self._registry
        )
        self.write_errors = Counter(
            "wavstream_write_errors_total", "Attempts to write a file that failed.", registry=self._registry
        )
        self.write_seconds = Histogram(
            "wavstream_write_seconds", "Time of one round of writing all files.", registry=self._registry
        )
        self.sync_seconds = Histogram(
            "wavstream_sync_seconds", "Time of one sync of all files to the disk.", registry=self._registry
        )
        self.sync_errors = Counter(
            "wavstream_sync_errors_total",
            "Syncs that failed; their audio is written again.",
            registry=self._registry,
        )
        self.catalogue_lost = Gauge(
            "wavstream_catalogue_lost",
            "1: at the start the disk had recordings that the catalogue did not know.",
            registry=self._registry,
        )
        self.disk_free = Gauge(
            "wavstream_disk_free_bytes",
            "Room on the recordings' disk for this program.",
            registry=self._registry,
        )
        self.disk_total = Gauge(
            "wavstream_disk_size_bytes", "The size of the recordings' disk.", registry=self._registry
        )
        self.disk_low = Gauge(
            "wavstream_disk_low",
            "0: there is room; 1: below the warning mark; 2: nothing new begins.",
            registry=self._registry,
        )
        self.starts_refused = Counter(
            "wavstream_starts_refused_total", "Recordings refused for want of room.", registry=self._registry
        )
        self.ack_lag = Histogram(
            "wavstream_ack_lag_seconds",
            "From the first audio after an ack to the next ack.",
            buckets=(0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5, 10, 30),
            registry=self._registry,
        )
        self.ended = Counter(
            "wavstream_recordings_ended_total",
            "Recordings that ended, by how.",
            ["state", "reason"],
            registry=self._registry,
        )
        self.expired = Counter(
            "wavstream_recordings_expired_total", "Recordings taken off the disk.", registry=self._registry
        )
        self.swept_bytes = Counter(
            "wavstream_recordings_expired_bytes_total",
            "Bytes of recordings taken off the disk.",
            registry=self._registry,
        )
        self.sweep_seconds = Histogram(
            "wavstream_sweep_seconds", "Time of one look for expired recordings.", registry=self._registry
        )

    def text(self) -> bytes:
        """The present values in Prometheus's text format."""
        return generate_latest(self._registry)
