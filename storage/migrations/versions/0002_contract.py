"""Pauses, erasure, what legs and recordings heard, and the second life of a dead letter."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; all may be unknown for what is there already."""
    op.add_column("sessions", sa.Column("heard", sa.JSON(), nullable=True))
    op.add_column("call_recordings", sa.Column("pauses", sa.JSON(), nullable=True))
    op.add_column("call_recordings", sa.Column("heard", sa.JSON(), nullable=True))
    op.add_column("call_recordings", sa.Column("erased_at", sa.Double(), nullable=True))
    op.add_column("outbox", sa.Column("tried_since", sa.Double(), nullable=True))
