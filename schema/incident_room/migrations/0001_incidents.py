"""Create components, incidents, the components that they affect, and their updates."""

import sqlalchemy as sa
from alembic import op

from watchword import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "components",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("group_name", sa.String(255)),
        sa.Column("description", sa.Text()),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(64)),
        sa.Column("source_id", sa.String(64)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_components"),
        sa.UniqueConstraint("source", "source_id", name="uq_components_source"),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("impact", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("commander_id", sa.String(32)),
        sa.Column("shortlink", sa.String(500)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("monitoring_at", UtcDateTime()),
        sa.Column("resolved_at", UtcDateTime()),
        sa.Column("source", sa.String(64)),
        sa.Column("source_id", sa.String(64)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
        sa.UniqueConstraint("source", "source_id", name="uq_incidents_source"),
    )
    op.create_index("ix_incidents_started_at", "incidents", ["started_at", "id"])
    op.create_index("ix_incidents_updated_at", "incidents", ["updated_at", "id"])
    op.create_table(
        "incident_components",
        sa.Column("incident_id", sa.String(32), nullable=False),
        sa.Column("component_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "component_id", name="pk_incident_components"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_incident_components_incident_id"
        ),
        sa.ForeignKeyConstraint(
            ["component_id"], ["components.id"], name="fk_incident_components_component_id"
        ),
    )
    op.create_index("ix_incident_components_component_id", "incident_components", ["component_id"])
    op.create_table(
        "incident_updates",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("incident_id", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("author_id", sa.String(32)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("display_at", UtcDateTime(), nullable=False),
        sa.Column("source_id", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_incident_updates"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name="fk_incident_updates_incident_id"
        ),
        sa.UniqueConstraint("incident_id", "source_id", name="uq_incident_updates_source"),
    )
    op.create_index(
        "ix_incident_updates_incident_id", "incident_updates", ["incident_id", "display_at", "id"]
    )
