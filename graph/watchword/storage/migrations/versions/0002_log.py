"""Create the event log: streams, their events, and the epoch that cursors name."""

import secrets

import sqlalchemy as sa
from alembic import op

from watchword.storage.columns import UtcDateTime

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "watchword_log_streams",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("pruned", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "watchword_log_events",
        sa.Column("stream", sa.String(100), nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "position"),
    )
    op.create_index(
        "ix_watchword_log_events_key", "watchword_log_events", ["stream", "key", "position"]
    )
    op.create_index("ix_watchword_log_events_at", "watchword_log_events", ["at"])
    epochs = op.create_table(
        "watchword_log_epochs",
        sa.Column("epoch", sa.String(32), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("epoch"),
    )
    row = {"epoch": secrets.token_urlsafe(9), "secret": secrets.token_hex(32)}
    op.bulk_insert(epochs, [row])
