"""The directory of live connections: lists those of all processes, and ends one wherever it is.

Nothing is written while nobody asks. A process that asks publishes its question in a stream of the event log,
and each other process that is alive writes its answer to the database and publishes that it has.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import asdict
from typing import NamedTuple

import orjson
import sqlalchemy as sa

from watchword.connections import processes
from watchword.connections.live import Listed, Page, Wanted
from watchword.connections.presence import Presence
from watchword.connections.registry import Registry
from watchword.connections.tables import QUESTION, reports
from watchword.errors import CursorExpired, Ending, TimedOut
from watchword.events.bus.bus import Bus
from watchword.events.event import Event, Place
from watchword.events.hub import Hub
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.process.background import Background, Supervised
from watchword.process.clock import Clock
from watchword.process.deadline import within
from watchword.storage.columns import moment
from watchword.storage.database import Database, is_unavailable
from watchword.transaction import Transaction, transaction

STREAM = "watchword.connections"
ASKED, ANSWERED, ENDED = "ASKED", "ANSWERED", "ENDED"


class Found(NamedTuple):
    """Connections of all processes, the newest first, and how many there are.

    `silent` counts the processes that did not answer in time. Their connections are missing.
    """

    found: list[Listed]
    total: int
    processes: int
    silent: int


class Directory:
    """The live connections of this process (`registry`) and of all others, and who is present where.

    `look_seconds` says how late another process hears of an event if the bus does not bring it.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        hub: Hub,
        clock: Clock,
        background: Background,
        look_seconds: float,
    ) -> None:
        self.registry = Registry(clock)
        self._database = database
        self._bus = bus
        self._hub = hub
        self._clock = clock
        self._background = background
        self._is_closed = False
        # The place of the last event that was taken; None for the head of the log.
        self._after: Place | None = None
        self._beating = asyncio.Lock()
        self._sightings = processes.Sightings()
        # The question and the answer may each be found only by a look at the log.
        self._patience = 2 * look_seconds + 1.0
        self.presence = Presence(self.registry, database, self._write, clock, background)

    async def open(self) -> None:
        """Say that this process is there, and answer the questions of others until the background is closed."""
        # Before this process holds connections: the background task begins later, and must not miss an ending.
        reader, mailbox = await self._hub.follow(STREAM, None)
        self._after = mailbox.current
        reader.leave(mailbox)
        await self._beat()
        background = self._background
        background.every(processes.BEAT_SECONDS, "the sign of life of this process", self._beat)
        background.start("the directory of live connections", self._follow)

    async def close(self) -> None:
        """Forget what this process held. Call it when its connections are closed.

        If the database is unavailable, the other processes forget this one some seconds later.
        """
        self._is_closed = True
        await self.presence.close()
        try:
            async with self._beating, self._write() as unit:
                await processes.leave(unit, self.registry.process)
        except Exception as error:
            if not is_unavailable(error):
                raise

    async def page(self, wanted: Wanted) -> Found:
        """Return connections of all processes, the newest first."""
        own, asked = self.registry.page(wanted), await self._others()
        pages = [own, *(await self._ask(asked, wanted) if asked else ())]
        found = sorted((each for page in pages for each in page.found), key=_place, reverse=True)
        total = sum(page.total for page in pages)
        return Found(found[: wanted.first], total, len(asked) + 1, len(asked) + 1 - len(pages))

    async def find(self, id: str) -> Listed | None:
        """Return the connection with an id, of whichever process; None if there is none."""
        process, wanted = id.partition("-")[0], Wanted(1, id=id)
        if process == self.registry.process:
            pages = [self.registry.page(wanted)]
        else:
            asked = [each for each in await self._others() if each == process]
            pages = await self._ask(asked, wanted) if asked else []
        return next((each for page in pages for each in page.found), None)

    def end(self, unit: Transaction, id: str) -> None:
        """End a connection when the transaction is committed, in the process that holds it."""
        unit.publish(Event(STREAM, id, ENDED))

    async def _others(self) -> Collection[str]:
        now, own = self._clock.now(), self.registry.process
        return await processes.others(self._database, own, now, self._sightings)

    async def _ask(self, asked: Collection[str], wanted: Wanted) -> list[Page]:
        """Return the answers of other processes, of those that answer in time."""
        question = secrets.token_hex(QUESTION // 2)
        reader, mailbox = await self._hub.follow(STREAM, question)
        try:
            async with self._write() as unit:
                data = {
                    "asked": " ".join(asked),
                    "wanted": orjson.dumps(wanted).decode(),
                }
                unit.publish(Event(STREAM, question, ASKED, data))
            hearing = _answers(reader, mailbox, set(asked))
            with suppress(TimedOut, CursorExpired):
                await within(self._clock, self._patience, hearing)
        finally:
            reader.leave(mailbox)
        return await self._read(question)

    async def _read(self, question: str) -> list[Page]:
        of_question = reports.c.question == question
        async with self._database.write() as db:
            deleted = sa.delete(reports).where(of_question).returning(reports.c.content)
            contents = (await db.execute(deleted)).scalars().all()
        return [
            Page([Listed.read(each) for each in content["found"]], content["total"])
            for content in contents
        ]

    async def _beat(self) -> None:
        async with self._beating:
            if self._is_closed:
                return
            async with self._write() as unit:
                is_known = await processes.beat(unit, self.registry.process, self._sightings)
        if not is_known:
            self.presence.rewrite()
        await self.presence.write()

    async def _follow(self, task: Supervised) -> None:
        while True:
            # CursorExpired: this process is so far behind that questions were pruned. Nobody waits for them.
            with suppress(CursorExpired):
                await self._hear(task)
            self._after = None

    async def _hear(self, task: Supervised) -> None:
        reader, mailbox = await self._hub.follow(STREAM, None, self._after)
        task.well()
        try:
            while True:
                event = await reader.next(mailbox)
                # Before it is taken: if this task fails at an event, it goes on with the next.
                self._after = event.place
                await self._take(event)
        finally:
            reader.leave(mailbox)

    async def _take(self, event: Event) -> None:
        if event.kind == ENDED:
            if (connection := self.registry.find(event.key)) is not None:
                connection.end(Ending.ENDED)
        elif event.kind == ASKED and self.registry.process in str(event.data.get("asked")).split():
            # Endings must not wait for it, nor be lost if it fails: the asker takes this process for silent then.
            self._background.spawn("an answer about live connections", self._answer(event))

    async def _answer(self, event: Event) -> None:
        page = self.registry.page(Wanted.read(orjson.loads(str(event.data["wanted"]))))
        process = self.registry.process
        async with self._write() as unit:
            content = {"found": [asdict(each) for each in page.found], "total": page.total}
            row = {"question": event.key, "process": process, "at": moment(unit.now)}
            await unit.db.execute(sa.insert(reports).values(**row, content=content))
            unit.publish(Event(STREAM, event.key, ANSWERED, {"process": process}))

    def _write(self) -> AbstractAsyncContextManager[Transaction]:
        return transaction(self._database, self._bus, self._clock.now())


async def _answers(reader: Reader, mailbox: Mailbox, missing: set[str]) -> None:
    while missing:
        event = await reader.next(mailbox)
        if event.kind == ANSWERED:
            missing.discard(str(event.data["process"]))


def _place(listed: Listed) -> tuple[float, str]:
    return listed.place
