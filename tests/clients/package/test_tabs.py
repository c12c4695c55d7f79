"""Tabs of one browser: they share a session, refresh one after the other, and sign out together. A tab that slept or was
offline has everything when it is back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.package.site import ADMIN, FOLDER, LIFE, LIVE, PASSWORD, PERSON, Site
from tests.clients.script import Script, running
from tests.support.cut_proxy import cut_proxy
from tests.support.toy_server import until

VIEWER = "{ viewer { email } }"


@pytest.fixture
def browser(site: Site, node: Path, chromium: Path, tmp_path: Path) -> Any:
    """Return a context manager that opens a browser with one tab."""
    options = {"url": site.url, "chromium": str(chromium), "profile": str(tmp_path / "profile")}
    given = {"factor": 20}
    return running(node, "chromium_page.mjs", FOLDER, page="page.html", given=given, **options)


async def opened(page: Script, tab: int) -> None:
    if tab:
        page.tell("open")
    while (await page.wait("ready"))["tab"] != tab:
        pass


async def step(page: Script, name: str, tab: int) -> dict[str, Any]:
    """Return the next step of this name in a tab."""
    while (found := await page.wait(name))["tab"] != tab:
        pass
    return found


async def viewer(page: Script, tab: int) -> str | None:
    page.tell("ask", tab=tab, query=VIEWER)
    answer = await step(page, "answer", tab)
    shown = answer["data"]["viewer"]
    return None if shown is None else str(shown["email"])


def names(page: Script, tab: int) -> list[str]:
    steps = [step for step in page.seen if step["step"] == "next" and step["tab"] == tab]
    events = [step["data"]["incidentsChanged"] for step in steps]
    return [event["incident"]["name"] for event in events if event["kind"] == "OPENED"]


async def hear(page: Script, site: Site, *tabs: int) -> None:
    """Open an incident, and wait until these tabs show it."""
    name = await site.open()
    while not all(name in names(page, tab) for tab in tabs):
        await page.wait("next")


async def test_two_tabs_are_signed_in_and_out_together(site: Site, browser: Any) -> None:
    async with browser as page:
        await opened(page, 0)
        await opened(page, 1)
        page.tell("signIn", tab=0, email=PERSON, password=PASSWORD)
        await step(page, "signedIn", 1)
        assert [await viewer(page, tab) for tab in (0, 1)] == [PERSON, PERSON]
        # A tab that is opened later restores the session from the cookie.
        await opened(page, 2)
        assert await viewer(page, 2) == PERSON
        page.tell("signOut", tab=1)
        left = [(await page.wait("signedOut"))["tab"] for _ in range(3)]
        assert sorted(left) == [0, 1, 2]
        assert [await viewer(page, tab) for tab in (0, 1, 2)] == [None] * 3
        page.tell("reload", tab=0)
        assert (await step(page, "ready", 0))["state"] == "anonymous"


async def test_a_tab_becomes_the_person_who_signs_in_in_another(site: Site, browser: Any) -> None:
    await site.open()
    async with browser as page:
        await opened(page, 0)
        await opened(page, 1)
        page.tell("signIn", tab=0, email=PERSON, password=PASSWORD)
        await step(page, "signedIn", 1)
        page.tell("follow", tab=1, query=LIVE)
        await step(page, "next", 1)
        page.tell("signIn", tab=0, email=ADMIN, password=PASSWORD)
        # It is told that what it has fetched is another person's.
        await step(page, "changed", 1)
        assert await viewer(page, 1) == ADMIN
        await hear(page, site, 1)
        assert names(page, 1) == site.opened[1:]


async def test_tabs_refresh_one_after_the_other_and_keep_their_session(
    site: Site, browser: Any
) -> None:
    tabs = range(4)
    async with browser as page:
        for tab in tabs:
            await opened(page, tab)
        page.tell("signIn", tab=0, email=PERSON, password=PASSWORD)
        heard = [(await page.wait("signedIn"))["tab"] for _ in tabs]
        assert sorted(heard) == [*tabs]
        site.refreshes.cookies.clear()
        for _ in range(3):
            # Beyond the grace period in which a repeated refresh token is forgiven.
            site.clock.move(LIFE + 1)
            await refresh_at_once(page, site, tabs)
            for tab in tabs:
                assert await viewer(page, tab) == PERSON
        # No tab has sent a refresh token while the answer to it was on its way to another one.
        assert len(site.refreshes.cookies) == len({*site.refreshes.cookies}) == 3 * len(tabs)
        assert len((await site.ask("{ sessions { id } }", by=PERSON))["sessions"]) == 2


async def refresh_at_once(page: Script, site: Site, tabs: range) -> None:
    """Let each tab begin a refresh before the server answers the first one."""
    site.refreshes.hold()
    before = len(site.refreshes.cookies)
    for tab in tabs:
        page.tell("refresh", tab=tab)
        # A tab does one thing after the other, so that it has begun to refresh when it says its state.
        page.tell("state", tab=tab)
        await step(page, "state", tab)
    await until(lambda: len(site.refreshes.cookies) > before)
    site.refreshes.release()


async def following(page: Script, *tabs: int) -> None:
    """Sign in, and follow incidents in these tabs."""
    page.tell("signIn", tab=tabs[0], email=PERSON, password=PASSWORD)
    await step(page, "signedIn", tabs[-1])
    for tab in tabs:
        page.tell("follow", tab=tab, query=LIVE)
        await step(page, "started", tab)


async def test_a_tab_that_slept_has_missed_nothing(site: Site, browser: Any) -> None:
    await site.open()
    async with browser as page:
        await opened(page, 0)
        await opened(page, 1)
        await following(page, 0, 1)
        # Chromium closes the socket of a tab that sleeps.
        page.tell("sleep", tab=0, isAsleep=True)
        await hear(page, site, 1)
        # The token expires while this tab cannot renew it.
        site.clock.move(2 * LIFE)
        await hear(page, site, 1)
        page.tell("sleep", tab=0, isAsleep=False)
        await hear(page, site, 0, 1)
        assert names(page, 0) == names(page, 1) == site.opened[1:]
        assert [await viewer(page, tab) for tab in (0, 1)] == [PERSON, PERSON]


async def test_a_tab_whose_socket_died_while_it_was_offline_has_missed_nothing(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    await site.open()
    options = {"chromium": str(chromium), "profile": str(tmp_path / "profile"), "page": "page.html"}
    async with (
        cut_proxy(site.url) as proxy,
        running(
            node, "chromium_page.mjs", FOLDER, url=proxy.url, given={"factor": 20}, **options
        ) as page,
    ):
        await opened(page, 0)
        await following(page, 0)
        page.tell("offline", tab=0, isOffline=True)
        await page.wait("network")
        # Offline emulation alone leaves the socket open, and its messages arrive later.
        proxy.cut()
        await page.wait("waiting")
        await site.open()
        # The token expires while this tab cannot renew it.
        site.clock.move(2 * LIFE)
        await site.open()
        sockets = proxy.sockets
        page.tell("offline", tab=0, isOffline=False)
        await hear(page, site, 0)
        assert proxy.sockets > sockets
        assert names(page, 0) == site.opened[1:]
        assert await viewer(page, 0) == PERSON
