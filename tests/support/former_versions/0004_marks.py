"""Marks, by which a log that went back to an earlier state is known, and what changed in which order.

Every event gets a random mark. Streams know the marks at both ends of what is kept, and `changed` tells
which of all streams moved last. Two processes that pruned at once could move `pruned` backwards; it
is put right here, or cursors from before what is kept would still be taken as good.
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
    # A default that is not constant is worked out for each row, in one pass over the table.
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
