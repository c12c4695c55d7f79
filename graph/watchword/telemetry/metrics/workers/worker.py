"""A worker process's part: it reports what it counted to the supervisor, and asks it for the total at a scrape."""

from __future__ import annotations

import asyncio
import logging
from asyncio import StreamWriter
from collections.abc import Callable

from watchword.errors import Unavailable
from watchword.process.background import Supervised
from watchword.telemetry.metrics.workers import report
from watchword.telemetry.metrics.workers.report import Report, Total
from watchword.telemetry.metrics.workers.supervisor import ASK, MOST, REPORTS, SECONDS, TOTAL

log = logging.getLogger("watchword.metrics")


class Worker:
    """The metrics of this worker, and of all."""

    def __init__(self, address: str, read: Callable[[], Report]) -> None:
        """`address` is that of the supervisor's socket; `read` reads this process, in the event loop."""
        self._address = address
        self._read = read
        self._writer: StreamWriter | None = None

    async def report(self, task: Supervised) -> None:
        """Report at once, and whenever the supervisor asks, until it is gone. A background task.

        It does not connect again: the supervisor would count everything twice.
        """
        reader, writer = await asyncio.open_unix_connection(self._address)
        self._writer = writer
        task.well()
        try:
            writer.write(REPORTS)
            self._send(writer)
            async for line in reader:
                if line == ASK:
                    self._send(writer)
        except ConnectionError:
            pass
        finally:
            self._writer = None
            writer.close()
        log.info("The supervisor takes no more metrics of this worker.")

    async def close(self) -> None:
        """Send the last report, which the supervisor keeps in the sums."""
        if self._writer is not None:
            self._send(self._writer)
            await self._writer.drain()

    async def total(self) -> Total:
        """Return what all workers read. Raises `Unavailable` if the supervisor does not answer in time."""
        try:
            async with asyncio.timeout(2 * SECONDS):
                return await self._ask()
        except (OSError, ValueError) as error:
            raise Unavailable("The supervisor of the workers does not answer.") from error

    def _send(self, writer: StreamWriter) -> None:
        # An error must not end the connection: the supervisor would count everything again with the next one. Without
        # this report it takes the worker for silent.
        try:
            made = self._read()
            writer.write(report.dump(made.readings, made.own))
        except Exception:
            log.exception("This worker's metrics cannot be read.")

    async def _ask(self) -> Total:
        reader, writer = await asyncio.open_unix_connection(self._address, limit=MOST)
        try:
            writer.write(TOTAL)
            return Total(*report.load(await reader.readline()))
        finally:
            writer.close()
