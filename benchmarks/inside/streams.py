"""Measures what the event log costs a process: `python -m benchmarks.inside.streams`.

`look` measures the processor time, including the database server's, of one check of the log and of one
round of pruning, with 10 to 100,000 streams that are all followed here: while nothing happens, and after
events in ten streams. `resume` measures how soon a subscriber that resumes on a busy stream (200 events
a second, 5 ms for each read) has caught up, and how often the log is read for 50 such subscribers.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa

from watchword.events.bus.memory import MemoryBus
from watchword.events.event import Event, Place
from watchword.events.hub import Hub
from watchword.events.log.event_log import EventLog, append
from watchword.events.log.tables import events, streams
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.process.background import Background
from watchword.process.clock import SystemClock
from watchword.storage.columns import moment
from watchword.storage.database import Database
from watchword.storage.migration import RUNTIME, upgrade

SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
NAME = "watchword_benchmark_streams"
SIZES = (10, 100, 1_000, 10_000, 30_000, 100_000)
AT_ONCE = 10_000
LOOKS = 5
MOVED = 10
MARK = "0" * 16

Fill = Callable[[list[str]], Awaitable[None]]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inside.streams", description=__doc__
    )
    parser.add_argument("--server", default=SERVER, help="a PostgreSQL where databases can be made")
    parser.add_argument("--only", choices=("look", "resume"))
    parser.add_argument("--largest", type=int, default=SIZES[-1])
    parser.add_argument("--seconds", type=float, default=5.0, help="of the busy stream")
    options = parser.parse_args()
    if options.only != "resume":
        asyncio.run(_looks(options))
    if options.only != "look":
        asyncio.run(_resumes(options))


async def _looks(options: argparse.Namespace) -> None:
    print(
        "database    streams  idle look, ms  10 moved, ms  idle pruning, ms  core at 2 looks a second"
    )
    for url in ("sqlite", options.server):
        async with _database(url) as database:
            names: list[str] = []
            for size in SIZES:
                if size > options.largest:
                    break
                new = [f"stream-{number}" for number in range(len(names), size)]
                await _fill(database, new)
                names += new
                await _look(database, names)


async def idle_look(size: int) -> float:
    """Return the processor time of a look at so many streams on SQLite, in milliseconds."""
    async with _database("sqlite") as database:
        names = [f"stream-{number}" for number in range(size)]
        await _fill(database, names)
        hub, _ = await _following(database, names)
        await hub.look()
        return await _cost(database, hub.look)


async def _following(database: Database, names: list[str]) -> tuple[Hub, EventLog]:
    event_log = EventLog(database)
    await event_log.open()
    hub = Hub(event_log, MemoryBus(), Background(SystemClock()), 100, look_seconds=0.5)
    for name in names:
        await _followed(hub, event_log, name)
    return hub, event_log


async def _look(database: Database, names: list[str]) -> None:
    hub, event_log = await _following(database, names)
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    line = f"{kind:10}{len(names):9,}"
    try:
        await hub.look()
        idle = await _cost(database, hub.look)
        line += f"{idle:15.2f}"
        line += f"{await _cost(database, hub.look, lambda: _move(database, names)):14.2f}"
        line += f"{await _cost(database, lambda: event_log.prune(0, 1_000_000), times=1):18.2f}"
        line += f"{idle * 2 / 1000:26.1%}"
    except Exception as error:
        line += f"  {type(error).__name__}: {str(error).splitlines()[0][:80]}"
    print(line, flush=True)


async def _followed(hub: Hub, event_log: EventLog, name: str) -> None:
    # Register the reader directly: following each stream would query the database each time.
    reader = Reader(name, event_log, hub._heal)
    reader.open(Place(1, MARK))
    reader.join(Mailbox(None, reader.current, 100))
    hub._readers[name] = reader


async def _move(database: Database, names: list[str]) -> None:
    moved = names[:: max(1, len(names) // MOVED)][:MOVED]
    async with database.write() as db:
        await append(db, [Event(name, "key", "MOVED") for name in moved], time.time())


async def _fill(database: Database, names: list[str]) -> None:
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        async with database.write() as db:
            await db.execute(sa.insert(streams), [_stream(name) for name in some])
            await db.execute(sa.insert(events), [_row(name) for name in some])


def _stream(name: str) -> dict[str, Any]:
    none = {"before": "", "pruned": 0, "pruned_mark": "", "changed": 0}
    return {"name": name, "position": 1, "mark": MARK, **none}


def _row(name: str) -> dict[str, Any]:
    return {
        "stream": name,
        "position": 1,
        "key": "key",
        "kind": "MADE",
        "data": {},
        "at": moment(time.time()),
        "mark": MARK,
    }


async def _cost(
    database: Database,
    work: Callable[[], Awaitable[object]],
    before: Callable[[], Awaitable[object]] | None = None,
    times: int = LOOKS,
) -> float:
    """Return the processor time of `work`, here and in the database server, in milliseconds."""
    total = 0.0
    for _ in range(times):
        if before is not None:
            await before()
        there, here = await _server(database), time.process_time()
        await work()
        total += time.process_time() - here
        # The cost of a connection that was closed meanwhile is unknown, and left out.
        spent = (await _server(database)).items()
        total += sum(seconds - there.get(pid, 0.0) for pid, seconds in spent)
    return total / times * 1000


async def _server(database: Database) -> dict[int, float]:
    """Return the processor time of each of the database server's processes that serve us, in seconds."""
    if database.is_sqlite:
        return {}
    connection = await asyncpg.connect(SERVER)
    found = await connection.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'",
        NAME,
    )
    await connection.close()
    return {row["pid"]: _spent(row["pid"]) for row in found}


def _spent(pid: int) -> float:
    # schedstat is in nanoseconds; the ticks of /proc/PID/stat are hundredths of a second.
    with suppress(FileNotFoundError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    return 0.0


@asynccontextmanager
async def _database(server: str) -> AsyncIterator[Database]:
    with tempfile.TemporaryDirectory() as home:
        url = f"sqlite+aiosqlite:///{home}/streams.db"
        if server != "sqlite":
            await _administer(server, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            await _administer(server, f"CREATE DATABASE {NAME}")
            url = (
                server.replace("postgresql:", "postgresql+asyncpg:").rpartition("/")[0] + f"/{NAME}"
            )
        database = Database(url)
        await upgrade(database, [RUNTIME])
        yield database
        await database.close()
        if server != "sqlite":
            await _administer(server, f"DROP DATABASE {NAME} WITH (FORCE)")


async def _administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(statement)
    await connection.close()


class SlowLog(EventLog):
    """A log in memory that takes 5 ms for each read, and counts the reads."""

    def __init__(self) -> None:
        self.events = [_event(number) for number in range(1, 501)]
        self.reads = 0

    async def heads(self, names: Iterable[str]) -> dict[str, Place]:
        return dict.fromkeys(names, self.events[-1].place)

    async def read(self, stream: str, key: str | None, after: Place, limit: int) -> list[Event]:
        self.reads += 1
        found = self.events[after.position : after.position + limit]
        await asyncio.sleep(0.005)
        return found


def _event(number: int) -> Event:
    return Event(
        "busy", "key", "MOVED", {}, number, str(number), str(number - 1) if number > 1 else ""
    )


async def _resumes(options: argparse.Namespace) -> None:
    for count in (1, 50):
        await _resume(count, options.seconds)


async def _resume(count: int, seconds: float) -> None:
    event_log = SlowLog()
    hub = Hub(event_log, MemoryBus(), Background(SystemClock()), 100, look_seconds=0.5)
    await hub.follow("busy", None)
    publishing = asyncio.create_task(_publish(event_log, hub, seconds))
    began = time.monotonic()
    caught: list[float] = []
    followers = [asyncio.create_task(_follow(hub, caught, began)) for _ in range(count)]
    await publishing
    took = time.monotonic() - began
    for follower in followers:
        follower.cancel()
    await asyncio.gather(*followers, return_exceptions=True)
    late = f", the last after {max(caught):.2f} s" if caught else ""
    print(
        f"{count} resumed on a busy stream: {len(caught)} caught up within {took:.1f} s{late};"
        f" {event_log.reads / took:.0f} reads a second, {event_log.reads} in all",
        flush=True,
    )


async def _follow(hub: Hub, caught: list[float], began: float) -> None:
    reader, mailbox = await hub.follow("busy", None, Place(100, "100"))
    is_caught = False
    while True:
        await reader.next(mailbox)
        if not is_caught and not mailbox.behind:
            is_caught = True
            caught.append(time.monotonic() - began)


async def _publish(event_log: SlowLog, hub: Hub, seconds: float) -> None:
    due = until = time.monotonic()
    until += seconds
    while time.monotonic() < until:
        event_log.events.append(_event(len(event_log.events) + 1))
        hub.receive(event_log.events[-1])
        due += 1 / 200
        await asyncio.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
