"""The catalogue's tables. Times are seconds since the epoch (UTC), sizes bytes, durations seconds.

The migrations build the same tables in running installations: a change here needs a new one there.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

applications = Table(
    "applications",
    metadata,
    Column("app_id", String, primary_key=True),
    Column("webhook_url", String, nullable=False),
    Column("rate_limit", Integer, nullable=False),
    Column("events", JSON, nullable=False),
    Column("webhook_secrets", JSON, nullable=False),
    Column("webhook_disabled_at", Double),
)

application_keys = Table(
    "application_keys",
    metadata,
    Column("app_id", ForeignKey("applications.app_id", ondelete="CASCADE"), nullable=False),
    Column("age", Integer, nullable=False),  # 0 is the newest
    Column("salt", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    PrimaryKeyConstraint("app_id", "age"),
)

# A session's application may be deleted before its history is: no foreign key from here to the applications.
sessions = Table(
    "sessions",
    metadata,
    Column("session_uuid", String, primary_key=True),
    Column("app_id", String, nullable=False),
    Column("node", String, nullable=False),
    Column("state", String, nullable=False),
    Column("caller_id", String),
    Column("did", String),
    Column("legs", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("cause", String),
    Column("last_sequence", Integer, nullable=False, server_default="0"),
    Column("heard", JSON(none_as_null=True)),  # what its legs received, once it has ended
    Index(None, "app_id", "created_at", "session_uuid"),
)
Index(
    "ix_sessions_live",
    sessions.c.node,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)

commands = Table(
    "commands",
    metadata,
    Column("session_uuid", ForeignKey("sessions.session_uuid"), nullable=False),
    Column("command", String, nullable=False),
    Column("command_uid", String, nullable=False),
    Column("operation_id", String, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("error", String),
    Column("created_at", Double, nullable=False),
    PrimaryKeyConstraint("session_uuid", "command", "command_uid"),
)

call_recordings = Table(
    "call_recordings",
    metadata,
    Column("recording_id", String, primary_key=True),
    Column("session_uuid", ForeignKey("sessions.session_uuid"), nullable=False),
    Column("app_id", String, nullable=False),
    Column("command_uid", String, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("reason", String),
    Column("sample_rate", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("encoding", String, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("stopped_at", Double),
    Column("recording_url", String),
    Column("duration", Double),
    Column("size", BigInteger),
    Column("sha256", String),
    Column("expires_at", Double),
    Column("error", String),
    Column("pauses", JSON(none_as_null=True)),  # [[from, to], …] in seconds from its start; masked
    Column("heard", JSON(none_as_null=True)),  # what became of its legs' audio, once it has ended
    Column("erased_at", Double),
    Column("quality", JSON(none_as_null=True)),  # how good each side is, once it has ended
    Index(None, "session_uuid", "started_at", "recording_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("app_id", String, nullable=False),
    Column("session_uuid", ForeignKey("sessions.session_uuid"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("event", String, nullable=False),
    Column("payload", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Double, nullable=False),
    Column("state", String, nullable=False),
    Column("last_error", String),
    Column("delivered_at", Double),
    # True for the pending event of a session whose turn it is. Kept, not computed: a long line behind a dead
    # receiver then costs the search for what is due nothing.
    Column("head", Boolean, nullable=False),
    Column("tried_since", Double),  # a dead letter that was sent again: when; its retries count from then
    UniqueConstraint("session_uuid", "sequence"),
)
Index(
    "ix_outbox_due",
    outbox.c.next_attempt_at,
    outbox.c.session_uuid,
    sqlite_where=text("head = 1"),  # as SQLAlchemy writes the column in a query: SQLite goes by the letter
    postgresql_where=text("head"),
)
_DEAD = text("state = 'dead'")
Index("ix_outbox_dead", outbox.c.created_at, outbox.c.event_id, sqlite_where=_DEAD, postgresql_where=_DEAD)
Index(
    "ix_outbox_dead_of",
    outbox.c.app_id,
    outbox.c.created_at,
    outbox.c.event_id,
    sqlite_where=_DEAD,
    postgresql_where=_DEAD,
)
_PENDING = text("state = 'pending'")
# The state as well, though it is always the same: SQLite then counts without a look at the rows.
Index(
    "ix_outbox_pending", outbox.c.state, outbox.c.created_at, sqlite_where=_PENDING, postgresql_where=_PENDING
)

# One row a node, written for no other reason than to see that it can be.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("node", String, primary_key=True),
    Column("at", Double, nullable=False),
)

recordings = Table(
    "recordings",
    metadata,
    Column("recording_id", String, primary_key=True),
    Column("token", String, nullable=False, unique=True),
    Column("name", String),
    Column("state", String, nullable=False),
    Column("reason", String),
    Column("sample_rate", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("encoding", String, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("stopped_at", Double),
    Column("expires_at", Double),
    Column("duration", Double),
    Column("size", BigInteger),
    Column("sha256", String),
    Column("metadata", JSON, nullable=False),
    Column("header_bytes", Integer),  # before the audio; NULL: the file is of an earlier version
    Column("audio_sha256", String),
    Column("held_at", Double),  # since when it is on legal hold
    Column("hold_reason", String),
    Index(None, "started_at", "recording_id"),
    Index(None, "state", "started_at", "recording_id"),
    Index(None, "name", "started_at", "recording_id"),
)
# Without what is held: any number of recordings that are kept beyond their time cost a sweep nothing.
_FREE = text("held_at IS NULL")
Index("ix_recordings_due", recordings.c.expires_at, sqlite_where=_FREE, postgresql_where=_FREE)
