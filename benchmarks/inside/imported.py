"""Measures a room with the incidents of a Statuspage site: `python -m benchmarks.inside.imported FILE --times 100`.

FILE is what a site serves under /api/v2/incidents.json. Its incidents are imported so many times over, as different ones
at the same times. Printed are what the import takes, what questions cost the server on SQLite, and what it costs to read
a page of incidents: by SQLAlchemy's ORM, as a statement alone (`context.rows`), and by the driver.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import cycle
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from benchmarks import cores
from benchmarks.home import Home
from benchmarks.load.http import once, request
from benchmarks.measures.measure import MICRO
from benchmarks.measures.requests import sample
from benchmarks.operations import ROOM, Operation
from benchmarks.room import SCOPES
from benchmarks.servers import OURS, SERVERS, Running, running
from incident_room import domain, schema
from incident_room.pages.documents import PAGE
from incident_room.tables import IncidentRow
from watchword import Database
from watchword.domain import Mount

TOTAL = "{ incidents(first: 1) { totalCount } }"
FIRST = "query { incidents(first: 20, filter: {%s}) { nodes { id name } } }"
SINCE = {"since": "2026-05-20T00:00:00Z", "zone": "UTC"}
OPERATIONS = (
    Operation("open", "filter: {open: true}", FIRST % "open: true", 1),
    Operation("critical", "filter: {impacts: [CRITICAL]}", FIRST % "impacts: [CRITICAL]", 1),
    Operation("total", "how many there are", TOTAL, 1),
    Operation("page", "the status page's first question", PAGE, 1, SINCE),
    ROOM,
)
PAGE_SIZE, TIMES = 20, 1_000


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inside.imported", description=__doc__
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each question")
    options = parser.parse_args()
    cores.prepare()
    with tempfile.TemporaryDirectory() as folder:
        home = asyncio.run(Home.make(Path(folder), Mount(schema, domain), SCOPES))
        copies = Path(folder, "copies.json")
        print(f"{_copy(options.file, copies, options.times):,} incidents", flush=True)
        _import(copies, home)
        with running(SERVERS["watchword-sqlite"], home) as serving:
            for operation in OPERATIONS:
                _ask(serving, operation, options.seconds)
        asyncio.run(_read(home))


def _copy(source: Path, target: Path, times: int) -> int:
    """Write the incidents of a file so many times over; return their number."""
    text = source.read_text()
    incidents = []
    for number in range(times):
        for incident in json.loads(text)["incidents"]:
            incident["id"] += f"-{number}"
            for update in incident["incident_updates"]:
                update["id"] += f"-{number}"
            incidents.append(incident)
    target.write_text(json.dumps({**json.loads(text), "incidents": incidents}))
    return len(incidents)


def _import(file: Path, home: Home) -> None:
    command = [str(OURS), "-m", "watchword", "import", "statuspage", str(file)]
    began = time.monotonic()
    subprocess.run(command, env=home.environment(), check=True, stdout=subprocess.DEVNULL)
    took, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    print(f"import: {cpu:.1f} s of CPU, {took:.1f} s, {used.ru_maxrss / 1024:.0f} MB", flush=True)


def _ask(serving: Running, operation: Operation, seconds: float) -> None:
    token = serving.home.tokens()[0]
    once(serving.port, operation.body(), token)
    asked = cycle([request(operation.body(), token)])
    cpu = sample(serving, asked, operation.connections, seconds)["cpu"]
    print(f"{operation.title}: {cpu / 1_000:.2f} ms of CPU", flush=True)


async def _read(home: Home) -> None:
    """Print what a page of incidents costs, in this process and without a server."""
    database = Database(home.database_url)
    newest = IncidentRow.started_at.desc(), IncidentRow.id.desc()
    columns = select(*IncidentRow.__table__.c).order_by(*newest).limit(PAGE_SIZE)
    sql = str(columns.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    driver = sqlite3.connect(home.path / "watchword" / "watchword.db")

    async def by_the_orm() -> None:
        async with database.read() as db:
            (
                await db.execute(select(IncidentRow).order_by(*newest).limit(PAGE_SIZE))
            ).scalars().all()

    async def alone() -> None:
        await database.rows(columns)

    async def by_the_driver() -> None:
        driver.execute(sql).fetchall()

    for read in (by_the_orm, alone, by_the_driver):
        print(f"a page {read.__name__.replace('_', ' ')}: {await _time(read):.0f} µs of CPU")
    driver.close()
    await database.close()


async def _time(read: Callable[[], Awaitable[None]]) -> float:
    await read()
    began = time.process_time()
    for _ in range(TIMES):
        await read()
    return (time.process_time() - began) / TIMES * MICRO


if __name__ == "__main__":
    main()
