"""Where a file's audio begins, and the hash of that audio alone."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("recordings", sa.Column("header_bytes", sa.Integer()))
    op.add_column("recordings", sa.Column("audio_sha256", sa.String()))
