"""The event log's tables: streams with their newest position, the kept events, and the epoch."""

from __future__ import annotations

import sqlalchemy as sa

from watchword.storage.columns import UtcDateTime

metadata = sa.MetaData()

# SQLite numbers rows only in INTEGER columns. In PostgreSQL, INTEGER ends at two billion events.
BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# The length of a mark: eight random bytes in hexadecimal.
MARK = 16
# The length of a traceparent (W3C Trace Context, section 3.2.2).
TRACE = 55

streams = sa.Table(
    "watchword_log_streams",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    # The newest event: its position, its mark, and the mark of the event before the newest append.
    sa.Column("position", BIG, nullable=False),
    sa.Column("mark", sa.String(MARK), nullable=False),
    sa.Column("before", sa.String(MARK), nullable=False),
    # The newest event that was pruned: its position and its mark.
    sa.Column("pruned", BIG, nullable=False),
    sa.Column("pruned_mark", sa.String(MARK), nullable=False),
    # Orders the newest appends of all streams: on PostgreSQL the transaction's id; on SQLite, which has
    # one writer at a time, a counter.
    sa.Column("changed", BIG, nullable=False),
    sa.Index("ix_watchword_log_streams_changed", "changed"),
    sa.Index("ix_watchword_log_streams_kept", sa.text("(position - pruned)")),
)

events = sa.Table(
    "watchword_log_events",
    metadata,
    sa.Column("stream", sa.String(100), primary_key=True),
    sa.Column("position", BIG, primary_key=True),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(50), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("mark", sa.String(MARK), nullable=False),
    # The traceparent of the span that published the event, if that was recorded.
    sa.Column("trace", sa.String(TRACE)),
    sa.Index("ix_watchword_log_events_key", "stream", "key", "position"),
    sa.Index("ix_watchword_log_events_at", "at"),
)

epochs = sa.Table(
    "watchword_log_epochs",
    metadata,
    # `epoch` tells this log from those of other databases; `secret` signs its cursors.
    sa.Column("epoch", sa.String(32), primary_key=True),
    sa.Column("secret", sa.String(64), nullable=False),
)
