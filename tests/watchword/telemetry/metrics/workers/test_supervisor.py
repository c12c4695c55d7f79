"""The supervisor asks workers over a socket and answers each of them with the sum of all."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.metrics import values
from watchword.errors import Unavailable, Unsafe
from watchword.process.background import Background
from watchword.process.clock import SystemClock
from watchword.telemetry.metrics import catalogue
from watchword.telemetry.metrics.live import counted
from watchword.telemetry.metrics.metric import one
from watchword.telemetry.metrics.workers import supervisor
from watchword.telemetry.metrics.workers.report import Report
from watchword.telemetry.metrics.workers.supervisor import REPORTS, TOTAL, gathering
from watchword.telemetry.metrics.workers.worker import Worker


@pytest.fixture
def address() -> Iterator[str]:
    with gathering() as made:
        yield made


class Counted:
    """A worker with a number of conflicts and of groups."""

    def __init__(self, address: str, conflicts: int) -> None:
        self.conflicts = conflicts
        self.worker = Worker(address, self._read)

    def _read(self) -> Report:
        readings = [
            counted(catalogue.ERRORS, {"CONFLICT": self.conflicts}),
            one(catalogue.GROUPS, 1),
        ]
        return Report(readings, [["up", "", "gauge", [["up", {}, 1]]]])

    async def total(self) -> dict[tuple[str, ...], float]:
        return values((await self.worker.total()).readings)


@asynccontextmanager
async def reporting(*workers: Counted) -> AsyncIterator[None]:
    background = Background(SystemClock())
    for each in workers:
        background.start("the reporting", each.worker.report)
    states = ("watchword.workers", "answering")
    while (await workers[0].total())[states] < len(workers):  # noqa: ASYNC110
        await asyncio.sleep(0)
    try:
        yield
    finally:
        await background.close()


async def test_any_worker_answers_with_the_sum_of_all(address: str) -> None:
    first, second = Counted(address, 2), Counted(address, 3)
    async with reporting(first, second):
        second.conflicts = 8
        for each in (first, second):
            found = await each.total()
            assert found["watchword.errors", "CONFLICT"] == 10
            assert found["watchword.groups",] == 2
        assert set((await first.worker.total()).own) == {"1", "2"}


async def test_what_a_worker_counted_until_its_end_stays(address: str) -> None:
    first, second = Counted(address, 2), Counted(address, 3)
    async with reporting(first):
        async with reporting(second):
            second.conflicts = 9
            # As at the end of a process: without a scrape between.
            await second.worker.close()
        while (found := await first.total())["watchword.workers", "answering"] > 1:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert found["watchword.errors", "CONFLICT"] == 11
        assert found["watchword.groups",] == 1


async def test_a_worker_that_does_not_answer_is_counted_as_silent(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Counted(address, 2)
    async with reporting(first):
        _, silent = await asyncio.open_unix_connection(address)
        silent.write(REPORTS)
        monkeypatch.setattr(supervisor, "SECONDS", 0.05)
        while not (found := await first.total())["watchword.workers", "silent"]:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert found["watchword.errors", "CONFLICT"] == 2
        silent.close()


@pytest.mark.parametrize("sent", [b"", b"nonsense\n", REPORTS + b"[{", REPORTS + b"{}\n"])
async def test_what_is_no_report_ends_its_connection_and_nothing_else(
    sent: bytes, address: str
) -> None:
    first = Counted(address, 2)
    async with reporting(first):
        reader, writer = await asyncio.open_unix_connection(address)
        writer.write(sent)
        writer.write_eof()
        assert await reader.read() in (b"", b"ask\n")
        writer.close()
        await writer.wait_closed()
        assert (await first.total())["watchword.errors", "CONFLICT"] == 2


async def test_a_scrape_without_a_supervisor_is_an_error_that_says_so() -> None:
    def gone() -> str:
        with gathering() as address:
            return address

    address = await asyncio.to_thread(gone)
    with pytest.raises(Unavailable, match="supervisor of the workers"):
        await Counted(address, 1).total()
    assert not Path(address).parent.exists()


async def test_nobody_else_on_the_machine_can_reach_the_socket(address: str) -> None:
    assert stat.S_IMODE(Path(address).parent.stat().st_mode) == 0o700
    reader, writer = await asyncio.open_unix_connection(address)
    writer.write(TOTAL)
    assert (await reader.readline()).endswith(b"\n")
    writer.close()


def test_a_folder_that_can_hold_no_socket_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with pytest.raises(Unsafe, match="Set TMPDIR"), gathering():
        pass
