"""Index the incidents that are not over, which are few: the first question of every status page."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    is_open = sa.text("status NOT IN ('COMPLETED', 'POSTMORTEM', 'RESOLVED')")
    for column in ("started_at", "updated_at"):
        op.create_index(
            f"ix_incidents_open_{column}",
            "incidents",
            [column, "id"],
            sqlite_where=is_open,
            postgresql_where=is_open,
        )
