"""Give each event a random mark, and each stream the order of its newest append.

Marks reveal a database that was restored to an earlier state: its positions are used again, with other
marks. A stream stores the marks of its newest event and of the newest pruned one; `changed` orders the
newest appends of all streams.

Before this revision, two processes that pruned at the same time could move `pruned` backwards. It is
corrected here; otherwise cursors to events that are gone would still be accepted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MARK = sa.String(16)
RANDOM = {
    "sqlite": "lower(hex(randomblob(8)))",
    "postgresql": "right(replace(gen_random_uuid()::text, '-', ''), 16)",
}
KEPT = sa.text("(position - pruned)")


def upgrade() -> None:
    random = RANDOM[op.get_bind().dialect.name]
    _mark_events(random)
    for column in ("mark", "before", "pruned_mark"):
        op.add_column("log_streams", sa.Column(column, MARK, nullable=False, server_default=""))
    op.add_column("log_streams", sa.Column("changed", BIG, nullable=False, server_default="0"))
    _mark_streams(random)
    if op.get_bind().dialect.name == "postgresql":
        for column in ("mark", "before", "pruned_mark", "changed"):
            op.alter_column("log_streams", column, server_default=None)
    op.create_index("ix_log_streams_changed", "log_streams", ["changed"])
    op.create_index("ix_log_streams_kept", "log_streams", [KEPT])


def _mark_events(random: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.add_column("log_events", sa.Column("mark", MARK, nullable=False, server_default=""))
        op.execute(f"UPDATE log_events SET mark = {random}")
        return
    # PostgreSQL evaluates a default that is not constant for each row, in one pass over the table.
    op.add_column(
        "log_events", sa.Column("mark", MARK, nullable=False, server_default=sa.text(random))
    )
    op.alter_column("log_events", "mark", server_default=None)


def _mark_streams(random: str) -> None:
    of_stream = "FROM log_events WHERE stream = log_streams.name"
    op.execute(
        f"UPDATE log_streams SET pruned = coalesce((SELECT min(position) - 1 {of_stream}), position)"
    )
    op.execute(
        "UPDATE log_streams SET"
        f" mark = coalesce((SELECT mark {of_stream} AND position = log_streams.position), {random}),"
        f" pruned_mark = {random} WHERE position > 0"
    )
    op.execute("UPDATE log_streams SET pruned_mark = mark WHERE pruned = position")
    op.execute("UPDATE log_streams SET pruned_mark = '' WHERE pruned = 0")
