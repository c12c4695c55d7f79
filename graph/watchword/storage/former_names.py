"""Renames the tables of a database that was made by a release without the prefix `watchword_`.

Those releases called the runtime's tables `accounts`, `sessions` and so on, and named each version
table of Alembic after a top-level package: `graph_version` for the runtime, `schema_version` for the
incident room. One transaction renames them all before Alembic reads a version. If the process is
killed, the database keeps the former names, and the next start renames them.

Tables of other applications may have the same names. So nothing is renamed unless `graph_version`
holds a revision of the runtime and every table of that revision exists. `schema_version` is checked
in the same way.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, inspect, text

log = logging.getLogger("watchword.migration")

PREFIX = "watchword_"
"""All names of the runtime's tables begin with this. A domain's version table must not."""
VERSION = f"{PREFIX}version"

FORMER_VERSION = "graph_version"
INCIDENT_ROOM = ("schema_version", "incident_room_version")

# The former names of the tables that exist at each revision.
_ACCOUNTS = {"accounts", "passwords", "sessions", "refresh_tokens", "signing_keys"}
_LOG = {"log_streams", "log_events", "log_epochs"}
_TOKENS = {"external_identities", "used_ids", "passkeys", "totp", "recovery_codes", "clients"}
_TOKENS |= {"client_secrets", "authorization_codes", "consents", "audit_entries"}
_NEWEST = _ACCOUNTS | _LOG | _TOKENS
RUNTIME_TABLES = {
    "0001": _ACCOUNTS,
    "0002": _ACCOUNTS | _LOG,
    "0003": _NEWEST | {"challenges"},
    "0004": _NEWEST | {"challenges"},
    "0005": _NEWEST,
}
_INCIDENTS = {"components", "incidents", "incident_components", "incident_updates"}
INCIDENT_TABLES = {"0001": _INCIDENTS, "0002": _INCIDENTS | {"component_changes"}}

# The former names of the triggers on `audit_entries`.
_TRIGGERS = {f"audit_entries_{end}" for end in ("are_kept", "insert", "update", "delete")}
_COPY = f"{PREFIX}copy"


def is_former(connection: Connection) -> bool:
    """Return whether the runtime's tables have their former names."""
    return not inspect(connection).has_table(VERSION) and bool(
        _proven(connection, FORMER_VERSION, RUNTIME_TABLES)
    )


def rename(connection: Connection, domains: Mapping[str, tuple[str, frozenset[str]]]) -> None:
    """Rename the runtime's tables and all version tables, in a transaction of its own.

    `domains` maps a domain's version table to its former name and to the revisions of its package; it is
    renamed if it holds one of these. The connection must not be in a transaction.
    """
    with _without_foreign_keys(connection), connection.begin():
        revision = _proven(connection, FORMER_VERSION, RUNTIME_TABLES)
        if inspect(connection).has_table(VERSION) or revision is None:
            return
        names = {name: PREFIX + name for name in sorted(RUNTIME_TABLES[revision])}
        names |= _version_tables(connection, domains)
        if connection.dialect.name == "sqlite":
            _rename_on_sqlite(connection, names)
        else:
            _rename_on_postgresql(connection, names)
    log.info("%d tables were renamed; the runtime's begin with %s now", len(names), PREFIX)


def _version_tables(
    connection: Connection, domains: Mapping[str, tuple[str, frozenset[str]]]
) -> dict[str, str]:
    names = {FORMER_VERSION: VERSION}
    former, today = INCIDENT_ROOM
    if _proven(connection, former, INCIDENT_TABLES):
        names[former] = today
    for today, (former, revisions) in domains.items():
        holds = _versions(connection, former)
        is_free = not inspect(connection).has_table(today) and today not in names.values()
        if former not in names and is_free and holds and holds <= revisions:
            names[former] = today
    return names


def _proven(
    connection: Connection, version_table: str, tables: Mapping[str, set[str]]
) -> str | None:
    """Return the revision in a version table if every table of that revision exists, otherwise None."""
    versions = _versions(connection, version_table)
    revision = next(iter(versions)) if len(versions) == 1 else ""
    if revision not in tables:
        return None
    return revision if tables[revision] <= set(inspect(connection).get_table_names()) else None


def _versions(connection: Connection, table: str) -> frozenset[str]:
    """Return the revisions in a version table of Alembic; an empty set for any other table."""
    inspector = inspect(connection)
    if not inspector.has_table(table):
        return frozenset()
    if [column["name"] for column in inspector.get_columns(table)] != ["version_num"]:
        return frozenset()
    return frozenset(connection.execute(text(f"SELECT version_num FROM {table}")).scalars())


def _renamed(name: str, old: str, new: str) -> str:
    """Return the new name of an index, a constraint or a sequence that is named after its table."""
    return re.sub(rf"^((?:pk|uq|fk|ix)_)?{old}(?=_|$)", rf"\g<1>{new}", name)


# PostgreSQL's objects that are named after a table, and how to rename them. Constraints come first: renaming
# one renames its index too.
_NAMED_AFTER_TABLE = (
    (
        "SELECT conname FROM pg_constraint WHERE conrelid = CAST(:table AS regclass)",
        "TABLE {table} RENAME CONSTRAINT {name} TO {called}",
    ),
    (
        "SELECT relname FROM pg_class JOIN pg_index ON indexrelid = oid"
        " WHERE indrelid = CAST(:table AS regclass)",
        "INDEX {name} RENAME TO {called}",
    ),
    (
        "SELECT relname FROM pg_class JOIN pg_depend ON objid = oid"
        " WHERE relkind = 'S' AND refobjid = CAST(:table AS regclass)",
        "SEQUENCE {name} RENAME TO {called}",
    ),
)


def _rename_on_postgresql(connection: Connection, names: Mapping[str, str]) -> None:
    for old, new in names.items():
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
        for query, change in _NAMED_AFTER_TABLE:
            for name in connection.execute(text(query), {"table": new}).scalars().all():
                if (called := _renamed(name, old, new)) != name:
                    statement = change.format(table=new, name=f'"{name}"', called=f'"{called}"')
                    connection.execute(text(f"ALTER {statement}"))
    if table := names.get("audit_entries"):
        kept = "audit_entries_are_kept"
        connection.execute(text(f"ALTER TRIGGER {kept} ON {table} RENAME TO {PREFIX}{kept}"))
        connection.execute(text(f"ALTER FUNCTION {kept}() RENAME TO {PREFIX}{kept}"))


def _rename_on_sqlite(connection: Connection, names: Mapping[str, str]) -> None:
    for old, new in names.items():
        # SQLite changes the name in the foreign keys of other tables, in triggers and in views too.
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
    # Without this, a view on a table would make SQLite refuse to rename the copy that replaces the table.
    connection.execute(text("PRAGMA legacy_alter_table=ON"))
    for old, new in names.items():
        _rename_inside(connection, old, new)


def _rename_inside(connection: Connection, old: str, new: str) -> None:
    """Rename a table's constraints, indexes and triggers.

    SQLite has no statement for that. Indexes and triggers are created again; a table with named constraints is
    replaced by a copy (https://sqlite.org/lang_altertable.html, section 7).
    """
    query = text(
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = :t AND sql IS NOT NULL"
    )
    parts = connection.execute(query, {"t": new}).all()
    before = next(sql for kind, _, sql in parts if kind == "table")
    after = re.sub(r"(?<=\bCONSTRAINT )\w+", lambda found: _renamed(found[0], old, new), before)
    if is_copied := after != before:
        made, count = re.subn(rf'^CREATE TABLE "?{new}"?', f"CREATE TABLE {_COPY}", after)
        assert count == 1, before
        for statement in (
            made,
            f"INSERT INTO {_COPY} SELECT * FROM {new}",
            f"DROP TABLE {new}",
            f"ALTER TABLE {_COPY} RENAME TO {new}",
        ):
            connection.exec_driver_sql(statement)
    for kind, name, sql in parts:
        is_ours = kind == "index" or name in _TRIGGERS
        called = _renamed(name, old, new) if is_ours else name
        if kind == "table" or not (is_copied or called != name):
            continue
        if not is_copied:
            connection.exec_driver_sql(f'DROP {kind} "{name}"')
        connection.exec_driver_sql(sql.replace(name, called, 1))


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Switch foreign keys off on SQLite, so that a table can be dropped although others refer to it.

    SQLite ignores the switch inside a transaction. It is sent through a cursor of the driver, because
    SQLAlchemy's connection would begin one.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        cursor.execute("PRAGMA legacy_alter_table=OFF")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
