"""Let processes tell each other about their live connections, and who is present where."""

import sqlalchemy as sa
from alembic import op

from watchword.storage.columns import UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "watchword_processes",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watchword_processes"),
    )
    op.create_table(
        "watchword_connection_reports",
        sa.Column("question", sa.String(16), nullable=False),
        sa.Column("process", sa.String(12), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("question", "process", name="pk_watchword_connection_reports"),
    )
    op.create_table(
        "watchword_presence",
        sa.Column("process", sa.String(12), nullable=False),
        sa.Column("place", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("process", "place", "subject", name="pk_watchword_presence"),
    )
    op.create_index("ix_watchword_presence_place", "watchword_presence", ["place"])
