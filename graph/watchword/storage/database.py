"""The database: one engine, and sessions for reading and for writing.

A session is open for one block. Code that waits for a client must not hold one.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, ExceptionContext, Select, delete, event, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

from watchword.errors import Conflict
from watchword.storage import written

T = TypeVar("T")

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
# PostgreSQL, classes of SQLSTATE: a broken connection, a server that stops or starts, a full server.
UNAVAILABLE = ("08", "57P", "53")
# The attribute that this module sets on errors that say that the database is unavailable.
_AWAY = "_watchword_database_is_away"


@dataclass(frozen=True, slots=True)
class Publishing:
    """The stream in which a transaction must publish an event if it writes a table, by the table's name.

    A transaction that does not is refused if `is_enforced`, and else committed and logged.
    """

    streams: Mapping[str, str] = field(default_factory=dict)
    is_enforced: bool = False


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
            pool_pre_ping=not self.is_sqlite,
        )
        written.listen(self.engine.sync_engine)
        if self.is_sqlite:
            _listen_to_sqlite(self.engine.sync_engine)
        else:
            _listen_to_postgresql(
                self.engine.sync_engine, _StatementTimeouts(statement_seconds or 0)
            )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for reading; any change is rolled back."""
        session = AsyncSession(self.engine, expire_on_commit=False)
        try:
            yield session
        finally:
            await undisturbed(session.close())

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
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pool_seconds):
                await self.engine.dispose()


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
        raise cancelled
    return task.result()


def is_unavailable(error: BaseException | None) -> bool:
    """Tell whether our database raised this error because it is temporarily unavailable.

    Errors of the same types from elsewhere, such as the timeout of an HTTP client, do not count.
    """
    return getattr(error, _AWAY, False)


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
            or "database is locked" in str(error.orig)
            or _means_unavailable(error.orig)
        )
    return isinstance(error, OSError | PoolTimeout) or (
        # asyncpg has no common class for errors of a lost connection; their messages name the connection.
        type(error).__module__.startswith("asyncpg") and "connection" in str(error).lower()
    )


def _is_race(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in RACED or "database is locked" in str(error.orig)


class StatementTooSlow(Exception):
    """A statement exceeded its time limit while the database answered other statements."""


class _StatementTimeouts:
    """Distinguishes a statement that is too slow from a database that does not answer at all.

    Callers retry while the database is unavailable. If a slow statement counted as unavailability, they
    would retry it for ever.
    """

    def __init__(self, limit: float) -> None:
        """`limit` is the time limit of a statement, in seconds."""
        self._limit = limit
        self._newest = float("-inf")

    def take(self, *_: object) -> None:
        """Record that the database answered a statement."""
        self._newest = time.monotonic()

    def give_up(self, context: ExceptionContext) -> StatementTooSlow | None:
        """Discard the connection of a statement that exceeded its limit."""
        if not isinstance(context.original_exception, TimeoutError):
            return None
        # The statement may still run: PostgreSQL ends it when its connection closes. If the database has
        # not answered anything lately, drop the whole pool: otherwise each dead connection costs a timeout.
        context.is_disconnect = True
        if time.monotonic() - self._newest > self._limit / 2:
            return None
        context.invalidate_pool_on_disconnect = False
        return StatementTooSlow(f"a statement took longer than {self._limit:g} s")


def _listen_to_postgresql(engine: Engine, answers: _StatementTimeouts) -> None:
    event.listen(engine, "after_cursor_execute", answers.take)
    event.listen(engine, "handle_error", _hide_values)
    event.listen(engine, "handle_error", answers.give_up, retval=True)
    event.listen(engine, "handle_error", _mark)


# What PostgreSQL and asyncpg say of a value of the wrong type, up to the value.
_BEFORE_VALUE = re.compile(
    r"(invalid input (?:for query argument|syntax for type|value for enum)[^:]*: ).*", re.DOTALL
)


def _hide_values(context: ExceptionContext) -> None:
    # PostgreSQL's DETAIL shows whole rows, and its messages show values of the wrong type. Secrets in them
    # must not get into logs.
    error: Any = context.sqlalchemy_exception or context.original_exception
    while error is not None:
        if hasattr(error, "sqlstate"):  # asyncpg's own, which says the detail with its message
            error.detail = None
        error.args = tuple(map(_without_values, error.args))
        error = getattr(error, "orig", None) or error.__cause__


def _without_values(part: object) -> object:
    if not isinstance(part, str):
        return part
    return _BEFORE_VALUE.sub(r"\1[hidden]", part.partition("\nDETAIL:")[0])


def _listen_to_sqlite(engine: Engine) -> None:
    event.listen(engine, "handle_error", _mark)
    event.listen(engine, "do_connect", _check_file)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)


def _check_file(_dialect: object, _record: object, arguments: list[Any], _named: object) -> None:
    # Check here: the driver's thread reports such an error late, to an event loop that may be closed.
    path = str(arguments[0])
    if path == ":memory:" or path.startswith("file:"):
        return
    # Do not open an existing file: closing it would drop this process's locks on it (POSIX), and the next
    # process that exits would delete the write-ahead log while this one uses it.
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not os.path.exists(path):
        _make_file(path)
    elif not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _make_file(path: str) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass  # another process was faster
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _prepare(connection: Any, _record: object) -> None:
    # Keep the driver from opening transactions: a writer must take its lock at the start, or two
    # transactions that read first and then write fail with "database is locked".
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
