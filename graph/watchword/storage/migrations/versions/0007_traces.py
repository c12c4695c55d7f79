"""Let an event name the span that published it. Servers of the last release write events without it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("watchword_log_events", sa.Column("trace", sa.String(55)))
