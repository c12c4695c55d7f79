"""A transaction knows which tables it has written, however it wrote them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from watchword.auth.tables import Account, AuditEntry
from watchword.storage.columns import moment
from watchword.storage.database import Database
from watchword.storage.written import of_text, written

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
        sa.text("/* a note */ UPDATE watchword_accounts SET name = 'B' -- another"),
        sa.text("UPDATE watchword_accounts SET name = 'B' RETURNING id"),
        sa.text(
            "WITH few AS (SELECT 'a' AS id)"
            " UPDATE watchword_accounts SET name = 'B' WHERE id IN (SELECT id FROM few)"
        ),
    ],
)
async def test_bulk_statements_and_text_count(database: Database, statement: Any) -> None:
    async with database.write() as db:
        db.add(account())
    async with database.open() as db:
        await db.execute(statement)
        assert await written(db) == {"watchword_accounts"}


async def test_a_statement_that_is_given_to_the_driver_counts(database: Database) -> None:
    async with database.write() as db:
        db.add(account())
    async with database.open() as db:
        connection = await db.connection()
        await connection.exec_driver_sql("UPDATE watchword_accounts SET name = 'B'")
        assert await written(db) == {"watchword_accounts"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        sa.select(sa.update(TABLE).values(name="B").returning(TABLE.c.id).cte("changed")),
        sa.select(sa.update(Account).values(name="B").returning(Account.id).cte("changed")),
        sa.text(
            "WITH gone AS (DELETE FROM watchword_accounts RETURNING id)"
            " SELECT id FROM gone WHERE id = 'none'"
        ),
        sa.text("DO $$ BEGIN UPDATE watchword_accounts SET name = 'B'; END $$"),
    ],
)
async def test_what_is_written_within_another_statement_counts(
    database: Database, statement: Any
) -> None:
    async with database.write() as db:
        db.add(account())
    async with database.open() as db:
        await db.execute(statement)
        assert await written(db) == {"watchword_accounts"}


async def test_rows_that_a_foreign_key_changes_with_a_deleted_one_count(database: Database) -> None:
    made = sa.MetaData()
    boxes = sa.Table("boxes", made, sa.Column("id", sa.Integer, primary_key=True))

    def referring(name: str, to: str, rule: str | None) -> sa.Table:
        key = sa.Column("to", sa.ForeignKey(f"{to}.id", ondelete=rule))
        return sa.Table(name, made, sa.Column("id", sa.Integer, primary_key=True), key)

    referring("toys", "boxes", "CASCADE")
    referring("parts", "toys", "set null")
    referring("notes", "parts", "CASCADE")
    referring("labels", "boxes", None)
    async with database.engine.begin() as connection:
        await connection.run_sync(made.create_all)
        await connection.execute(sa.insert(boxes).values(id=1))
    for statement, tables in (
        (sa.update(boxes).values(id=2), {"boxes"}),
        (sa.delete(boxes), {"boxes", "toys", "parts"}),
    ):
        async with database.open() as db:
            await db.execute(statement)
            assert await written(db) == tables
            await db.commit()


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
    ("text", "tables"),
    [
        ("INSERT INTO toys VALUES (1)", ["toys"]),
        ("insert or replace into toys values (1)", ["toys"]),
        ("REPLACE INTO toys VALUES (1)", ["toys"]),
        ("\n UPDATE public.toys SET a = 1", ["toys"]),
        ('UPDATE "public"."toys" SET a = 1', ["toys"]),
        ("UPDATE [toys] SET a = 1", ["toys"]),
        ("UPDATE `toys` SET a = 1", ["toys"]),
        ("UPDATE ONLY toys SET a = 1", ["toys"]),
        ("UPDATE OR IGNORE toys SET a = 1", ["toys"]),
        ('DELETE FROM "toys"', ["toys"]),
        ("TRUNCATE TABLE toys, public.books", ["toys", "books"]),
        ("-- INSERT INTO books\nDELETE FROM toys /* UPDATE books */", ["toys"]),
        ("WITH a AS (SELECT 1) INSERT INTO toys SELECT * FROM a", ["toys"]),
        ("WITH a AS (DELETE FROM toys RETURNING id) INSERT INTO books SELECT id FROM a", ["toys", "books"]),
        ("MERGE INTO toys USING books ON true WHEN MATCHED THEN DELETE", ["toys"]),
        ("SELECT 'it''s to UPDATE toys'", []),
        ("SELECT updated FROM toys", []),
        ("SELECT 1", []),
        ("WITH gone AS (SELECT 1) SELECT 2", []),
    ],
)  # fmt: skip
def test_the_tables_of_a_text(text: str, tables: list[str]) -> None:
    assert [*of_text(text, 1)] == tables


def test_a_text_that_begins_with_writing_and_changed_no_row_has_written_nothing() -> None:
    assert [*of_text("UPDATE toys SET a = 1", 0)] == []
    within = "WITH a AS (UPDATE toys SET a = 1 RETURNING a) SELECT a FROM a WHERE false"
    assert [*of_text(within, 0)] == ["toys"]
