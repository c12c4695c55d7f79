"""The database: one engine, and sessions for reading and for writing.

A session is open for one block. Code that waits for a client must not hold one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import ExceptionContext, Select, delete, event, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

from watchword.errors import Conflict
from watchword.storage import sqlite, written
from watchword.storage.loop_reader import loop_reader
from watchword.storage.postgresql import READ_ONLY, Answers
from watchword.storage.prepared import Rows, Statements

T = TypeVar("T")

log = logging.getLogger("watchword.database")

# Seconds that a `Database` without limits of its own (in a migration, in a command) waits for a lock of
# SQLite, and for a connection.
BUSY_SECONDS = 15.0
CONNECT_SECONDS = 10.0
POOL_SIZE = 15
FORGOTTEN_AT_ONCE = 500
# Most values in one IN (…): both databases limit the number of parameters of a statement.
NAMED_AT_ONCE = 500
# PostgreSQL: serialization_failure and deadlock_detected.
RACED = {"40001", "40P01"}
# PostgreSQL, beginnings of SQLSTATE: a broken connection, a server that stops or starts, a full server or disk, and a
# server that is read-only, as a former primary is.
UNAVAILABLE = ("08", "57P", "53", READ_ONLY)
# SQLite, beginnings of an error's name: a full disk, a broken one, and files that must not be written or are gone.
UNUSABLE = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")
# The attribute that this module sets on errors that say that the database is unavailable.
_AWAY = "_watchword_database_is_away"


@dataclass(frozen=True, slots=True)
class Publishing:
    """The stream in which a transaction must publish an event if it writes a table, by the table's name.

    A transaction that does not is refused if `is_enforced`, and else committed and logged. `around`, if there is one,
    makes a block of the events of a transaction, in which those that it returns are committed and published.
    `is_announced` says that what happens to accounts is published too, for a hook of the domain.
    """

    streams: Mapping[str, str] = field(default_factory=dict)
    is_enforced: bool = False
    around: Callable[[Sequence[Any]], AbstractContextManager[Sequence[Any]]] | None = None
    is_announced: bool = False


class PoolState(NamedTuple):
    """The connections to the database: those in use, those that are open and free, and the most that may be open."""

    used: int
    idle: int
    most: int


class Database:
    """SQLite (WAL) or PostgreSQL (asyncpg), by URL.

    `statement_seconds` limits each statement on PostgreSQL, and the wait for a lock on SQLite; without
    it, statements take as long as they need. `pool_seconds` limits the wait for a free connection, and
    the time to open a new one. Beyond a limit, an error is raised that `is_unavailable` recognises, or
    `StatementTooSlow` if the database still answers other statements; the connection is not used again.
    This process measures the limits itself, so they hold when the server or the network stops answering.

    `publishing` says which tables a transaction may write only together with an event.
    """

    def __init__(
        self,
        url: str,
        *,
        statement_seconds: float | None = None,
        pool_seconds: float = CONNECT_SECONDS,
        pool_size: int = POOL_SIZE,
    ) -> None:
        self.url = make_url(url)
        self.publishing = Publishing()
        self._busy_seconds = statement_seconds or BUSY_SECONDS
        self._pool_seconds = pool_seconds
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # SQLite grants its lock to the writer that happens to poll next, so with many writers some wait
        # for ever. Therefore the writers of a process queue here, and only the first of them polls.
        self._queue = asyncio.Semaphore(1) if self.is_sqlite else None
        driver: dict[str, float | None] = (
            {"timeout": self._busy_seconds}
            if self.is_sqlite
            else {"timeout": pool_seconds, "command_timeout": statement_seconds}
        )
        self.engine = create_async_engine(
            url,
            connect_args=driver,
            hide_parameters=True,
            poolclass=_Pool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_seconds,
            # The connection that was used last has the most in its caches.
            pool_use_lifo=True,
            pool_reset_on_return=None if self.is_sqlite else "rollback",
        )
        written.listen(self.engine.sync_engine)
        self._statements = Statements(self.engine.dialect)
        self._reader = loop_reader(self.url.database) if self.is_sqlite else None
        self._answers = Answers(statement_seconds or 0)
        self._stopping = sqlite.listen(self.engine.sync_engine) if self.is_sqlite else None
        if not self.is_sqlite:
            self._answers.listen(self.engine.sync_engine)
        event.listen(self.engine.sync_engine, "handle_error", _mark)

    @property
    def pool(self) -> PoolState:
        """How many connections there are now."""
        pool = cast(_Pool, self.engine.pool)
        return PoolState(pool.checkedout(), pool.checkedin(), pool.size())

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for reading; any change is rolled back."""
        session = AsyncSession(self.engine, expire_on_commit=False)
        try:
            yield session
        finally:
            await undisturbed(session.close())

    async def rows(self, statement: Select[*tuple[Any, ...]], **given: Any) -> Rows:
        """Return the rows of one statement, each a named tuple of the columns that it selects.

        The statement runs by itself, outside any transaction, and costs a tenth of what it costs in a
        session. It must select columns and not entities. A statement that is made once, with a
        `bindparam("name")` for each value in `given`, costs least. For statements that must see the same
        state, open a session. Raises as a session does.
        """
        prepared, values = self._statements.prepare(statement, given)
        short = self._reader.read(prepared, values) if self._reader else None
        if short is not None:
            return prepared.rows(short)
        lent = await self.engine.raw_connection()
        try:
            found = await self._fetch(lent.driver_connection, prepared.sql, values)
        except TimeoutError as error:
            lent.invalidate(error)
            self._explain(error)
            raise
        except Exception as error:
            lent.invalidate(error)
            # A read can be repeated. On another connection it succeeds, or fails as it does in a session.
            return prepared.named(await self._fetch_in_session(statement, given))
        except BaseException as error:
            # The caller was cancelled, and the statement may still run on this connection.
            lent.invalidate(error)
            raise
        lent.close()
        return prepared.rows(found)

    async def _fetch(self, driver: Any, sql: str, values: list[Any]) -> Sequence[Any]:
        if self.is_sqlite:
            # One turn of the connection's thread. A cursor takes four.
            rows: Sequence[Any] = await driver.execute_fetchall(sql, values)
        else:
            rows = await driver.fetch(sql, *values)
            self._answers.take()
        return rows

    async def _fetch_in_session(
        self, statement: Select[*tuple[Any, ...]], given: dict[str, Any]
    ) -> Sequence[Any]:
        # A session converts the values itself.
        async with self.engine.connect() as connection:
            return (await connection.execute(statement, given)).all()

    def _explain(self, late: TimeoutError) -> None:
        if (reason := self._answers.explain(late)) is not late:
            raise reason from late
        mark_unavailable(late)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncSession]:
        """Open a session for one transaction, which is rolled back unless the caller commits it.

        Raises `Conflict` when another writer changed the same row meanwhile.
        """
        session = AsyncSession(self.engine, expire_on_commit=False)
        await self._wait_for_turn()
        try:
            options: dict[str, Any] = {"begin": "BEGIN IMMEDIATE", written.OPTION: set()}
            await session.connection(execution_options=options)
            yield session
        except StaleDataError as error:
            raise Conflict("Somebody else changed this meanwhile. Read it again.") from error
        except DBAPIError as error:
            if _is_race(error):
                raise Conflict("Another writer was faster. Try again.") from error
            raise
        finally:
            try:
                await undisturbed(session.close())
            finally:
                if self._queue is not None:
                    self._queue.release()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open a session for one transaction, committed at the end of the block; an error rolls it back.

        Raises `Conflict` when another writer changed the same row meanwhile.
        """
        async with self.open() as db:
            yield db
            await undisturbed(db.commit())

    async def _wait_for_turn(self) -> None:
        if self._queue is None:
            return
        try:
            async with asyncio.timeout(self._busy_seconds):
                await self._queue.acquire()
        except TimeoutError:
            raise Conflict("Another writer was faster. Try again.") from None

    async def close(self) -> None:
        """Close all connections, waiting at most `pool_seconds` for a server that does not answer."""
        if self._reader is not None:
            self._reader.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pool_seconds):
                await self.engine.dispose()
                if self._stopping is not None:
                    await self._stopping.wait()


async def exclusive(db: AsyncSession, number: int) -> None:
    """Lock this number until the end of the transaction; wait while another transaction has it locked.

    On SQLite there is only one writing transaction at a time anyway.
    """
    if db.get_bind().dialect.name == "postgresql":
        await db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


async def forget(
    database: Database,
    key: InstrumentedAttribute[str],
    when: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    before: datetime,
    *referring: InstrumentedAttribute[str],
) -> None:
    """Delete the rows of `key`'s table whose `when` is before a time, and first the rows that refer to them.

    `referring` are the columns that refer to `key`. Deletes in small transactions until no row is left,
    so that other writers get their turn; without old rows, it only reads. `when` must have an index.
    """
    # Order by the index: otherwise the planner might read the whole table.
    old = select(key).where(when < before).order_by(when).limit(FORGOTTEN_AT_ONCE)
    while keys := await _first(database, old):
        async with database.write() as db:
            for column in (*referring, key):
                forgotten = delete(column.class_).where(column.in_(keys))
                await db.execute(forgotten, execution_options={"synchronize_session": False})


async def _first(database: Database, found: Select[str]) -> Sequence[str]:
    async with database.read() as db:
        return (await db.execute(found)).scalars().all()


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Split values into batches that fit into one statement."""
    for start in range(0, len(values), NAMED_AT_ONCE):
        yield values[start : start + NAMED_AT_ONCE]


async def undisturbed(work: Awaitable[T]) -> T:
    """Run work to its end even if the calling task is cancelled; the cancellation is raised afterwards.

    A client may disconnect at any moment, which cancels its task. If that interrupted a commit or a
    rollback, the database could stay locked, or the code after the commit would not run.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        _report(task)
        raise cancelled
    return task.result()


def _report(task: asyncio.Future[Any]) -> None:
    """Log the error of work whose caller is gone. If the database is away, others log that."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not is_unavailable(error):
        log.error("what had to be done after its caller was gone failed", exc_info=error)


def is_unavailable(error: BaseException | None) -> bool:
    """Tell whether our database raised this error because it is temporarily unavailable.

    Errors of the same types from elsewhere, such as the timeout of an HTTP client, do not count.
    """
    return getattr(error, _AWAY, False)


def kind(error: BaseException) -> str:
    """Return the name that a driver has for an error, such as `SQLITE_FULL` or `DiskFullError`; else that of its class.

    Messages are left out: they may hold values, or the URL of a server with its password.
    """
    driver = getattr(error, "orig", None) or error
    # SQLAlchemy raises asyncpg's errors as others, and most of these are called `Error`.
    is_translated = type(driver).__module__.startswith("sqlalchemy.dialects")
    named = driver.__cause__ if is_translated and driver.__cause__ else driver
    return getattr(named, "sqlite_errorname", None) or type(named).__name__


def mark_unavailable(error: BaseException) -> None:
    """Mark an error of our database, so that `is_unavailable` recognises it."""
    error.__dict__[_AWAY] = True


class _Pool(AsyncAdaptedQueuePool):
    """A pool that marks its errors when the database is unavailable."""

    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except Exception as error:
            if _means_unavailable(error):
                mark_unavailable(error)
            raise


def _mark(context: ExceptionContext) -> None:
    # SQLAlchemy calls this for each error of a statement, a commit or a rollback on our connections.
    error = context.sqlalchemy_exception or context.original_exception
    if _means_unavailable(error):
        mark_unavailable(error)


def _means_unavailable(error: BaseException | None) -> bool:
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return (
            error.connection_invalidated
            or state.startswith(UNAVAILABLE)
            or getattr(error.orig, "sqlite_errorname", "").startswith(UNUSABLE)
            or "database is locked" in str(error.orig)
            or _means_unavailable(error.orig)
        )
    return isinstance(error, OSError | PoolTimeout) or (
        # asyncpg has no common class for errors of a lost connection; their messages name the connection.
        type(error).__module__.startswith("asyncpg") and "connection" in str(error).lower()
    )


def _is_race(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in RACED or "database is locked" in str(error.orig)
