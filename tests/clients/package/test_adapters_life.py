"""Every adapter of watchword-client ends with exactly the events that it was allowed to see, through all that can happen
to a token, a session, a tab, a socket and a server: with the real libraries, in Node.js and in Chromium.

One table: each test is a row, and each adapter in Node.js or in a tab of Chromium is a cell, whose name a failure tells.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients.package.crowd import STREAMS, Crowd, User, number, users
from tests.clients.package.site import FOLDER, LIFE, OTHER, PASSWORD, Site
from tests.clients.script import Script, running
from tests.support.clock import MovedClock
from tests.support.npm_package import CLIENT, project
from tests.support.toy_server import until

# One process and one browser for all rows.
pytestmark = pytest.mark.asyncio(loop_scope="module")

GIVE = "mutation G($id: ID!, $roles: [Role!]!) { setRoles(input: {member: $id, roles: $roles}) { id } }"
END = "mutation E($id: ID!) { signOutAccount(account: $id) { id } }"
CHANGE = f'mutation {{ changePassword(current: "{PASSWORD}", new: "{OTHER}") {{ id }} }}'
TOTP = "mutation { beginTotp { uri } }"
BUNDLE = ["--bundle", "--minify", "--format=iife", "--global-name=followers"]
PAGE = "/front/index.html"
# Milliseconds: the longest pause of a client between two attempts.
PAUSE = 30_000

Happens = Callable[[Site, Crowd], Awaitable[None]]


async def renewal(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("renewed"):
        site.clock.move(LIFE - 60)
    # The old token expires, and no socket closes.
    site.clock.move(61)
    await site.open()
    await crowd.hear("public", number(site.opened[-1]))
    crowd.compare(lambda cell, _: "its socket was closed" if crowd.steps[cell, "closed"] else "")


async def expiry(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("connected"):
        # As after a machine slept: the token has expired, and the page has not noticed.
        site.clock.move(10 * LIFE)
        await site.open()


async def roles_taken(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("renewed"):
        await take_roles(site, crowd)


async def roles_taken_from_streams(site: Site, crowd: Crowd) -> None:
    """A stream cannot be renewed: it ends, and another one resumes it."""
    async with crowd.expecting("connected"):
        await take_roles(site, crowd)


async def take_roles(site: Site, crowd: Crowd) -> None:
    ids = await site.people()
    for person in crowd.people:
        await site.ask(GIVE, id=ids[person.email], roles=[])


async def password_changed_here(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("renewed"):
        crowd.tell("ask", query=CHANGE)


async def password_changed_elsewhere(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("connected"):
        for person in crowd.people:
            await site.ask(CHANGE, by=person.email)


async def revocation(site: Site, crowd: Crowd) -> None:
    ids = await site.people()
    async with crowd.expecting("connected"):
        for person in crowd.people:
            await site.ask(END, id=ids[person.email])


async def cut(site: Site, crowd: Crowd) -> None:
    for _ in range(2):
        async with crowd.expecting("connected"):
            crowd.tell("cut")
            await site.open()


async def server_restart(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("connected"), site.elsewhere():
        await site.open()
        await site.note("away")


async def server_away_for_ten_minutes(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("waiting"), site.elsewhere():
        await site.open()
        await site.note("away")
        for _ in range(600_000 // PAUSE):
            async with crowd.expecting("waiting"):
                crowd.tell("pass", milliseconds=PAUSE)
        site.clock.move(600)
    async with crowd.expecting("connected"):
        crowd.tell("pass", milliseconds=PAUSE)


async def lost_events(site: Site, crowd: Crowd) -> None:
    copy = await site.copy()
    await crowd.hear("public", number(await site.open()))
    async with crowd.expecting("connected"), site.elsewhere():
        await site.open()
        await site.lose(copy)
    # The event of this incident is gone, and the page fetches again what it shows.
    name = site.opened[-1]
    await crowd.until(f"{name} in what it shows", lambda cell: name in crowd.shown[cell]["names"])


async def sign_out(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("connected"):
        crowd.tell("signOut")


async def sign_out_and_in(site: Site, crowd: Crowd) -> None:
    await sign_out(site, crowd)
    await site.note("meanwhile")
    await site.open()
    await crowd.hear("public", number(site.opened[-1]))
    async with crowd.expecting("connected"):
        crowd.tell("signIn")


async def sleeping_tab(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("connected"):
        await crowd.done("sleep", isAsleep=True)
        await nothing_in_chromium(site, crowd)
        await crowd.done("sleep", isAsleep=False)


async def offline_tab(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("connected"):
        await crowd.done("offline", isOffline=True)
        async with crowd.expecting("waiting"):
            # The emulation leaves an open socket as it is.
            crowd.tell("cut")
        await nothing_in_chromium(site, crowd)
        await crowd.done("offline", isOffline=False)


async def nothing_in_chromium(site: Site, crowd: Crowd) -> None:
    """Open two incidents, between which all tokens expire; only the adapters in Node.js hear of them."""
    before = {cell: [*crowd.heard[cell, "public"]] for cell in crowd.cells}
    await site.open()
    site.clock.move(2 * LIFE)
    await crowd.hear("public", number(await site.open()), "node")
    crowd.compare(
        lambda cell, user: (
            "hears" if user.is_browser and crowd.heard[cell, "public"] != before[cell] else ""
        )
    )


async def two_tabs(site: Site, crowd: Crowd) -> None:
    cookies, people = site.refreshes.cookies, len(crowd.people)
    cookies.clear()
    site.refreshes.hold()
    async with crowd.expecting("renewed"):
        site.clock.move(LIFE - 60)
        await until(lambda: len(cookies) >= people)
        await crowd.done("state")
        # One tab of each person waits for the answer, and the other one for that tab.
        asked = len(cookies)
        assert asked == people
        site.refreshes.release()
    # No tab has sent what another one had sent before.
    sent = [cookie for cookie in cookies if cookie]
    counts = len(sent), len({*sent})
    tabs = sum(user.is_browser for user in crowd.cells.values())
    assert counts == (tabs, tabs)
    site.clock.move(61)
    await crowd.hear("public", number(await site.open()))
    # The other tab is told by this one, before the server closes its socket.
    async with crowd.expecting("signedOut"), crowd.expecting("connected"):
        crowd.tell("signOut", tab=-1)


async def step_up(site: Site, crowd: Crowd) -> None:
    await expiry(site, crowd)
    async with crowd.expecting("renewed"):
        crowd.tell("ask", query=TOTP)
    await site.open()


async def ended_by_an_administrator(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("ended", len(STREAMS)):
        await site.end_connections()


@dataclass
class Case:
    """What happens after incident 1 and the note "before", and what is heard in all until an incident after the note
    "after"; a number is an incident. Over server-sent events, or with tokens that are bound to a key (DPoP), if it says so."""

    happens: Happens
    public: str
    guarded: str
    is_signed_in: bool = True
    tabs: int = 1
    transport: str = "websocket"
    is_bound: bool = False

    @property
    def name(self) -> str:
        over = " over sse" if self.transport == "sse" else ""
        return f"{self.happens.__name__}{over}{' with a key' if self.is_bound else ''}"


def sse(happens: Happens, public: str, guarded: str, is_signed_in: bool = True) -> Case:
    return Case(happens, public, guarded, is_signed_in, transport="sse")


def bound(happens: Happens, public: str, guarded: str, is_signed_in: bool = True) -> Case:
    return Case(happens, public, guarded, is_signed_in, is_bound=True)


CASES = [
    Case(renewal, "1 before 2 3 after 4", "1 note 2 3 note 4"),
    Case(expiry, "1 before 2 3 after 4", "1 note 2 3 note 4"),
    Case(password_changed_here, "1 before 2 after 3", "1 note 2 note 3"),
    Case(cut, "1 before 2 3 4 after 5", "1 note 2 3 4 note 5"),
    Case(server_restart, "1 before 2 away 3 after 4", "1 note 2 note 3 note 4"),
    Case(server_away_for_ten_minutes, "1 before 2 away 3 after 4", "1 note 2 note 3 note 4"),
    Case(lost_events, "1 before 2 4 after 5", "1 note 2 4 note 5"),
    Case(roles_taken, "1 before 2 3", "1 note FORBIDDEN"),
    Case(password_changed_elsewhere, "1 before 2 3", "1 note UNAUTHENTICATED", False),
    Case(revocation, "1 before 2 3", "1 note UNAUTHENTICATED", False),
    Case(sign_out, "1 before 2 3", "1 note UNAUTHENTICATED", False),
    Case(sign_out_and_in, "1 before 2 3 after 4", "1 note UNAUTHENTICATED"),
    Case(sleeping_tab, "1 before 2 3 4 after 5", "1 note 2 3 4 note 5"),
    Case(offline_tab, "1 before 2 3 4 after 5", "1 note 2 3 4 note 5"),
    Case(two_tabs, "1 before 2 3 4", "1 note 2 UNAUTHENTICATED", False, tabs=2),
    Case(step_up, "1 before 2 3 4 after 5", "1 note 2 3 4 note 5"),
    Case(ended_by_an_administrator, "1 before CONNECTION_ENDED", "1 note CONNECTION_ENDED"),
    sse(expiry, "1 before 2 3 after 4", "1 note 2 3 note 4"),
    sse(cut, "1 before 2 3 4 after 5", "1 note 2 3 4 note 5"),
    sse(server_restart, "1 before 2 away 3 after 4", "1 note 2 note 3 note 4"),
    sse(lost_events, "1 before 2 4 after 5", "1 note 2 4 note 5"),
    sse(roles_taken_from_streams, "1 before 2 3", "1 note FORBIDDEN"),
    sse(revocation, "1 before 2 3", "1 note UNAUTHENTICATED", False),
    sse(sign_out_and_in, "1 before 2 3 after 4", "1 note UNAUTHENTICATED"),
    sse(ended_by_an_administrator, "1 before CONNECTION_ENDED", "1 note CONNECTION_ENDED"),
    bound(cut, "1 before 2 3 4 after 5", "1 note 2 3 4 note 5"),
    bound(server_restart, "1 before 2 away 3 after 4", "1 note 2 note 3 note 4"),
    bound(revocation, "1 before 2 3", "1 note UNAUTHENTICATED", False),
    bound(sign_out_and_in, "1 before 2 3 after 4", "1 note UNAUTHENTICATED"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def adapters(
    node: Path, chromium: Path, packed: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Script, Path]]:
    """The process in which all adapters are, and the folder of the page that it opens in its browser."""
    folder = tmp_path_factory.mktemp("adapters")
    project(folder, packed)
    for name in ("followers.mjs", "followers_everywhere.mjs", "../chromium.mjs"):
        shutil.copy(FOLDER / name, folder)
    front = folder / "front"
    front.mkdir()
    esbuild = [CLIENT / "node_modules/.bin/esbuild", "followers.mjs", "--log-level=error", *BUNDLE]
    command = [*esbuild, f"--outfile={front / 'followers.js'}"]
    await asyncio.to_thread(partial(subprocess.run, command, cwd=folder, check=True))
    (front / "index.html").write_text('<!doctype html><script src="followers.js"></script>')
    options = {"chromium": str(chromium), "page": PAGE}
    async with running(node, "followers_everywhere.mjs", folder, **options) as script:
        yield script, front


@pytest_asyncio.fixture(loop_scope="module")
async def served(
    sqlite_url: str, clock: MovedClock, package: Path, adapters: tuple[Script, Path]
) -> AsyncIterator[Site]:
    """A server with the page for all cells of a row, with a responder for each adapter."""
    _, front = adapters
    site = Site(sqlite_url, clock, front, package)
    await site.prepare(*(user.email for user in users()))
    await site.start()
    yield site
    await site.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_row(case: Case, served: Site, adapters: tuple[Script, Path]) -> None:
    script, _ = adapters
    crowd = Crowd(script, served, users(case.tabs))
    key = {"dpop": {"issuer": served.issuer, "now": served.clock.now()}} if case.is_bound else {}
    async with crowd.opened(PAGE, transport=case.transport, **key):
        await lived(case, served, crowd)
    if crowd.faults:
        pytest.fail("\n".join(f"{cell}: {fault}" for cell, fault in crowd.faults.items()))


async def lived(case: Case, site: Site, crowd: Crowd) -> None:
    """Let it happen to every adapter, and compare what each has heard."""
    await site.open()
    await site.note("before")
    await crowd.hear("public", "before")
    await crowd.hear("guarded", "note")
    await case.happens(site, crowd)
    await site.open()
    await site.note("after")
    await site.open()
    for stream, words in (("public", case.public), ("guarded", case.guarded)):
        await crowd.hear(stream, words.split()[-1])
    wanted = {"public": case.public.split(), "guarded": case.guarded.split()}

    def email(user: User) -> str | None:
        return user.email if case.is_signed_in else None

    # What the page shows is of the same person.
    await crowd.until(
        "what it shows to be of its person",
        lambda cell: crowd.shown[cell]["email"] == email(crowd.cells[cell]),
    )
    crowd.compare(
        lambda cell, _: (
            ""
            if {stream: crowd.heard[cell, stream] for stream in STREAMS} == wanted
            else f"should have public: {case.public}, guarded: {case.guarded}"
        )
    )
