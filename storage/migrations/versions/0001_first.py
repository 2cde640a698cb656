"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "applications",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("webhook_url", sa.String(), nullable=False),
        sa.Column("rate_limit", sa.Integer(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("webhook_secrets", sa.JSON(), nullable=False),
        sa.Column("webhook_disabled_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_applications")),
    )
    op.create_table(
        "recordings",
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("sample_rate", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.String(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("stopped_at", sa.Double(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("duration", sa.Double(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_recordings")),
        sa.UniqueConstraint("token", name=op.f("uq_recordings_token")),
    )
    op.create_index(op.f("ix_recordings_expires_at"), "recordings", ["expires_at"])
    op.create_index(
        op.f("ix_recordings_name_started_at_recording_id"),
        "recordings",
        ["name", "started_at", "recording_id"],
    )
    op.create_index(
        op.f("ix_recordings_started_at_recording_id"),
        "recordings",
        ["started_at", "recording_id"],
    )
    op.create_index(
        op.f("ix_recordings_state_started_at_recording_id"),
        "recordings",
        ["state", "started_at", "recording_id"],
    )
    op.create_table(
        "sessions",
        sa.Column("session_uuid", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("caller_id", sa.String(), nullable=True),
        sa.Column("did", sa.String(), nullable=True),
        sa.Column("legs", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("last_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("session_uuid", name=op.f("pk_sessions")),
    )
    op.create_index(
        op.f("ix_sessions_app_id_created_at_session_uuid"),
        "sessions",
        ["app_id", "created_at", "session_uuid"],
    )
    op.create_index(
        "ix_sessions_live",
        "sessions",
        ["node"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "application_keys",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("age", sa.Integer(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["applications.app_id"], name=op.f("fk_application_keys_app_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("app_id", "age", name=op.f("pk_application_keys")),
    )
    op.create_table(
        "call_recordings",
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("session_uuid", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("command_uid", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("sample_rate", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.String(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("stopped_at", sa.Double(), nullable=True),
        sa.Column("recording_url", sa.String(), nullable=True),
        sa.Column("duration", sa.Double(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_uuid"], ["sessions.session_uuid"], name=op.f("fk_call_recordings_session_uuid")
        ),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_call_recordings")),
    )
    op.create_index(
        op.f("ix_call_recordings_session_uuid_started_at_recording_id"),
        "call_recordings",
        ["session_uuid", "started_at", "recording_id"],
    )
    op.create_index(op.f("ix_call_recordings_state"), "call_recordings", ["state"])
    op.create_table(
        "commands",
        sa.Column("session_uuid", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("command_uid", sa.String(), nullable=False),
        sa.Column("operation_id", sa.String(), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_uuid"], ["sessions.session_uuid"], name=op.f("fk_commands_session_uuid")
        ),
        sa.PrimaryKeyConstraint("session_uuid", "command", "command_uid", name=op.f("pk_commands")),
    )
    op.create_table(
        "outbox",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("session_uuid", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("payload", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("delivered_at", sa.Double(), nullable=True),
        sa.Column("head", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_uuid"], ["sessions.session_uuid"], name=op.f("fk_outbox_session_uuid")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("session_uuid", "sequence", name=op.f("uq_outbox_session_uuid_sequence")),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_attempt_at", "session_uuid"],
        sqlite_where=sa.text("head = 1"),
        postgresql_where=sa.text("head"),
    )
