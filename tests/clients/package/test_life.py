"""A page that uses watchword-client stays signed in and misses nothing, through all that can happen to its token, its
session, its network and its server: in a real Chromium, and in Node.js."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.package.site import ADMIN, FOLDER, LIFE, LIVE, OTHER, PASSWORD, PERSON, Site
from tests.clients.script import Script, running

GIVE = "mutation G($id: ID!, $roles: [Role!]!) { setRoles(input: {member: $id, roles: $roles}) { id } }"
END = "mutation E($id: ID!) { signOutAccount(account: $id) { id } }"
VIEWER = "{ viewer { email } }"

Open = Callable[..., AbstractAsyncContextManager[Script]]


@pytest.fixture(params=["chromium", pytest.param("node", marks=pytest.mark.exhaustive)])
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def opened(
    platform: str,
    site: Site,
    node: Path,
    package: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Open:
    """A function that opens a page and yields it, once it is there."""

    @asynccontextmanager
    async def open(
        page: str = "page.html", origin: str = "", **given: Any
    ) -> AsyncIterator[Script]:
        options: dict[str, Any] = {"url": origin or site.url, "given": given}
        if platform == "chromium":
            browser = request.getfixturevalue("chromium")
            options |= {
                "chromium": str(browser),
                "profile": str(tmp_path / "profile"),
                "page": page,
            }
        else:
            options |= {"package": str(package)}
        async with running(node, f"{platform}_page.mjs", FOLDER, **options) as script:
            if page == "page.html":
                await script.wait("loaded")
            yield script

    return open


@asynccontextmanager
async def following(site: Site, opened: Open, **given: Any) -> AsyncIterator[Script]:
    """Open a page that follows public incidents without signing in."""
    await site.open()
    async with opened(**given) as page:
        page.tell("follow", query=LIVE)
        assert "expiresAt" not in await page.wait("connected")
        assert (await page.wait("next"))["data"]["incidentsChanged"]["kind"] == "PRESENT"
        yield page
        # Each incident has arrived once, in order, and nothing has failed.
        assert names(page) == site.opened[1:]
        assert not [step for step in page.seen if step["step"] in ("failed", "complaint")]


def names(page: Script, tab: int | None = None) -> list[str]:
    answers = [
        step for step in page.seen if step["step"] == "next" and step.get("tab") in (tab, 0, None)
    ]
    events = [answer["data"]["incidentsChanged"] for answer in answers]
    return [event["incident"]["name"] for event in events if event["kind"] == "OPENED"]


async def hears(page: Script, site: Site) -> None:
    """Open an incident, and wait until the page shows it."""
    name = await site.open()
    while name not in names(page):
        await page.wait("next")


async def signed_in(
    page: Script, site: Site, email: str = PERSON, password: str = PASSWORD
) -> None:
    page.tell("signIn", email=email, password=password)
    while "expiresAt" not in await page.wait("connected"):
        pass
    await hears(page, site)


async def test_through_renewal_expiry_other_roles_and_another_password(
    site: Site, opened: Open
) -> None:
    async with following(site, opened) as page:
        await signed_in(page, site)
        # The server asks for a new token in time, and the socket stays open after the old token has expired.
        before = len(page.seen)
        site.clock.move(LIFE - 60)
        await page.wait("renewed")
        site.clock.move(61)
        await hears(page, site)
        assert "closed" not in [step["step"] for step in page.seen[before:]]
        # As after a machine slept: the token has expired, and the page has not noticed.
        site.clock.move(10 * LIFE)
        assert (await page.wait("closed"))["code"] == 4403
        await page.wait("connected")
        await hears(page, site)
        # After a change of roles, the token is outdated although it has not expired.
        await site.ask(GIVE, id=await site.person(), roles=["COMMANDER"])
        await page.wait("renewed")
        await hears(page, site)
        # After a change of the password, the session that changed it renews, and its socket stays open.
        change = f'mutation {{ changePassword(current: "{PASSWORD}", new: "{OTHER}") {{ id }} }}'
        page.tell("ask", query=change)
        await page.wait("renewed")
        await hears(page, site)


async def test_a_step_up_renews_the_socket_with_its_token(site: Site, opened: Open) -> None:
    async with following(site, opened) as page:
        await signed_in(page, site)
        page.tell("stepUp", password=PASSWORD)
        await page.wait("renewed")
        await hears(page, site)


async def test_after_its_socket_was_cut_it_has_what_happened_meanwhile(
    site: Site, opened: Open
) -> None:
    async with following(site, opened) as page:
        for _ in range(3):
            page.tell("cut")
            await site.open()
            await page.wait("closed")
            await page.wait("connected")
            await hears(page, site)


async def test_a_cut_before_the_first_event_loses_nothing(site: Site, opened: Open) -> None:
    # In real time: in hurried time an answer is always later than the client waits before it reports a gap.
    async with opened(factor=1) as page:
        page.tell("follow", query="subscription { incidentsChanged { kind incident { name } } }")
        await page.wait("started")
        await site.stop()
        await page.wait("closed")
        await site.start()
        await page.wait("connected")
        await hears(page, site)
        assert names(page) == site.opened
        assert "missed" not in [step["step"] for step in page.seen]


async def test_while_the_server_is_away_for_ten_minutes(site: Site, opened: Open) -> None:
    async with following(site, opened, factor=1_000) as page:
        await signed_in(page, site)
        await site.stop()
        waits: list[float] = []
        while sum(waits) < 600_000:
            waits.append((await page.wait("waiting"))["milliseconds"])
        # Attempts are at most thirty seconds apart, and no two clients make them together.
        assert max(waits) <= 30_000
        assert len(set(waits)) == len(waits)
        site.clock.move(600)
        await site.start()
        await page.wait("connected")
        await hears(page, site)


async def test_the_page_is_told_that_events_are_gone_and_goes_on(site: Site, opened: Open) -> None:
    async with following(site, opened, factor=1) as page:
        copy = await site.copy()
        await hears(page, site)
        await site.lose(copy)
        site.clock.move(1)  # Move the clock, so that the server checks the log.
        assert (await page.wait("missed"))["error"]["code"] == "CURSOR_EXPIRED"
        await hears(page, site)


async def test_signing_out_and_being_signed_out_leave_what_everybody_may_see(
    site: Site, opened: Open
) -> None:
    async with following(site, opened) as page:
        await signed_in(page, site)
        page.tell("signOut")
        await page.wait("signedOut")
        assert "expiresAt" not in await page.wait("connected")
        await hears(page, site)
        await signed_in(page, site)
        await site.ask(END, id=await site.person())
        assert (await page.wait("closed"))["code"] == 4401
        await page.wait("expired")
        assert "expiresAt" not in await page.wait("connected")
        await hears(page, site)


@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_a_connection_that_an_administrator_ended_does_not_come_back_on_its_own(
    transport: str, site: Site, opened: Open
) -> None:
    async with opened(live={"transport": transport}) as page:
        page.tell("signIn", email=PERSON, password=PASSWORD)
        await page.wait("signedIn")
        page.tell("follow", query=LIVE)
        await page.wait("started")
        assert await site.end_connections() == 1
        assert (await page.wait("failed"))["error"]["code"] == "CONNECTION_ENDED"
        # The session goes on, and another subscription connects again.
        page.tell("ask", query=VIEWER)
        assert (await page.wait("answer"))["data"] == {"viewer": {"email": PERSON}}
        page.tell("follow", query=LIVE)
        await page.wait("started")
        await hears(page, site)
        assert "expired" not in [step["step"] for step in page.seen]


async def test_a_session_that_was_ended_elsewhere_is_over_at_the_next_request(
    site: Site, opened: Open
) -> None:
    async with opened() as page:
        for is_expired in (False, True):
            page.tell("signIn", email=PERSON, password=PASSWORD)
            await page.wait("signedIn")
            await site.ask(END, id=await site.person())
            if is_expired:
                # The refresh is refused; otherwise the server refuses the access token.
                page.tell("expire")
            page.tell("ask", query=VIEWER)
            await page.wait("expired")
            answer = await page.wait("answer")
            assert is_expired or answer["errors"][0]["extensions"]["code"] == "TOKEN_REVOKED"
            page.tell("ask", query=VIEWER)
            assert (await page.wait("answer"))["data"] == {"viewer": None}


async def test_another_sign_in_moves_the_socket_to_the_new_session(
    site: Site, opened: Open
) -> None:
    async with following(site, opened) as page:
        await signed_in(page, site)
        await signed_in(page, site, ADMIN)
        page.tell("ask", query=VIEWER)
        assert (await page.wait("answer"))["data"]["viewer"] == {"email": ADMIN}


async def test_a_subscription_that_lost_its_right_has_ended_for_good(
    site: Site, opened: Open
) -> None:
    async with opened() as page:
        page.tell("signIn", email=PERSON, password=PASSWORD)
        await page.wait("signedIn")
        page.tell("follow", query="subscription { opened }")
        await page.wait("started")
        person = await site.person()
        await site.ask(GIVE, id=person, roles=[])
        await site.open()
        assert (await page.wait("failed"))["error"]["code"] == "FORBIDDEN"
        await site.ask(GIVE, id=person, roles=["RESPONDER"])
        page.tell("follow", query=LIVE)
        assert (await page.wait("next"))["data"]["incidentsChanged"]["kind"] == "PRESENT"
        before = len(page.seen)
        await hears(page, site)
        heard = [step for step in page.seen[before:] if step["step"] == "next"]
        assert not [step for step in heard if "opened" in step["data"]]


async def test_by_server_sent_events_it_misses_nothing_either(site: Site, opened: Open) -> None:
    async with following(site, opened, live={"transport": "sse"}) as page:
        page.tell("signIn", email=PERSON, password=PASSWORD)
        await page.wait("connected")
        await hears(page, site)
        site.clock.move(LIFE + 1)
        assert (await page.wait("closed"))["code"] == 4403
        await hears(page, site)
        await site.stop()
        await page.wait("closed")
        await site.start()
        await hears(page, site)
        page.tell("signOut")
        await page.wait("connected")
        await hears(page, site)


async def test_where_no_socket_gets_through_it_follows_by_server_sent_events(
    site: Site, node: Path, package: Path
) -> None:
    options = {"url": site.url, "package": str(package), "given": {}, "without": "WebSocket"}
    await site.open()
    async with running(node, "node_page.mjs", FOLDER, **options) as page:
        await page.wait("loaded")
        page.tell("signIn", email=PERSON, password=PASSWORD)
        await page.wait("signedIn")
        page.tell("follow", query=LIVE)
        await page.wait("next")
        await hears(page, site)
        # What has worked is tried first after a cut.
        before = len(page.seen)
        site.clock.move(LIFE + 1)
        assert (await page.wait("closed"))["code"] == 4403
        await hears(page, site)
        # Node.js may fail to fetch a token on the connection that the server has just closed. It tries again then.
        ends = [step["reason"] for step in page.seen[before:] if step["step"] == "closed"]
        assert not [reason for reason in ends if "WebSocket" in reason]
        assert names(page) == site.opened[1:]


@pytest.mark.parametrize("platform", ["chromium"])
async def test_the_whole_page_signs_in_and_shows_what_happens(site: Site, opened: Open) -> None:
    async with opened("index.html") as page:
        page.tell("enter", fields={"email": PERSON, "password": PASSWORD})
        text = ""
        async with asyncio.timeout(30):
            # Nothing says when the page has subscribed, so that the first incident may be too early.
            while "OPENED" not in text:
                await site.open()
                page.tell("read")
                text = (await page.wait("text"))["text"]
        assert "Trouble number" in text
        # One session is the page's, the other one asks.
        assert len((await site.ask("{ sessions { id } }", by=PERSON))["sessions"]) == 2


@pytest.mark.parametrize("platform", ["chromium"])
@pytest.mark.parametrize(("host", "email"), [("localhost", PERSON), ("127.0.0.1", None)])
async def test_a_reload_stays_signed_in_if_page_and_server_have_one_host_name(
    host: str, email: str | None, site: Site, opened: Open
) -> None:
    async with site.pages() as origin:
        await site.allow(origin)
        server = site.url.replace("127.0.0.1", host)
        async with opened(origin=origin, url=server) as page:
            page.tell("signIn", email=PERSON, password=PASSWORD)
            await page.wait("signedIn")
            page.tell("reload")
            assert (await page.wait("ready"))["state"] == ("signedIn" if email else "anonymous")
            page.tell("ask", query=VIEWER)
            viewer = (await page.wait("answer"))["data"]["viewer"]
            assert viewer == (email and {"email": email})
            page.tell("follow", query=LIVE)
            assert ("expiresAt" in await page.wait("connected")) == bool(email)
