"""Event streams pass through nginx: at once, for as long as they are quiet, and on after nginx was restarted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.clients.package.site import FOLDER, LIFE, LIVE, PASSWORD, PERSON, Site
from tests.clients.package.test_life import hears, names
from tests.clients.script import Script, running
from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.compose import compose
from tests.support.nginx import Nginx, nginx, trust
from tests.support.toy_server import ToyServer, toy_server
from watchword.transports.http.streaming import KEEP_ALIVE_SECONDS

STREAM = {"accept": "text/event-stream"}


def stock(content: str) -> str:
    """Return a configuration that says no more than where the server is: no WebSocket passes, and answers are buffered."""
    names = r"proxy_(http_version|read_timeout|send_timeout|set_header +(Upgrade|Connection))"
    content, found = re.subn(rf"{names} .*;", "", content)
    assert found == 5
    return content


def impatient(content: str) -> str:
    """Return a configuration that cuts what is quiet for a second."""
    return content.replace("proxy_read_timeout 1h", "proxy_read_timeout 1s")


async def resumes(page: Script, site: Site, proxy: Nginx) -> None:
    """Stop nginx, let something happen, and wait until the page shows what happens after nginx has started again."""
    proxy.stop()
    await page.wait("closed")
    await site.open()
    proxy.start()
    await hears(page, site)


@pytest.mark.parametrize("change", [stock, str])
async def test_the_client_follows_by_server_sent_events_and_resumes_after_nginx_was_restarted(
    change: Callable[[str], str],
    site: Site,
    node: Path,
    package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NODE_TLS_REJECT_UNAUTHORIZED", "0")
    await site.open()
    # Behind nginx as it is installed, no WebSocket gets through, and the client finds that out by itself.
    live = {"transport": "auto" if change is stock else "sse"}
    with nginx(tmp_path, compose(), [site.url], change) as proxy:
        options = {"url": proxy.origin, "package": str(package), "given": {"live": live}}
        async with running(node, "node_page.mjs", FOLDER, **options) as page:
            await page.wait("loaded")
            page.tell("follow", query=LIVE)
            await page.wait("next")
            await hears(page, site)
            await resumes(page, site, proxy)
            assert names(page) == site.opened[1:]


async def test_a_browser_behind_a_proxy_that_passes_no_websocket_misses_nothing(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    """It finds out by itself that streams get through, and gets each event once: renewed, resumed and signed out."""
    with nginx(tmp_path, compose(), [site.url], stock) as proxy:
        await site.stop()
        await site.become(proxy.origin)
        await site.open()
        options = {"url": proxy.origin, "profile": str(tmp_path / "profile"), "trusts": True}
        async with running(
            node,
            "chromium_page.mjs",
            FOLDER,
            page="page.html",
            given={},
            chromium=str(chromium),
            **options,
        ) as page:
            assert (await page.wait("ready"))["state"] == "anonymous"
            page.tell("signIn", email=PERSON, password=PASSWORD)
            await page.wait("signedIn")
            page.tell("follow", query=LIVE)
            await page.wait("next")
            await hears(page, site)
            # A stream ends with its token. The next one has another token, and goes on after the last event.
            site.clock.move(LIFE + 1)
            while (await page.wait("closed"))["code"] != 4403:
                pass
            await hears(page, site)
            await resumes(page, site, proxy)
            page.tell("signOut")
            await page.wait("signedOut")
            await hears(page, site)
            assert names(page) == site.opened[1:]
            assert not {"missed", "failed", "complaint"} & {step["step"] for step in page.seen}


@asynccontextmanager
async def streamed(
    origin: str, cursor: str | None = None, query: str = LIVE
) -> AsyncIterator[AsyncIterator[str]]:
    """Follow as EventSource does; yield the lines."""
    headers = STREAM if cursor is None else STREAM | {"last-event-id": cursor}
    async with (
        httpx2.AsyncClient(verify=trust(), timeout=30) as client,
        client.stream("GET", f"{origin}/graphql", params={"query": query}, headers=headers) as told,
    ):
        assert told.headers["content-type"].startswith("text/event-stream")
        yield told.aiter_lines()


async def line(lines: AsyncIterator[str], text: str) -> str:
    """Return the next line with a text."""
    async for each in lines:
        if text in each:
            return each
    raise AssertionError(f"the stream ended without {text!r}")


@pytest.mark.parametrize("change", [stock, str])
async def test_what_eventsource_sends_back_resumes_after_nginx_was_restarted(
    change: Callable[[str], str], site: Site, tmp_path: Path
) -> None:
    await site.open()
    with nginx(tmp_path, compose(), [site.url], change) as proxy:
        async with streamed(proxy.origin) as lines:
            await line(lines, "PRESENT")
            first = await site.open()
            cursor = (await line(lines, "id: ")).removeprefix("id: ")
            assert first in await line(lines, "OPENED")
            proxy.stop()
            await over(lines)
        missed = await site.open()
        proxy.start()
        async with streamed(proxy.origin, cursor) as lines:
            assert missed in await line(lines, "OPENED")


async def test_a_quiet_stream_outlives_the_patience_of_nginx_by_its_signs_of_life(
    tmp_path: Path,
) -> None:
    """Time passes for one of two servers, which sends signs of life, and stands still for the other, which sends none."""
    passing, standing = MovedClock(), MovedClock()
    homes = [tmp_path / "kept", tmp_path / "left"]
    for home in homes:
        home.mkdir()
    async with (
        toy_server(passing, toy_schema.schema) as kept,
        toy_server(standing, toy_schema.schema) as left,
        behind_nginx(homes[0], kept) as lines,
        behind_nginx(homes[1], left) as silent,
    ):
        for server in (kept, left):
            await server.followed(1)
        cut = asyncio.ensure_future(over(silent))
        while not cut.done():
            passing.move(KEEP_ALIVE_SECONDS)
            await line(lines, ":")
        await kept.publish("a")
        await line(lines, "made a")


@asynccontextmanager
async def behind_nginx(home: Path, server: ToyServer) -> AsyncIterator[AsyncIterator[str]]:
    """Follow a server through an nginx that cuts what is quiet for a second; yield the lines."""
    with nginx(home, compose(), [server.url.removesuffix("/graphql")], impatient) as proxy:
        async with streamed(proxy.origin, query="subscription { since }") as lines:
            yield lines


async def over(lines: AsyncIterator[str]) -> None:
    """Wait until a stream is cut."""
    with suppress(httpx2.TransportError):
        async for _ in lines:
            pass
