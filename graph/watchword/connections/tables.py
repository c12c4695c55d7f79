"""The tables that processes share to tell each other about their live connections."""

from __future__ import annotations

import sqlalchemy as sa

from watchword.storage.columns import UtcDateTime

metadata = sa.MetaData()

# The lengths of a process's id, and of a question's.
PROCESS, QUESTION = 12, 16

processes = sa.Table(
    "watchword_processes",
    metadata,
    sa.Column("id", sa.String(PROCESS), primary_key=True),
    # When the process last said that it is there.
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

# What a process answered to a question, until the process that asked has read it.
reports = sa.Table(
    "watchword_connection_reports",
    metadata,
    sa.Column("question", sa.String(QUESTION), primary_key=True),
    sa.Column("process", sa.String(PROCESS), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
)

# Who is present where, by the process that holds the connection.
presence = sa.Table(
    "watchword_presence",
    metadata,
    sa.Column("process", sa.String(PROCESS), primary_key=True),
    sa.Column("place", sa.String(200), primary_key=True),
    sa.Column("subject", sa.String(200), primary_key=True),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Index("ix_watchword_presence_place", "place"),
)
