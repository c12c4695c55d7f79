"""The domain's tables. Accounts are in the runtime's tables; columns here contain their ids."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, MetaData, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from watchword import UtcDateTime

# The condition of the index on incidents that are not over, in the very words of the query: SQLite uses a
# partial index only if it finds its condition there, and neither database looks into parameters.
IS_OPEN = "status NOT IN ('COMPLETED', 'POSTMORTEM', 'RESOLVED')"


def _of_open(*columns: str) -> list[Index]:
    where = text(IS_OPEN)
    return [
        Index(f"ix_incidents_open_{c}", c, "id", sqlite_where=where, postgresql_where=where)
        for c in columns
    ]


class Base(DeclarativeBase):
    """The tables that the migrations in schema/incident_room/migrations create."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ComponentRow(Base):
    """A part of the product, which has a status."""

    __tablename__ = "components"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    group: Mapped[str | None] = mapped_column("group_name", String(255))
    description: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(32))
    position: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    source: Mapped[str | None] = mapped_column(String(64))
    source_id: Mapped[str | None] = mapped_column(String(64))
    # When the source last changed the imported component, by the source's clock.
    source_updated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column()

    __table_args__ = (UniqueConstraint("source", "source_id", name="uq_components_source"),)
    __mapper_args__ = {"version_id_col": version}


class IncidentRow(Base):
    """An outage or a maintenance of components, from its first notice to its end."""

    __tablename__ = "incidents"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    impact: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    commander_id: Mapped[str | None] = mapped_column(String(32))
    shortlink: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    monitoring_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    scheduled_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    source: Mapped[str | None] = mapped_column(String(64))
    source_id: Mapped[str | None] = mapped_column(String(64))
    source_updated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # SHA-256 of the last import. If a file has the same content again, nothing is changed.
    source_digest: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[int] = mapped_column()

    __table_args__ = (
        UniqueConstraint("source", "source_id", name="uq_incidents_source"),
        Index("ix_incidents_started_at", "started_at", "id"),
        Index("ix_incidents_updated_at", "updated_at", "id"),
        Index("ix_incidents_resolved_at", "resolved_at", "id"),
        *_of_open("started_at", "updated_at"),
    )
    __mapper_args__ = {"version_id_col": version}


class IncidentComponentRow(Base):
    """Links an incident to a component that it affects."""

    __tablename__ = "incident_components"

    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    component_id: Mapped[str] = mapped_column(
        ForeignKey("components.id"), primary_key=True, index=True
    )


class UpdateRow(Base):
    """A message about an incident, for the public or for responders only.

    Its text never changes, except by an import after its source has changed it.
    """

    __tablename__ = "incident_updates"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"))
    status: Mapped[str] = mapped_column(String(16))
    body: Mapped[str] = mapped_column(Text)
    visibility: Mapped[str] = mapped_column(String(16))
    author_id: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    display_at: Mapped[datetime] = mapped_column(UtcDateTime)
    source_id: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        UniqueConstraint("incident_id", "source_id", name="uq_incident_updates_source"),
        Index("ix_incident_updates_incident_id", "incident_id", "display_at", "id"),
    )


class ComponentChangeRow(Base):
    """A change of the status of a component."""

    __tablename__ = "component_changes"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    component_id: Mapped[str] = mapped_column(ForeignKey("components.id"))
    old_status: Mapped[str] = mapped_column(String(32))
    new_status: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    # The update that reports the change, if one does.
    update_id: Mapped[str | None] = mapped_column(ForeignKey("incident_updates.id"))

    __table_args__ = (
        UniqueConstraint("update_id", "component_id", name="uq_component_changes_update"),
        Index("ix_component_changes_component_id", "component_id", "at", "id"),
    )
