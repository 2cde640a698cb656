"""Legal hold, and what is due without what is held."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns, and let the index of what is due leave out what is held."""
    op.add_column("recordings", sa.Column("held_at", sa.Double(), nullable=True))
    op.add_column("recordings", sa.Column("hold_reason", sa.String(), nullable=True))
    free = sa.text("held_at IS NULL")
    op.create_index(
        "ix_recordings_due", "recordings", ["expires_at"], sqlite_where=free, postgresql_where=free
    )
    op.drop_index(op.f("ix_recordings_expires_at"), "recordings")
