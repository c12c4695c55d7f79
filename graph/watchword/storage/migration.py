"""Brings a database to the newest version: the runtime's tables and those of the mounted schema.

Each package of Alembic revisions has a version table of its own, so that the revisions of one are
never taken for those of the other.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from watchword.errors import Unsafe
from watchword.storage import former_names
from watchword.storage.database import Database

# The number of an advisory lock: any will do, as long as every process uses the same one.
LOCK = 7_709_013
# PostgreSQL cuts off longer names, and two of them could become one.
NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Migrations:
    """A package of Alembic revisions, and the table that says which of them a database has."""

    package: str
    version_table: str


RUNTIME = Migrations("watchword.storage.migrations.versions", former_names.VERSION)
"""The runtime's own tables."""


def of_domain(package: str, version_table: str | None) -> Migrations:
    """Return a domain's migrations. Without a name, their version table is named after the package.

    Raises `Unsafe` for a version table that is the runtime's, or whose name would be cut off.
    """
    named = version_table or f"{package.replace('.', '_').lower()}_version"
    remedy = "Give its version table another name: Domain(version_table=…)."
    if named.startswith(former_names.PREFIX):
        raise Unsafe(
            f"{package} would keep its versions in {named}, and names that begin with"
            f" {former_names.PREFIX} are the runtime's. {remedy}"
        )
    if not NAME.fullmatch(named):
        raise Unsafe(
            f"{package} would keep its versions in {named!r}, which must be at most 63 lower-case"
            f" letters, digits and underscores. {remedy}"
        )
    return Migrations(package, named)


async def upgrade(database: Database, packages: Sequence[Migrations]) -> None:
    """Apply the missing revisions of each package, in order. Processes that start together take turns.

    The revisions of a package are one transaction: after a crash all of them are there, or none is.
    """
    async with _turn(database) as connection:
        await connection.run_sync(_leave_former_names, packages)
        for package in packages:
            await connection.run_sync(_upgrade, package)
            await connection.commit()


async def pending(database: Database, packages: Sequence[Migrations]) -> list[str]:
    """Return the packages with revisions that the database does not have."""
    async with database.engine.connect() as connection:
        return [p.package for p in packages if await connection.run_sync(_is_behind, p)]


@asynccontextmanager
async def _turn(database: Database) -> AsyncIterator[AsyncConnection]:
    """Lend a connection that no other process migrates the database with meanwhile."""
    async with database.engine.connect() as connection:
        if database.is_sqlite:
            # A migration that takes the write lock only after it has read fails if another was faster.
            await connection.execution_options(begin="BEGIN IMMEDIATE")
            yield connection
            return
        await connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
        await connection.commit()
        try:
            yield connection
        finally:
            await connection.rollback()
            await connection.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
            await connection.commit()


def _leave_former_names(connection: Connection, packages: Sequence[Migrations]) -> None:
    is_former = former_names.is_former(connection)
    connection.rollback()
    if is_former:
        domains = {
            domain.version_table: (f"{domain.package.partition('.')[0]}_version", _known(domain))
            for domain in packages
            if domain != RUNTIME
        }
        former_names.rename(connection, domains)


def _upgrade(connection: Connection, package: Migrations) -> None:
    config = _config(package)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _is_behind(connection: Connection, package: Migrations) -> bool:
    options = {"version_table": package.version_table}
    has = MigrationContext.configure(connection, opts=options).get_current_heads()
    return set(has) != set(_scripts(package).get_heads())


def _known(package: Migrations) -> frozenset[str]:
    return frozenset(script.revision for script in _scripts(package).walk_revisions())


def _scripts(package: Migrations) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(package))


def _config(package: Migrations) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("watchword.storage.migrations")))
    config.set_main_option("version_locations", str(files(package.package)))
    config.set_main_option("path_separator", "newline")
    config.attributes["version_table"] = package.version_table
    return config
