"""How good each side of a recording is."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; it is unknown for what is there already."""
    op.add_column("call_recordings", sa.Column("quality", sa.JSON(), nullable=True))
