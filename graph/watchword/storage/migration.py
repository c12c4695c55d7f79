"""Brings a database to the newest version, the runtime's tables and the mounted schema's alike.

A package of migrations is a package of Alembic revision files. Each has its own version table,
named after the top-level package it is in, so that the two never meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from watchword.storage.database import Database

RUNTIME = "watchword.storage.migrations.versions"
"""The runtime's own tables."""

# What the packages of these tables were called when the tables were made.
_NAMES_BEFORE = {"watchword": "graph", "incident_room": "schema"}

# Any number will do, as long as every process uses the same one.
LOCK = 7_709_013


async def upgrade(database: Database, packages: Sequence[str]) -> None:
    """Apply what is missing of each package, in order. Processes that start together take turns."""
    async with database.engine.connect() as connection:
        if not database.is_sqlite:
            await connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
            await connection.commit()
        for package in packages:
            await connection.run_sync(_upgrade, package)
            await connection.commit()
        if not database.is_sqlite:
            await connection.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
            await connection.commit()


async def pending(database: Database, packages: Sequence[str]) -> list[str]:
    """Return the packages whose newest version the database does not have."""
    async with database.engine.connect() as connection:
        return [p for p in packages if await connection.run_sync(_is_behind, p)]


def _upgrade(connection: Connection, package: str) -> None:
    command.upgrade(_config(connection, package), "head")


def _is_behind(connection: Connection, package: str) -> bool:
    config = _config(connection, package)
    options = {"version_table": config.attributes["version_table"]}
    has = MigrationContext.configure(connection, opts=options).get_current_heads()
    return set(has) != set(ScriptDirectory.from_config(config).get_heads())


def _config(connection: Connection, package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("watchword.storage.migrations")))
    config.set_main_option("version_locations", str(files(package)))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    top = package.partition(".")[0]
    config.attributes["version_table"] = f"{_NAMES_BEFORE.get(top, top)}_version"
    return config
