"""A transaction knows which tables it has written, however it wrote them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from watchword.auth.tables import Account, AuditEntry
from watchword.storage.columns import moment
from watchword.storage.database import Database
from watchword.storage.written import _table, written

AT = moment(1_800_000_000.0)
TABLE = Account.__table__


def account(id: str = "a") -> Account:
    return Account(
        id=id, email=id, email_folded=id, name="A", roles=[], created_at=AT, disabled_at=None
    )


async def test_a_transaction_that_reads_has_written_nothing(database: Database) -> None:
    async with database.open() as db:
        await db.execute(sa.select(Account))
        await db.execute(sa.text("SELECT * FROM watchword_accounts"))
        assert await written(db) == frozenset()


async def test_objects_that_were_added_changed_or_deleted_count_before_they_are_flushed(
    database: Database,
) -> None:
    async with database.open() as db:
        db.add(account())
        assert await written(db) == {"watchword_accounts"}
        await db.commit()
    for change in ("rename", "delete"):
        async with database.open() as db:
            found = await db.get_one(Account, "a")
            assert await written(db) == frozenset()
            if change == "rename":
                found.name = "B"
            else:
                await db.delete(found)
            assert await written(db) == {"watchword_accounts"}
            await db.commit()


@pytest.mark.parametrize(
    "statement",
    [
        sa.update(Account).values(name="B"),
        sa.update(TABLE).values(name="B"),
        sa.delete(Account),
        sa.delete(TABLE).where(TABLE.c.id == "a"),
        sa.text("UPDATE watchword_accounts SET name = 'B'"),
        sa.text("delete from watchword_accounts"),
    ],
)
async def test_bulk_statements_and_text_count(database: Database, statement: Any) -> None:
    async with database.write() as db:
        db.add(account())
    async with database.open() as db:
        await db.execute(statement)
        assert await written(db) == {"watchword_accounts"}


async def test_bulk_inserts_count(database: Database) -> None:
    row = {
        "id": "a", "email": "a", "email_folded": "a", "name": "A", "roles": [], "created_at": AT,
        "version": 1,
    }  # fmt: skip
    for rows in ([row], [row, {**row, "id": "b", "email_folded": "b"}]):
        async with database.open() as db:
            await db.execute(sa.insert(Account), rows)
            assert await written(db) == {"watchword_accounts"}
    async with database.open() as db:
        await db.execute(sa.insert(TABLE).values(row))
        assert await written(db) == {"watchword_accounts"}


@pytest.mark.parametrize(
    "statement", [sa.delete(Account), sa.update(Account).values(name="B"), sa.delete(TABLE)]
)
async def test_a_statement_that_changed_no_row_has_written_nothing(
    database: Database, statement: Any
) -> None:
    async with database.open() as db:
        await db.execute(statement)
        assert await written(db) == frozenset()


async def test_each_transaction_begins_anew_and_tells_all_its_tables(database: Database) -> None:
    async with database.write() as db:
        db.add(account())
    async with database.open() as db:
        assert await written(db) == frozenset()
        db.add(account("b"))
        db.add(AuditEntry(at=AT, action="X", address="", detail={}))
        assert await written(db) == {"watchword_accounts", "watchword_audit_entries"}


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("INSERT INTO toys VALUES (1)", "toys"),
        ("insert or replace into toys values (1)", "toys"),
        ("REPLACE INTO toys VALUES (1)", "toys"),
        ("\n UPDATE public.toys SET a = 1", "toys"),
        ('UPDATE "public"."toys" SET a = 1', "toys"),
        ("UPDATE ONLY toys SET a = 1", "toys"),
        ("UPDATE OR IGNORE toys SET a = 1", "toys"),
        ('DELETE FROM "toys"', "toys"),
        ("TRUNCATE TABLE toys", "toys"),
        ("SELECT 1", None),
        ("WITH gone AS (SELECT 1) SELECT 2", None),
    ],
)
def test_the_table_of_a_text(text: str, table: str | None) -> None:
    assert _table(sa.text(text)) == table
