"""Every adapter of watchword-client ends with exactly the events that it was allowed to see, through all that can happen
to a token, a session, a socket and a server: with the real libraries, in Node.js and in Chromium."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.clients.package.crowd import ADAPTERS, Crowd, address, number
from tests.clients.package.site import FOLDER, LIFE, OTHER, PASSWORD, Site
from tests.clients.script import running
from tests.support.clock import MovedClock
from tests.support.npm_package import CLIENT, project

GIVE = "mutation G($id: ID!, $roles: [Role!]!) { setRoles(input: {member: $id, roles: $roles}) { id } }"
END = "mutation E($id: ID!) { signOutAccount(account: $id) { id } }"
CHANGE = f'mutation {{ changePassword(current: "{PASSWORD}", new: "{OTHER}") {{ id }} }}'
BUNDLE = ["--bundle", "--format=iife", "--global-name=followers", "--outfile=followers.js"]

Happens = Callable[[Site, Crowd], Awaitable[None]]


async def renewal(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("renewed"):
        site.clock.move(LIFE - 60)
    # The old token expires, and no socket closes.
    site.clock.move(61)
    await site.open()
    await crowd.hear("public", number(site.opened[-1]))
    assert not [step for step in crowd.steps if "closed" in step]


async def expiry(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("connected"):
        # As after a machine slept: the token has expired, and the page has not noticed.
        site.clock.move(10 * LIFE)
        await site.open()


async def roles_taken(site: Site, crowd: Crowd) -> None:
    people = await site.people()
    async with crowd.expecting("renewed"):
        for kind in crowd.kinds:
            await site.ask(GIVE, id=people[address(kind)], roles=[])


async def password_changed_here(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("renewed"):
        crowd.tell("ask", query=CHANGE)


async def password_changed_elsewhere(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("connected"):
        for kind in crowd.kinds:
            await site.ask(CHANGE, by=address(kind))


async def revocation(site: Site, crowd: Crowd) -> None:
    people = await site.people()
    async with crowd.expecting("connected"):
        for kind in crowd.kinds:
            await site.ask(END, id=people[address(kind)])


async def cut(site: Site, crowd: Crowd) -> None:
    for _ in range(2):
        async with crowd.expecting("connected"):
            crowd.tell("cut")
            await site.open()


async def server_restart(site: Site, crowd: Crowd) -> None:
    async with crowd.expecting("connected"), site.elsewhere():
        await site.open()
        await site.note("away")


async def lost_events(site: Site, crowd: Crowd) -> None:
    copy = await site.copy()
    await crowd.hear("public", number(await site.open()))
    async with crowd.expecting("connected"), site.elsewhere():
        await site.open()
        await site.lose(copy)
    # The event of this incident is gone, and the page fetches again what it shows.
    await crowd.until(lambda kind: site.opened[-1] in crowd.shown[kind]["names"])


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


@dataclass
class Case:
    """What happens after incident 1 and the note "before", and what is heard in all until an incident after the note
    "after"; a number is an incident."""

    happens: Happens
    public: str
    guarded: str
    is_signed_in: bool = True


CASES = [
    Case(renewal, "1 before 2 3 after 4", "1 note 2 3 note 4"),
    Case(expiry, "1 before 2 3 after 4", "1 note 2 3 note 4"),
    Case(password_changed_here, "1 before 2 after 3", "1 note 2 note 3"),
    Case(cut, "1 before 2 3 4 after 5", "1 note 2 3 4 note 5"),
    Case(server_restart, "1 before 2 away 3 after 4", "1 note 2 note 3 note 4"),
    Case(lost_events, "1 before 2 4 after 5", "1 note 2 4 note 5"),
    Case(roles_taken, "1 before 2 3", "1 note FORBIDDEN"),
    Case(password_changed_elsewhere, "1 before 2 3", "1 note UNAUTHENTICATED", False),
    Case(revocation, "1 before 2 3", "1 note UNAUTHENTICATED", False),
    Case(sign_out, "1 before 2 3", "1 note UNAUTHENTICATED", False),
    Case(sign_out_and_in, "1 before 2 3 after 4", "1 note UNAUTHENTICATED"),
]
IN_CHROMIUM = {renewal, cut, sign_out, revocation}


@pytest.fixture
async def served(
    sqlite_url: str, clock: MovedClock, package: Path, tmp_path: Path
) -> AsyncIterator[Site]:
    """A server with a responder for each adapter, which shows the pages of `front`."""
    front = tmp_path / "front"
    front.mkdir()
    site = Site(sqlite_url, clock, front, package)
    await site.prepare(*map(address, ADAPTERS))
    await site.start()
    yield site
    await site.stop()


@asynccontextmanager
async def following(
    site: Site, node: Path, kinds: tuple[str, ...], name: str, folder: Path, **options: str
) -> AsyncIterator[Crowd]:
    """Adapters that follow both streams, each with a person who is signed in."""
    given = {"url": site.url, "password": PASSWORD, **options}
    async with running(node, name, folder, kinds=kinds, **given) as script:
        crowd = Crowd(script, site, kinds)
        async with crowd.expecting("signedIn"):
            crowd.tell("signIn")
        async with crowd.expecting("position", 2), crowd.expecting("shown"):
            crowd.tell("show")
            for stream in ("public", "guarded"):
                crowd.tell("follow", stream=stream)
        yield crowd


async def lived(case: Case, site: Site, crowd: Crowd) -> None:
    """Let it happen to every adapter, and compare what each has heard."""
    await site.open()
    await site.note("before")
    await crowd.hear("public", "before")
    await crowd.hear("guarded", "note")
    await case.happens(site, crowd)
    await site.open()
    await site.note("after")
    await crowd.hear("public", number(await site.open()))
    await crowd.hear("guarded", case.guarded.split()[-1])
    # What the page shows is of the same person.
    await crowd.until(
        lambda kind: crowd.shown[kind]["email"] == (address(kind) if case.is_signed_in else None)
    )
    for kind in crowd.kinds:
        heard = {stream: crowd.heard[kind, stream] for stream in ("public", "guarded")}
        assert heard == {"public": case.public.split(), "guarded": case.guarded.split()}, kind


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.happens.__name__)
async def test_in_node(case: Case, served: Site, node: Path, packed: Path, tmp_path: Path) -> None:
    project(tmp_path, packed)
    for name in ("followers.mjs", "followers_node.mjs"):
        shutil.copy(FOLDER / name, tmp_path)
    async with following(served, node, ADAPTERS, "followers_node.mjs", tmp_path) as crowd:
        await lived(case, served, crowd)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.happens in IN_CHROMIUM],
    ids=lambda case: case.happens.__name__,
)
async def test_in_chromium(
    case: Case, served: Site, node: Path, chromium: Path, packed: Path, tmp_path: Path
) -> None:
    project(tmp_path, packed)
    shutil.copy(FOLDER / "followers.mjs", tmp_path)
    esbuild = [CLIENT / "node_modules/.bin/esbuild", "followers.mjs", "--log-level=error", *BUNDLE]
    await asyncio.to_thread(partial(subprocess.run, esbuild, cwd=tmp_path, check=True))
    shutil.copy(tmp_path / "followers.js", served.folder)
    (served.folder / "index.html").write_text('<!doctype html><script src="followers.js"></script>')
    kinds = ("apollo", "urql", "relay")
    options = {"chromium": str(chromium), "page": "/front/index.html"}
    async with following(served, node, kinds, "followers_chromium.mjs", FOLDER, **options) as crowd:
        await lived(case, served, crowd)
