"""Arenas around schemas with a database: the incident room, and the league of the tutorial. Each executor has its own copy."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import event, text

import incident_room
from incident_room.demo import demo
from tests.differential.arena import EXECUTORS, Arena
from tests.differential.profile import arena_of
from tests.differential.stage import stage
from tests.support.clock import MovedClock
from tests.support.documents import DOCS, blocks
from tests.support.identity import unit_of
from tests.support.principals import open_room, open_services
from tests.support.statements import OWN
from watchword.principal import ANONYMOUS, Grants, Principal
from watchword.relay.ids import encode_id
from watchword.storage.database import Database, Publishing
from watchword.storage.migration import RUNTIME, upgrade
from watchword.storage.packages import Migrations

# The types whose global ids the room's resolvers take, by the tables of their keys.
GLOBAL = {
    "incidents": "Incident",
    "components": "Component",
    "incident_updates": "IncidentUpdate",
    "watchword_accounts": "Member",
}
PAGES = sorted((DOCS / "tutorial").glob("[1-5]-*.md"))


@contextmanager
def room_arena(template: Path, folder: Path) -> Iterator[Arena]:
    """The incident room with its demo data, and an account of each role."""
    with arena_of(incident_room.schema) as arena:
        arena.is_concurrent = True
        first = folder / "first.db"
        shutil.copy(template, first)
        arena.callers = arena.runner.run(_fill_room(first))
        with _opened(arena, first, incident_room):
            yield arena


@contextmanager
def league_arena(folder: Path) -> Iterator[Arena]:
    """The service of the tutorial as it is after page 5, with its demo data."""
    league = _league(folder)
    with arena_of(league.schema) as arena:
        arena.is_concurrent = True
        arena.callers = {
            "anonymous": ANONYMOUS,
            "admin": Principal("kim", Grants(frozenset({"admin"}), frozenset({"matches:write"}))),
            "scorer": Principal("ann", Grants(frozenset(), frozenset({"goals:write"}))),
        }
        first = folder / "first.db"
        arena.runner.run(_fill_league(first, league))
        with _opened(arena, first, league):
            yield arena


async def _fill_room(path: Path) -> dict[str, Principal]:
    async with _database(path) as database:
        room = await open_room(database, MovedClock())
        # Nobody has been answered yet, so the demo need not publish what it writes.
        database.publishing = Publishing()
        async with room.context("admin").write() as unit:
            await demo(unit)
        await room.services.background.close()
        await room.services.bus.close()
        return room.principals


async def _fill_league(path: Path, league: Any) -> None:
    async with _database(path) as database:
        await upgrade(database, (RUNTIME, Migrations("league.migrations", "league_version")))
        async with unit_of(database, MovedClock().now()) as unit:
            await league.demo(unit)


@asynccontextmanager
async def _database(path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{path}")
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _opened(arena: Arena, first: Path, package: Any) -> Iterator[None]:
    """Give each executor services around a copy of the database."""
    arena.runner.run(_open(arena, first, package))
    try:
        yield
    finally:
        arena.runner.run(_close(arena))


async def _open(arena: Arena, first: Path, package: Any) -> None:
    arena.services = {}
    for execution in EXECUTORS:
        path = first.with_name(f"{execution}.db")
        shutil.copy(first, path)
        database = Database(f"sqlite+aiosqlite:///{path}")
        services, _ = await open_services(database, MovedClock())
        arena.services[execution] = replace(services, domain=package.domain)
        _note_statements(database)


async def _close(arena: Arena) -> None:
    for services in arena.services.values():
        await services.background.close()
        await services.bus.close()
        await services.database.close()


def _note_statements(database: Database) -> None:
    prepare = database._statements.prepare

    def noting(statement: Any, given: Any) -> Any:
        prepared, values = prepare(statement, given)
        stage.note("statement", prepared.sql, values)
        return prepared, values

    def note(*arguments: Any) -> None:
        if not arguments[2].startswith(OWN):
            stage.note("statement", arguments[2], arguments[3])

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    database._statements.prepare = noting  # type: ignore[method-assign]


async def execute_at_once(
    self: Any, function: Callable[..., Any], *arguments: Any, **named: Any
) -> Any:
    """Take the place of aiosqlite's `Connection._execute`: hold the event loop until its thread has answered.

    Otherwise the order of statements on several connections, and so of errors, would differ from run to run.
    """
    await asyncio.sleep(0)
    return _at_once(self, partial(function, *arguments, **named))


async def connect_at_once(self: Any) -> Any:
    """Take the place of aiosqlite's `Connection._connect`."""
    await asyncio.sleep(0)
    if self._connection is None:
        self._connection = _at_once(self, self._connector)
    return self


def _at_once(connection: Any, work: Callable[[], Any]) -> Any:
    done: Future[Any] = Future()

    def answer() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    connection._tx.put_nowait((None, answer))
    return done.result()


def ids(arena: Arena) -> list[str]:
    """Return all ids in the database, as resolvers take them: keys, and Relay's global ids."""
    return arena.runner.run(_ids(arena))


async def _ids(arena: Arena) -> list[str]:
    found = []
    async with arena.services["compiled"].database.read() as db:
        names = await db.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        for (name,) in names.all():
            columns = await db.execute(text(f"SELECT * FROM {name} LIMIT 5"))
            keys = [str(row._mapping["id"]) for row in columns.all() if "id" in row._mapping]
            found += [encode_id(GLOBAL[name], key) for key in keys if name in GLOBAL] or keys
    return found


def _league(folder: Path) -> ModuleType:
    for page in PAGES:
        for block in blocks(page, "python"):
            head, _, _ = block.partition("\n")
            if head.startswith("# league/"):
                path = folder / head.removeprefix("# ")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("league")
    finally:
        sys.path.remove(str(folder))
