"""A worker reports when it is asked, and once more at its end. With a supervisor: test_supervisor.py."""

from __future__ import annotations

import asyncio
from pathlib import Path

from watchword.process.background import Background
from watchword.process.clock import SystemClock
from watchword.telemetry.metrics.workers.report import Report, dump
from watchword.telemetry.metrics.workers.supervisor import ASK, REPORTS
from watchword.telemetry.metrics.workers.worker import Worker


async def test_it_reports_at_once_when_asked_and_at_its_end_and_never_connects_again(
    tmp_path: Path,
) -> None:
    heard: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    address = str(tmp_path / "socket")

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard.put((reader, writer))

    report = dump([], [])
    async with await asyncio.start_unix_server(met, address):
        background = Background(SystemClock())
        readings = iter([Report([], []), None, Report([], []), Report([], [])])

        def read() -> Report:
            if (made := next(readings)) is None:
                raise RuntimeError("a gauge cannot be read")
            return made

        worker = Worker(address, read)
        background.start("the reporting", worker.report)
        reader, writer = await heard.get()
        assert [await reader.readline() for _ in range(2)] == [REPORTS, report]
        # The first of these questions is not answered: a report that fails ends no connection.
        writer.write(ASK + ASK)
        assert await reader.readline() == report
        await worker.close()
        assert await reader.readline() == report
        # As if the supervisor were gone.
        writer.close()
        assert await reader.read() == b""
        while background.supervised:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert heard.empty()
        await background.close()
