"""The log's tables: streams with their newest position, the events that are kept, and the epoch."""

from __future__ import annotations

import sqlalchemy as sa

from watchword.storage.columns import UtcDateTime

metadata = sa.MetaData()

# SQLite counts rows only in INTEGER; PostgreSQL's would be full after two billion events.
BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# Letters of a mark: eight random bytes in hexadecimal.
MARK = 16

streams = sa.Table(
    "log_streams",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    # The newest event: its position, its mark, and the mark of the event before the newest append.
    sa.Column("position", BIG, nullable=False),
    sa.Column("mark", sa.String(MARK), nullable=False),
    sa.Column("before", sa.String(MARK), nullable=False),
    # The newest event that is not kept any more: its position and its mark.
    sa.Column("pruned", BIG, nullable=False),
    sa.Column("pruned_mark", sa.String(MARK), nullable=False),
    # When the newest append was, among those to all streams: the transaction's id on PostgreSQL, and
    # a counter on SQLite, which has one writer at a time.
    sa.Column("changed", BIG, nullable=False),
    sa.Index("ix_log_streams_changed", "changed"),
    sa.Index("ix_log_streams_kept", sa.text("(position - pruned)")),
)

events = sa.Table(
    "log_events",
    metadata,
    sa.Column("stream", sa.String(100), primary_key=True),
    sa.Column("position", BIG, primary_key=True),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(50), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("mark", sa.String(MARK), nullable=False),
    sa.Index("ix_log_events_key", "stream", "key", "position"),
    sa.Index("ix_log_events_at", "at"),
)

epochs = sa.Table(
    "log_epochs",
    metadata,
    # Names this log among all others, and signs the cursors into it.
    sa.Column("epoch", sa.String(32), primary_key=True),
    sa.Column("secret", sa.String(64), nullable=False),
)
