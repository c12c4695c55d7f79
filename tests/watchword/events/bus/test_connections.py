"""Each kind of bus URL, with a real Redis of that kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.support.redis import SERVICE, live_cluster, live_redis, live_sentinel
from watchword.events.bus.bus import Bus
from watchword.events.bus.buses import bus
from watchword.events.bus.connections import _Once
from watchword.events.event import Event
from watchword.process.background import Background
from watchword.process.clock import SystemClock

PATIENCE = 30


async def crosses(one_url: str, other_url: str, key: str = "bear") -> None:
    """Check that an event which one process publishes arrives in another."""
    heard: asyncio.Queue[Event] = asyncio.Queue()
    async with opened(one_url) as one, opened(other_url, heard) as other:
        await other.follow("toys")
        one.publish([Event("toys", key, "made", {}, 1)])
        async with asyncio.timeout(PATIENCE):
            assert (await heard.get()).key == key


@asynccontextmanager
async def opened(url: str, heard: asyncio.Queue[Event] | None = None) -> AsyncIterator[Bus]:
    background = Background(SystemClock())
    made = bus(url, lambda: "here", background)
    await made.open(heard.put_nowait if heard else lambda event: None)
    try:
        async with asyncio.timeout(PATIENCE):
            # There is no event to wait for, so look again and again.
            while made._pubsub is None:  # type: ignore[attr-defined] # noqa: ASYNC110
                await asyncio.sleep(0.002)
        yield made
    finally:
        await background.close()
        await made.close()


async def test_a_redis_alone() -> None:
    with live_redis() as server:
        await crosses(server.url, f"{server.url}/0")


async def test_a_redis_with_a_password() -> None:
    with live_redis("--user", "watchword", "on", ">secret", "~*", "&*", "+@all") as server:
        url = server.url.replace("//", "//watchword:secret@")
        await crosses(url, url)


async def test_a_socket(tmp_path: Path) -> None:
    with live_redis("--unixsocket", str(tmp_path / "redis")) as server:
        await crosses(f"unix://{tmp_path}/redis", server.url)


async def test_sentinels_name_the_master_even_if_the_first_two_do_not_answer(
    tmp_path: Path,
) -> None:
    with live_redis() as nobody:
        pass
    asked: list[int] = []

    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.close()

    with live_redis() as master, live_sentinel(master, tmp_path) as sentinel:
        async with await asyncio.start_server(hang_up, "127.0.0.1") as door:
            rude = door.sockets[0].getsockname()[1]
            hosts = ",".join(f"127.0.0.1:{port}" for port in (nobody.port, rude, sentinel.port))
            await crosses(f"redis+sentinel://{hosts}/{SERVICE}", master.url)
    # redis-py may connect twice for one question, and would put the question four times.
    assert 1 <= len(asked) <= 2


async def test_a_cluster_carries_events_from_each_node_to_each(tmp_path: Path) -> None:
    with live_cluster(tmp_path, 3) as nodes:
        for one, other in zip(nodes, nodes[1:] + nodes[:1], strict=True):
            await crosses(
                f"redis+cluster://127.0.0.1:{one.port}", f"redis+cluster://127.0.0.1:{other.port}"
            )


async def test_a_cluster_with_a_dead_node_still_carries_events(tmp_path: Path) -> None:
    with live_cluster(tmp_path, 2) as (one, other):
        hosts = f"redis+cluster://127.0.0.1:{one.port},127.0.0.1:{other.port}"
        await crosses(hosts, hosts)
        one.kill()
        await crosses(hosts, hosts)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            "unable to perform operation on <TCPTransport>; the handler is closed",
            RedisConnectionError,
        ),
        ("dictionary changed size during iteration", RuntimeError),
    ],
)
async def test_a_connection_that_uvloop_has_closed_counts_as_lost(
    said: str, kind: type[Exception]
) -> None:
    async def send() -> None:
        raise RuntimeError(said)

    with pytest.raises(kind, match=said[:20]):
        await _Once(NoBackoff(), 0).call_with_retry(send)
