"""Databases at an older revision."""

from __future__ import annotations

from alembic import command
from sqlalchemy import Connection

from watchword.storage.database import Database
from watchword.storage.migration import _config
from watchword.storage.packages import Migrations


async def upgrade_to(database: Database, package: Migrations, revision: str) -> None:
    """Apply a package's revisions up to this one."""

    def apply(connection: Connection) -> None:
        config = _config(package)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with database.engine.connect() as connection:
        await connection.run_sync(apply)
        await connection.commit()
