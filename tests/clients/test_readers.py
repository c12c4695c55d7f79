"""A thousand readers have an update on their page, while twenty browsers show it; the figures are printed."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.clients.account import Account
from tests.clients.responder import Responder
from tests.clients.script import running
from tests.clients.test_status_page import OPEN, asked, opened, reader
from tests.support.npm_package import compiled
from tests.support.server import live_server

MANY = {
    "WATCHWORD_MAX_CONNECTIONS_PER_ADDRESS": "10000",
    "WATCHWORD_MAX_OPERATIONS_PER_ADDRESS": "10000",
}

TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    # Fields 14 and 15: utime and stime, see proc(5). The name before them may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@pytest.mark.parametrize(
    ("count", "browsers"), [(50, 1), pytest.param(1_000, 20, marks=pytest.mark.exhaustive)]
)
async def test_every_reader_has_every_update(
    count: int, browsers: int, node: Path, chromium: Path, tmp_path: Path
) -> None:
    package = str(await asyncio.to_thread(compiled))
    with live_server(tmp_path / "home", "", **MANY) as server:
        account: Account = {"url": server.url, "email": server.email, "password": server.password}
        async with AsyncExitStack() as stack:
            responder = await stack.enter_async_context(Responder.signed_in(account))
            options = {"url": server.url, "package": package, "count": count}
            many = await stack.enter_async_context(running(node, "readers.mjs", **options))
            await many.wait("following")
            watching = reader(node, chromium, tmp_path, server.url, tabs=browsers)
            seen = await stack.enter_async_context(watching)
            await opened(seen)
            for number in range(3):
                name = f"Trouble number {number}"
                many.tell("follow", text=name)
                await many.wait("waiting")
                seen.tell("wait", text=name)
                spent, began = processor_seconds(server.pid), time.perf_counter()
                await asked(responder, OPEN, name=name)
                answered = time.perf_counter() - began
                await seen.wait("shown")
                shown = time.perf_counter() - began - answered
                told = await many.wait("all")
                times = told["milliseconds"]
                assert len(times) == count
                cost = processor_seconds(server.pid) - spent
                print(
                    f"{count} readers: half after {times[count // 2]:.0f} ms, all after {times[-1]:.0f} ms;"
                    f" {browsers} browsers after {1_000 * shown:.0f} ms; the server took {1_000 * cost:.0f} ms,"
                    f" the readers {told['processor']:.0f} ms"
                )
