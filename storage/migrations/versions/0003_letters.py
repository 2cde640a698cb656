"""Dead letters and what is pending found without a walk; a row to see that the catalogue can be written."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the indexes and the table."""
    dead, pending = sa.text("state = 'dead'"), sa.text("state = 'pending'")
    op.create_index(
        "ix_outbox_dead", "outbox", ["created_at", "event_id"], sqlite_where=dead, postgresql_where=dead
    )
    op.create_index(
        "ix_outbox_dead_of",
        "outbox",
        ["app_id", "created_at", "event_id"],
        sqlite_where=dead,
        postgresql_where=dead,
    )
    op.create_index(
        "ix_outbox_pending", "outbox", ["state", "created_at"], sqlite_where=pending, postgresql_where=pending
    )
    op.create_table(
        "heartbeats",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_heartbeats")),
    )
