"""The supervising process's part: it asks each worker what it counted, and tells any of them the sum.

It listens on a Unix socket in a folder that only its user can enter. A worker connects to report, and again for each scrape.
A thread of its own runs the event loop: the main thread runs uvicorn's supervisor, which blocks.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from watchword.errors import Unsafe
from watchword.telemetry.metrics import catalogue
from watchword.telemetry.metrics.live import counted
from watchword.telemetry.metrics.workers import report
from watchword.telemetry.metrics.workers.totals import Totals

log = logging.getLogger("watchword.metrics")

REPORTS, TOTAL, ASK = b"reports\n", b"total\n", b"ask\n"
# Seconds in which a worker must answer; Prometheus waits 10 for all. One that is busy for longer is left out.
SECONDS = 2.0
# Bytes of a report at most: some hundred names of operations, with a histogram for each kind of outcome.
MOST = 1 << 26


@contextmanager
def gathering() -> Iterator[str]:
    """Gather the metrics of workers while the block runs, and yield the address that `create_app` takes as `supervisor`.

    Raises `Unsafe` if the folder for temporary files cannot hold a socket.
    """
    with _folder() as folder:
        address = str(Path(folder, "metrics"))
        loop = asyncio.new_event_loop()
        try:
            server = loop.run_until_complete(_listen(address))
        except OSError as error:
            loop.close()
            raise _unusable(error) from error
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield address
        finally:
            asyncio.run_coroutine_threadsafe(_end(server), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


def _folder() -> TemporaryDirectory[str]:
    try:
        return TemporaryDirectory(prefix="watchword-")
    except OSError as error:
        raise _unusable(error) from error


def _unusable(error: OSError) -> Unsafe:
    return Unsafe(
        f"The metrics of --workers need a socket in the folder for temporary files: {error}."
        " Set TMPDIR to a folder with a short path in which sockets can be made."
    )


async def _listen(address: str) -> asyncio.Server:
    return await asyncio.start_unix_server(Gathering().serve, address, limit=MOST)


async def _end(server: asyncio.Server) -> None:
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Worker:
    """A worker that reports, and its number: the smallest that is free, so that a successor goes on with its labels."""

    def __init__(self, number: int, writer: StreamWriter) -> None:
        self.number = number
        self.own: report.Own = []
        self._writer = writer
        self._heard = asyncio.Event()

    def heard(self, own: report.Own) -> None:
        self.own = own
        self._heard.set()

    async def is_answering(self) -> bool:
        """Ask it for a report, and tell whether it came in time."""
        self._heard.clear()
        self._writer.write(ASK)
        try:
            await asyncio.wait_for(self._heard.wait(), SECONDS)
        except TimeoutError:
            return False
        return True


class Gathering:
    """Hears the reports of workers, and answers scrapes with their total."""

    def __init__(self) -> None:
        self._workers: dict[int, _Worker] = {}
        self._totals = Totals()
        self._asking = asyncio.Lock()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection of a worker: its reports, or one scrape."""
        try:
            match await reader.readline():
                case line if line == REPORTS:
                    await self._follow(reader, writer)
                case line if line == TOTAL:
                    writer.write(await self._total())
                    await writer.drain()
        except ConnectionError:
            pass
        except (LookupError, TypeError, ValueError):
            # Not to be added up with anything: without it, the scrape is true of the others.
            log.warning("A worker sent a report of metrics that cannot be read.", exc_info=True)
        finally:
            writer.close()

    async def _follow(self, reader: StreamReader, writer: StreamWriter) -> None:
        number = next(each for each in count(1) if each not in self._workers)
        worker = self._workers[number] = _Worker(number, writer)
        try:
            async for line in reader:
                # The last line of a worker that was killed may be a part of one.
                if line.endswith(b"\n"):
                    readings, own = report.load(line)
                    self._totals.heard(number, readings)
                    worker.heard(own)
        finally:
            del self._workers[number]
            self._totals.ended(number)

    async def _total(self) -> bytes:
        # One at a time: two scrapes at once would each wake for the report that the other asked for.
        async with self._asking:
            workers = [*self._workers.values()]
            answered = await asyncio.gather(*(each.is_answering() for each in workers))
            present = [each for each, has in zip(workers, answered, strict=True) if has]
            readings = self._totals.total({each.number for each in present})
            states = {"answering": len(present), "silent": len(workers) - len(present)}
            own = {str(each.number): each.own for each in present}
            return report.dump([*readings, counted(catalogue.WORKERS, states)], own)
