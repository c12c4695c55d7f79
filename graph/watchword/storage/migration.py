"""Migrates a database to the newest revision, for the runtime's tables and those of the mounted schema.

Each package of Alembic revisions has its own version table, so that the revisions of one package are
never mistaken for those of the other.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from watchword.errors import Unsafe
from watchword.storage import former_names, sql_mistakes
from watchword.storage.database import Database
from watchword.storage.packages import (
    REMEDY,
    Migrations,
    check_owner,
    check_readable,
    is_noted,
    note,
)

log = logging.getLogger("watchword.migration")

# The number of an advisory lock: any will do, as long as every process uses the same one.
LOCK = 7_709_013
# PostgreSQL cuts off longer names, and two of them could become equal.
NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


RUNTIME = Migrations("watchword.storage.migrations.versions", former_names.VERSION)
"""The runtime's own tables."""


def of_domain(package: str, version_table: str | None) -> Migrations:
    """Return a domain's migrations. Without a name, their version table is named after the package.

    Raises `Unsafe` for a version table that is the runtime's, or whose name would be cut off.
    """
    named = version_table or f"{package.replace('.', '_').lower()}_version"
    if named.startswith(former_names.PREFIX):
        raise Unsafe(
            f"{package} would keep its versions in {named}, and names that begin with"
            f" {former_names.PREFIX} are the runtime's. {REMEDY}"
        )
    if not NAME.fullmatch(named):
        raise Unsafe(
            f"{package} would keep its versions in {named!r}, which must be at most 63 lower-case"
            f" letters, digits and underscores. {REMEDY}"
        )
    return Migrations(package, named)


async def upgrade(database: Database, packages: Sequence[Migrations]) -> None:
    """Apply the missing revisions of each package, in order. Processes that start together take turns.

    All revisions of a package are one transaction, so a crash leaves none of them behind. A database that
    a later release has migrated stays as it is. Raises `Unsafe` if this release cannot use it, if a package
    cannot have its version table, or for an SQL error in a revision.
    """
    async with _turn(database) as connection:
        if not await connection.run_sync(_has_work, packages):
            return
        await connection.rollback()
        if database.is_sqlite:
            # Take the write lock at once. A transaction that has read first would fail if another process
            # migrated meanwhile.
            await connection.execution_options(begin="BEGIN IMMEDIATE")
        await connection.run_sync(_leave_former_names, packages)
        for package in packages:
            await connection.run_sync(_upgrade, package)
            await connection.commit()


async def pending(database: Database, packages: Sequence[Migrations]) -> list[str]:
    """Return the packages that have revisions which the database lacks. Raises `Unsafe` as `upgrade` does."""
    async with database.engine.connect() as connection:
        return [p.package for p in packages if await connection.run_sync(_is_behind, p)]


@asynccontextmanager
async def _turn(database: Database) -> AsyncIterator[AsyncConnection]:
    """Open a connection and, on PostgreSQL, keep other processes from migrating. SQLite has its write lock."""
    async with database.engine.connect() as connection:
        if database.is_sqlite:
            yield connection
            return
        if not await connection.scalar(text(f"SELECT pg_try_advisory_lock({LOCK})")):
            # It may hold the lock until PostgreSQL notices that its machine is gone, which can take hours.
            log.info(
                "another process migrates the database: waiting for its advisory lock %d", LOCK
            )
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


def _has_work(connection: Connection, packages: Sequence[Migrations]) -> bool:
    return former_names.is_former(connection) or not all(_is_done(connection, p) for p in packages)


def _folder(package: str) -> str:
    """Return the folder of a package of revisions. Raises `Unsafe` if it, or what it imports, is not there."""
    try:
        return str(files(package))
    except ModuleNotFoundError as error:
        raise Unsafe(
            f"There is no module {error.name!r}, and Domain(migrations={package!r}) needs it. Name the package of"
            " your revisions, and install it where Watchword is installed."
        ) from error


def _upgrade(connection: Connection, package: Migrations) -> None:
    if _is_done(connection, package):
        return
    config = _config(package)
    config.attributes["connection"] = connection
    folder = _folder(package.package)
    with sql_mistakes.named(f"The migration of the database by {package.package}", folder):
        command.upgrade(config, "head")
    note(connection, package)


def _is_done(connection: Connection, package: Migrations) -> bool:
    if _is_behind(connection, package):
        return False
    # A database that a later release has migrated is done: the row that it has stored must not change.
    return not _is_at_head(connection, package) or is_noted(connection, package)


def _is_behind(connection: Connection, package: Migrations) -> bool:
    check_owner(connection, package)
    known = _known(package)
    if unknown := _current(connection, package) - known:
        check_readable(connection, package, unknown, known)
        return False
    return not _is_at_head(connection, package)


def _is_at_head(connection: Connection, package: Migrations) -> bool:
    return _current(connection, package) == set(_scripts(package).get_heads())


def _current(connection: Connection, package: Migrations) -> set[str]:
    options = {"version_table": package.version_table}
    return set(MigrationContext.configure(connection, opts=options).get_current_heads())


def _known(package: Migrations) -> frozenset[str]:
    return frozenset(script.revision for script in _scripts(package).walk_revisions())


@cache
def _scripts(package: Migrations) -> ScriptDirectory:
    """Return a package's revisions, which Alembic imports each time that it reads them."""
    return ScriptDirectory.from_config(_config(package))


def _config(package: Migrations) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("watchword.storage.migrations")))
    config.set_main_option("version_locations", _folder(package.package))
    config.set_main_option("path_separator", "newline")
    config.attributes["version_table"] = package.version_table
    return config
