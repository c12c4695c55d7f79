"""Create the changes of components; give incidents an end of maintenance and the state of their import."""

import sqlalchemy as sa
from alembic import op

from watchword import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("components", sa.Column("source_updated_at", UtcDateTime()))
    op.add_column("incidents", sa.Column("scheduled_until", UtcDateTime()))
    op.add_column("incidents", sa.Column("source_updated_at", UtcDateTime()))
    op.add_column("incidents", sa.Column("source_digest", sa.String(64)))
    op.create_table(
        "component_changes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("component_id", sa.String(32), nullable=False),
        sa.Column("old_status", sa.String(32), nullable=False),
        sa.Column("new_status", sa.String(32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("update_id", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_component_changes"),
        sa.ForeignKeyConstraint(
            ["component_id"], ["components.id"], name="fk_component_changes_component_id"
        ),
        sa.ForeignKeyConstraint(
            ["update_id"], ["incident_updates.id"], name="fk_component_changes_update_id"
        ),
        sa.UniqueConstraint("update_id", "component_id", name="uq_component_changes_update"),
    )
    op.create_index(
        "ix_component_changes_component_id", "component_changes", ["component_id", "at", "id"]
    )
