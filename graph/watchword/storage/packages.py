"""The table of packages of migrations: the version table of each, and the oldest release that can use it.

During a rolling upgrade, a process of the old release may start after the new release has migrated the
database, and does not know the newest revision. So the new release stores `readable_from` here: the
newest revision of the oldest release that can use the database. A release that knows that revision may
start.
"""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from watchword.errors import Unsafe

log = logging.getLogger("watchword.migration")

metadata = sa.MetaData(naming_convention={"pk": "pk_%(table_name)s"})

packages = sa.Table(
    "watchword_packages",
    metadata,
    sa.Column("version_table", sa.String(63), primary_key=True),
    sa.Column("package", sa.String(300), nullable=False),
    sa.Column("readable_from", sa.String(32)),
)

REMEDY = "Give its version table another name: Domain(version_table=…)."


@dataclass(frozen=True, slots=True)
class Migrations:
    """A package of Alembic revisions, and the table in which Alembic stores the current revision."""

    package: str
    version_table: str

    @property
    def last_release(self) -> str | None:
        """The newest revision of the last release: LAST_RELEASE of the package, or None without one."""
        module = importlib.import_module(self.package)
        return getattr(module, "LAST_RELEASE", None)


def check_owner(connection: Connection, migrations: Migrations) -> None:
    """Raise `Unsafe` if the version table belongs to another package, or is no version table.

    Also raises it if the package has another version table already: otherwise its tables would be created again.
    """
    package, table = migrations.package, migrations.version_table
    inspector = sa.inspect(connection)
    if inspector.has_table(table):
        columns = [column["name"] for column in inspector.get_columns(table)]
        if columns != ["version_num"]:
            raise Unsafe(
                f"{package} would keep its versions in {table}, which holds other things. {REMEDY}"
            )
    for known in _noted(connection):
        if known.version_table == table and known.package != package:
            raise Unsafe(
                f"{package} would keep its versions in {table}, where {known.package} keeps its own."
                f" {REMEDY} If {known.package} is its former name: UPDATE watchword_packages SET"
                f" package = '{package}' WHERE version_table = '{table}'."
            )
        if known.package == package and known.version_table != table:
            raise Unsafe(
                f"{package} has its versions in {known.version_table} and would look for them in"
                f" {table}. Say where they are: Domain(version_table={known.version_table!r})."
            )


def check_readable(
    connection: Connection, migrations: Migrations, unknown: set[str], known: frozenset[str]
) -> None:
    """Raise `Unsafe` if this release cannot use a database at `unknown` revisions; otherwise log a warning.

    `known` are the revisions of this release.
    """
    package, table, named = migrations.package, migrations.version_table, ", ".join(sorted(unknown))
    note = next((row for row in _noted(connection) if row.version_table == table), None)
    if note is None:
        raise Unsafe(f"{table} holds {named}, which is no revision of {package}. {REMEDY}")
    if note.readable_from is not None and note.readable_from not in known:
        raise Unsafe(
            f"The database is at revision {named} of {package}, and this release is too old for it."
            " Install the release that migrated it, or the one before."
        )
    log.warning(
        "the database is at revision %s of %s, from a later release than this one", named, package
    )


def note(connection: Connection, migrations: Migrations) -> None:
    """Store the owner of the version table, and the oldest release that can use the database."""
    row = {"package": migrations.package, "readable_from": migrations.last_release}
    is_this = packages.c.version_table == migrations.version_table
    if connection.execute(packages.update().where(is_this).values(row)).rowcount == 0:
        connection.execute(packages.insert().values(version_table=migrations.version_table, **row))


def is_noted(connection: Connection, migrations: Migrations) -> bool:
    """Tell whether `note` would change nothing."""
    row = (migrations.version_table, migrations.package, migrations.last_release)
    return row in {(k.version_table, k.package, k.readable_from) for k in _noted(connection)}


def _noted(connection: Connection) -> list[sa.Row[Any]]:
    if not sa.inspect(connection).has_table(packages.name):
        return []
    return list(connection.execute(sa.select(packages)).all())
