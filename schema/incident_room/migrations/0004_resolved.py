"""Index when incidents were resolved: the history of components is made of those that were not over some days ago."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("ix_incidents_resolved_at", "incidents", ["resolved_at", "id"])
