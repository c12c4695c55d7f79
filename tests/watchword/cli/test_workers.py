"""`watchword serve --workers`: several processes that behave like one."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.metrics import scraped
from tests.support.redis import live_redis
from tests.support.server import LiveServer
from tests.support.watched import Watched, bodies

STARTED = "Application startup complete"


@contextmanager
def two_workers(home: Path, postgres_url: str) -> Iterator[LiveServer]:
    """Run a server with two workers, both of them ready. The block may kill any of them, or end the server."""
    with live_redis() as redis:
        server = LiveServer(
            home, postgres_url, WATCHWORD_BUS_URL=redis.url, WATCHWORD_METRICS="prometheus"
        )
        server.arguments = ("--workers", "2")
        server.start()
        try:
            server.wait_for(STARTED, 2)
            yield server
        finally:
            server.kill()
            # Workers exit on their own when their supervisor is gone.
            server.wait_for_silence()
            print(server.log)


@pytest.fixture(scope="module")
def serving(
    new_postgres: Callable[[], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveServer]:
    """The server of the tests that leave two workers; the last of them ends it."""
    with (
        new_postgres() as url,
        two_workers(tmp_path_factory.mktemp("serving") / "home", url) as running,
    ):
        yield running


@pytest.fixture
def own_server(postgres_url: str, tmp_path: Path) -> Iterator[LiveServer]:
    """A server of one test."""
    with two_workers(tmp_path / "home", postgres_url) as running:
        yield running


@pytest.fixture
async def watched(serving: LiveServer) -> Watched:
    """An incident on a server with two workers."""
    incident = Watched(serving.url)
    await incident.sign_in(serving.email, serving.password)
    return incident


@pytest.fixture
async def stack(serving: LiveServer) -> AsyncIterator[AsyncExitStack]:
    """Closes at the end of a test the connections that it opened to one worker."""
    async with AsyncExitStack() as opened:
        yield opened


def workers(server: LiveServer) -> list[int]:
    """Return the process ids of the workers, in the order of their start."""
    started = map(int, re.findall(r"Started server process \[(\d+)\]", server.log))
    return [pid for pid in started if is_running(pid)]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process while the block runs, so that the other one accepts every new connection."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.exhaustive
async def test_a_subscriber_hears_of_all_mutations_in_order_and_once_whoever_takes_them(
    watched: Watched,
) -> None:
    sent = [f"Trouble {number}" for number in range(30)]
    async with watched.watcher() as client:
        for name in sent:
            await watched.post(name)
        assert await bodies(client, len(sent)) == sent


async def test_a_mutation_in_one_worker_comes_to_the_subscriber_of_the_other(
    serving: LiveServer, watched: Watched, stack: AsyncExitStack
) -> None:
    first, second = workers(serving)
    for one, other in ((first, second), (second, first)):
        with stopped(other):
            client = await stack.enter_async_context(watched.watcher())
        with stopped(one):
            await watched.post(f"Seen by {other}")
        assert await bodies(client, 1) == [f"Seen by {other}"]


def scrape(server: LiveServer) -> dict[tuple[str, ...], float]:
    answer = httpx2.get(f"{server.url}/metrics")
    answer.raise_for_status()
    return scraped(answer.text)


async def test_a_worker_that_is_killed_is_replaced_and_the_other_serves_on(
    serving: LiveServer, watched: Watched, stack: AsyncExitStack
) -> None:
    first, second = workers(serving)
    with stopped(first):
        client = await stack.enter_async_context(watched.watcher())
    started = serving.log.count(STARTED)
    os.kill(first, signal.SIGKILL)
    await watched.post("Meanwhile")
    await asyncio.to_thread(serving.wait_for, STARTED, started + 1)
    assert workers(serving)[0] == second
    third = workers(serving)[1]
    with stopped(second):
        await watched.post(f"By {third}")
    assert await bodies(client, 2) == ["Meanwhile", f"By {third}"]


async def test_a_scrape_counts_all_workers_whichever_answers_and_those_that_were_killed(
    serving: LiveServer,
) -> None:
    first, second = workers(serving)
    ask = {"query": "query Counted { __typename }"}
    counted = ("watchword_operation_duration_seconds_count", "Counted", "query", "ok")
    for other in (first, second, first):
        with stopped(other):
            httpx2.post(f"{serving.url}/graphql", json=ask).raise_for_status()
    found = await asyncio.to_thread(scrape, serving)
    assert found[counted] == 3
    assert found["watchword_workers", "answering"] == 2
    assert {("process_resident_memory_bytes", each) in found for each in "12"} == {True}
    with stopped(first):
        beside = await asyncio.to_thread(scrape, serving)
    assert (beside[counted], beside["watchword_workers", "silent"]) == (3, 1)
    started = serving.log.count(STARTED)
    os.kill(first, signal.SIGKILL)
    await asyncio.to_thread(serving.wait_for, STARTED, started + 1)
    while (found := scrape(serving))["watchword_workers", "answering"] < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert found[counted] == 3


async def test_sigterm_drains_all_workers_and_ends_in_order(
    serving: LiveServer, watched: Watched, stack: AsyncExitStack
) -> None:
    first, second = workers(serving)
    with stopped(first):
        client = await stack.enter_async_context(watched.watcher())
    with stopped(second):
        other = await stack.enter_async_context(watched.watcher())
    code, *closed = await asyncio.gather(
        asyncio.to_thread(serving.stop), client.closed(), other.closed()
    )
    assert code == 0
    assert [status for status, _ in closed] == [1012, 1012]
    assert serving.log.count("Application shutdown complete") == 2
    assert "Traceback" not in serving.log


@pytest.mark.exhaustive
def test_workers_whose_supervisor_is_killed_leave_in_order(own_server: LiveServer) -> None:
    own_server.kill()
    own_server.wait_for_silence()
    assert own_server.log.count("Application shutdown complete") == 2
    assert "Traceback" not in own_server.log


@pytest.mark.exhaustive
def test_every_worker_logs_as_one_would_alone(own_server: LiveServer) -> None:
    pattern = r"^\d{4}-\d\d-\d\d \S+ INFO uvicorn.error: Application startup complete\.$"
    assert len(re.findall(pattern, own_server.log, re.M)) == 2
    # Only the supervisor prints the addresses.
    assert own_server.log.count("Sign in     http") == 1
