"""The spans of database statements, whichever way they are run."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from sqlalchemy.exc import DBAPIError

from tests.support.spans import Recorder, attributes, inside
from watchword.events.log.tables import streams
from watchword.telemetry.traces.statements import LONGEST, TracedDatabase, summary, without_literals

ROW = {"position": 1, "mark": "m", "before": "", "pruned": 0, "pruned_mark": "", "changed": 1}
NAMED = sa.select(streams.c.name).where(streams.c.name == sa.bindparam("wanted"))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def database(database_url: str, recorder: Recorder):  # type: ignore[no-untyped-def]
    made = TracedDatabase(database_url, tracing=recorder.tracing, statement_seconds=5)
    # SQLAlchemy asks a server for its version when it connects for the first time.
    async with made.read() as db:
        await db.execute(sa.select(streams))
    yield made
    await made.close()


def named(recorder: Recorder) -> list[ReadableSpan]:
    """Return the spans of statements, without those that begin transactions."""
    return [span for span in recorder.spans if span.name not in ("request", "BEGIN")]


async def use(database: TracedDatabase) -> None:
    """Write and read a secret by a session and by `rows`."""
    async with database.write() as db:
        await db.execute(sa.insert(streams), {"name": "a-secret", **ROW})
        await db.execute(sa.text("UPDATE watchword_log_streams SET mark = 'a-secret', pruned = 77"))
    async with database.read() as db:
        found = sa.select(streams).where(streams.c.name == "a-secret")
        assert len((await db.execute(found)).all()) == 1
    for _ in range(2):
        assert [row.name for row in await database.rows(NAMED, wanted="a-secret")] == ["a-secret"]


async def test_each_statement_has_a_span_below_the_current_one(
    database: TracedDatabase, recorder: Recorder
) -> None:
    with inside(recorder):
        await use(database)
    table = "watchword_log_streams"
    assert [span.name for span in named(recorder)] == [
        f"INSERT {table}",
        f"UPDATE {table}",
        *[f"SELECT {table}"] * 3,
    ]
    system = "sqlite" if database.is_sqlite else "postgresql"
    for span in named(recorder):
        assert span.kind is SpanKind.CLIENT
        assert attributes(span)["db.system.name"] == system
        assert attributes(span)["db.query.summary"] == span.name
        assert span.parent is not None


async def test_no_parameter_and_no_literal_is_in_a_span(
    database: TracedDatabase, recorder: Recorder
) -> None:
    with inside(recorder):
        await use(database)
    exported = "".join(span.to_json() for span in recorder.spans)
    assert "a-secret" not in exported
    assert "SET mark = ?, pruned = ?" in exported


@pytest.mark.parametrize("ratio", [0, None])
async def test_what_belongs_to_no_recorded_span_has_none(
    database: TracedDatabase, recorder: Recorder, ratio: float | None
) -> None:
    if ratio is None:
        await use(database)
    else:
        with inside(Recorder(ratio)):
            await use(database)
    assert recorder.names == []


async def test_a_statement_that_fails_is_noted_by_the_type_of_its_error(
    database: TracedDatabase, recorder: Recorder
) -> None:
    with inside(recorder):
        async with database.read() as db:
            with pytest.raises(DBAPIError):
                await db.execute(sa.text("SELECT 'a-secret' FROM nowhere"))
        async with database.read() as db:
            await db.execute(sa.select(streams))
    failed, after = named(recorder)
    assert failed.name == "SELECT nowhere"
    assert "Error" in attributes(failed)["error.type"]
    assert "error.type" not in attributes(after)
    assert "a-secret" not in failed.to_json()


async def test_rows_of_a_statement_that_cannot_be_prepared_fail_as_ever(
    database: TracedDatabase, recorder: Recorder
) -> None:
    with inside(recorder), pytest.raises(TypeError, match="wanted has no value"):
        await database.rows(NAMED)
    assert recorder.names == ["request"]


async def test_rows_that_fail_fail_their_span(database: TracedDatabase, recorder: Recorder) -> None:
    lost = sa.select(sa.table("nowhere", sa.column("a")).c.a)
    with inside(recorder), pytest.raises(DBAPIError):
        await database.rows(lost)
    failed = [span for span in recorder.spans if span.name == "SELECT nowhere"]
    assert failed
    assert all("error.type" in attributes(span) for span in failed)


async def test_statements_side_by_side_belong_to_their_own_requests(
    database: TracedDatabase, recorder: Recorder
) -> None:
    async def ask(number: int) -> None:
        with inside(recorder, str(number)):
            for _ in range(5):
                await database.rows(NAMED, wanted=str(number))
                async with database.read() as db:
                    await db.execute(sa.select(streams))

    await asyncio.gather(*map(ask, range(10)))
    above = [recorder.above(span)[1:] for span in recorder.spans if "SELECT" in span.name]
    assert sorted(above) == sorted([[str(number)] for number in range(10)] * 10)


@pytest.mark.parametrize(
    ("sql", "short"),
    [
        ('SELECT a, b FROM "toys" WHERE c = 1', "SELECT toys"),
        ("insert into toys (a) values (1)", "INSERT toys"),
        ("UPDATE toys SET a = 1", "UPDATE toys"),
        ("DELETE FROM toys", "DELETE toys"),
        ("WITH t AS (SELECT 1) SELECT * FROM t", "WITH t"),
        ("BEGIN IMMEDIATE", "BEGIN"),
        ("SELECT pg_advisory_xact_lock($1)", "SELECT"),
        ("", "statement"),
    ],
)
def test_a_statement_is_summed_up(sql: str, short: str) -> None:
    assert summary(sql) == short


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("a = 'it''s' AND b = 1.5e3 AND c = -7", "a = ? AND b = ? AND c = -?"),
        ("a1 = $1 AND b2 = ? AND c_3 = :d4", "a1 = $1 AND b2 = ? AND c_3 = :d4"),
        ("a = 0xFF LIMIT 10", "a = ? LIMIT ?"),
        ("a = 'open", "a = ?"),
        ("a = E'it\\'s secret'", None),
        ("a = $$secret$$ AND b = $q$secret$q$", None),
        ("a = 1 -- it's a secret", None),
        ("a = 1 /* it's */ AND b = 'secret'", None),
        ("x" * 3_000, "x" * LONGEST),
        ("y" * (LONGEST - 2) + "'secret'", "y" * (LONGEST - 2) + "?"),
    ],
)
def test_literals_are_hidden(sql: str, shown: str | None) -> None:
    assert without_literals(sql) == shown
