"""A front end that is made of what the documents say to paste, in a real browser: it stays signed in and
misses nothing through all that can happen to its token, its session and its server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import strawberry
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from incident_room import domain
from incident_room.components.types import Component
from incident_room.incidents.types import Incident, IncidentUpdate
from incident_room.members.types import Member
from incident_room.root import Mutation, Query, Subscription
from incident_room.topics import INCIDENTS
from tests.clients.documents import OPEN
from tests.clients.script import FOLDER, Script, running
from tests.support.backup import Copy, copied, restored
from tests.support.clock import MovedClock
from tests.support.documents import FRONT_END, block
from tests.support.identity import unit_of
from tests.support.toy_server import serving
from tests.support.vault import ENCRYPTION_KEY, VAULT
from watchword import HasScope, Info
from watchword.app import create_app
from watchword.auth.accounts.accounts import add_account
from watchword.auth.keys.signing_keys import ensure
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.config.settings import Settings
from watchword.domain import Mount
from watchword.storage.database import Database

PERSON, ADMIN = "person@example.com", "admin@example.com"
PASSWORD, OTHER = "correct horse battery staple", "staple battery horse correct"
LIVE = "subscription { incidentsChanged(present: true) { kind incident { name } update { body } } }"
LIFE = 600


@strawberry.type
class PrivateSubscription(Subscription):
    @strawberry.subscription(permission_classes=[HasScope("incidents:write")])
    async def opened(self, info: Info) -> AsyncIterator[str]:
        async for event in info.context.follow(INCIDENTS):
            yield event.kind


PRIVATE = strawberry.Schema(
    Query, Mutation, PrivateSubscription, types=[Component, Incident, IncidentUpdate, Member]
)


class Site:
    """A server with a clock that the test moves, and an admin who opens incidents."""

    def __init__(self, database_url: str, clock: MovedClock, folder: Path) -> None:
        self.clock = clock
        self.folder = folder
        self.opened: list[str] = []
        self.url = ""
        self._settings = Settings(
            _env_file=None,
            database_url=database_url,
            encryption_keys=(ENCRYPTION_KEY,),
            sign_in_limit_per_account="1000 per minute",
            drain_seconds=0,
        )
        self._running = AsyncExitStack()

    async def prepare(self) -> None:
        """Add the accounts and the signing key."""
        database = Database(self._settings.database_url)
        await ensure(database, VAULT, self._settings, self.clock.now())
        hash = await hash_chosen(PASSWORD)
        async with unit_of(database, self.clock.now()) as unit:
            for email, role in ((PERSON, "responder"), (ADMIN, "admin")):
                await add_account(unit, email=email, name=role, roles=[role], hash=hash)
        await database.close()

    async def start(self) -> None:
        """Start the server, on the same port as before."""
        app = create_app(self._settings, Mount(PRIVATE, domain), self.clock)
        self._show(app)
        port = httpx2.URL(self.url).port if self.url else 0
        self.url, _ = await self._running.enter_async_context(
            serving(app, self._settings, port or 0)
        )

    def _show(self, app: Starlette) -> None:
        """Serve the pages below /front."""
        packages = FOLDER / "node_modules"
        app.mount("/front/node_modules", StaticFiles(directory=packages))
        app.mount("/front", StaticFiles(directory=self.folder))

    @asynccontextmanager
    async def pages(self) -> AsyncIterator[str]:
        """Serve the pages from localhost, on another port; yield the origin."""
        app = Starlette()
        self._show(app)
        async with serving(app, self._settings) as (url, _):
            yield url.replace("127.0.0.1", "localhost")

    async def allow(self, origin: str) -> None:
        """Start the server again, for a front end of another origin."""
        await self.stop()
        self._settings = self._settings.model_copy(update={"allowed_origins": (origin,)})
        await self.start()

    async def stop(self) -> None:
        """Stop the server."""
        await self._running.aclose()

    async def ask(self, query: str, by: str = ADMIN, **variables: Any) -> Any:
        """Sign in as the admin or another person, and run an operation."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=30) as client:
            person = {"email": by, "password": PASSWORD}
            made = (await client.post("/api/auth/login", json=person)).json()
            headers = {"authorization": f"Bearer {made['access_token']}"}
            body = {"query": query, "variables": variables}
            answer = (await client.post("/graphql", json=body, headers=headers)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def open(self) -> str:
        """Open an incident; return its name."""
        name = f"Trouble number {len(self.opened) + 1}"
        self.opened.append(name)
        await self.ask(OPEN, name=name)
        return name

    async def lose(self, copy: Copy) -> None:
        """Restore a copy of the log, as if the database had been restored from a backup."""
        database = Database(self._settings.database_url)
        await restored(database, copy)
        await database.close()

    async def copy(self) -> Copy:
        """Copy the log."""
        database = Database(self._settings.database_url)
        copy = await copied(database)
        await database.close()
        return copy

    async def person(self) -> str:
        """Return the person's id."""
        nodes = (await self.ask("{ members(first: 9) { nodes { id email } } }"))["members"]["nodes"]
        return str(next(each["id"] for each in nodes if each["email"] == PERSON))


@pytest.fixture
async def site(
    sqlite_url: str, clock: MovedClock, node: Path, tmp_path: Path
) -> AsyncIterator[Site]:
    folder = tmp_path / "front"
    folder.mkdir()
    shutil.copy(FOLDER / "front_end.html", folder)
    (folder / "index.html").write_text(block(FRONT_END, "html", "importmap"))
    for name in ("session.js", "live.js"):
        (folder / name).write_text(block(FRONT_END, "js", f"// {name}\n"))
    made = Site(sqlite_url, clock, folder)
    await made.prepare()
    await made.start()
    yield made
    await made.stop()


def shown(site: Site, chromium: Path, folder: Path, page: str) -> dict[str, str]:
    """Return the options of the script that shows a page."""
    profile = str(folder / "profile")
    return {"url": site.url, "chromium": str(chromium), "profile": profile, "page": page}


@asynccontextmanager
async def a_page(site: Site, node: Path, chromium: Path, folder: Path) -> AsyncIterator[Script]:
    """Open the page, which follows public incidents without signing in."""
    await site.open()
    options = shown(site, chromium, folder, "front_end.html")
    async with running(node, "front_end.mjs", **options) as page:
        await page.wait("loaded")
        page.tell("follow", query=LIVE)
        assert "expiresAt" not in await page.wait("connected")
        assert (await page.wait("next"))["data"]["incidentsChanged"]["kind"] == "PRESENT"
        yield page
        # Each incident has arrived once, in order, and nothing has failed.
        assert names(page) == site.opened[1:]
        assert not [step for step in page.seen if step["step"] in ("failed", "complaint")]


def names(page: Script) -> list[str]:
    answers = [step["data"] for step in page.seen if step["step"] == "next"]
    events = [data["incidentsChanged"] for data in answers if "incidentsChanged" in data]
    return [event["incident"]["name"] for event in events if event["kind"] == "OPENED"]


async def hears(page: Script, site: Site) -> None:
    """Open an incident, and wait until the page shows it."""
    name = await site.open()
    while name not in names(page):
        await page.wait("next")


async def signed_in(page: Script, site: Site, password: str = PASSWORD) -> None:
    page.tell("signIn", email=PERSON, password=password)
    terms = await page.wait("connected")
    assert "expiresAt" in terms
    await hears(page, site)


async def test_through_renewal_expiry_other_roles_and_another_password(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with a_page(site, node, chromium, tmp_path) as page:
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
        give = "mutation G($id: ID!, $roles: [Role!]!) { setRoles(input: {member: $id, roles: $roles}) { id } }"
        await site.ask(give, id=await site.person(), roles=["COMMANDER"])
        await page.wait("renewed")
        await hears(page, site)
        # After a change of the password, the session that changed it renews, and its socket stays open.
        change = f'mutation {{ changePassword(current: "{PASSWORD}", new: "{OTHER}") {{ id }} }}'
        page.tell("ask", query=change)
        await page.wait("renewed")
        await hears(page, site)


async def test_while_the_server_is_away(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with a_page(site, node, chromium, tmp_path) as page:
        await signed_in(page, site)
        await site.stop()
        # graphql-ws gives up after five tries if it is not told otherwise.
        for _ in range(8):
            await page.wait("closed")
        await site.start()
        await hears(page, site)


async def test_the_page_is_told_that_events_are_gone_and_goes_on(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with a_page(site, node, chromium, tmp_path) as page:
        copy = await site.copy()
        await hears(page, site)
        await site.lose(copy)
        site.clock.move(1)  # Move the clock, so that the server checks the log.
        [error] = (await page.wait("missed"))["error"]
        assert error["extensions"]["code"] == "CURSOR_EXPIRED"
        await page.wait("next")
        await hears(page, site)


async def test_signing_out_and_being_signed_out_leave_what_everybody_may_see(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with a_page(site, node, chromium, tmp_path) as page:
        await signed_in(page, site)
        page.tell("signOut")
        assert "expiresAt" not in await page.wait("connected")
        await hears(page, site)
        await signed_in(page, site)
        end = "mutation E($id: ID!) { signOutAccount(account: $id) { id } }"
        await site.ask(end, id=await site.person())
        assert (await page.wait("closed"))["code"] == 4401
        await page.wait("changed")
        assert "expiresAt" not in await page.wait("connected")
        await hears(page, site)


async def test_a_session_that_was_ended_elsewhere_is_over_at_the_next_request(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    end = "mutation E($id: ID!) { signOutAccount(account: $id) { id } }"
    ask = {"query": "{ viewer { email } }"}
    options = shown(site, chromium, tmp_path, "front_end.html")
    async with running(node, "front_end.mjs", **options) as page:
        await page.wait("loaded")
        for expired in (False, True):
            page.tell("signIn", email=PERSON, password=PASSWORD)
            await page.wait("changed")
            await site.ask(end, id=await site.person())
            if expired:
                # The refresh is refused; otherwise the server refuses the access token.
                page.tell("expire")
            page.tell("ask", **ask)
            await page.wait("changed")
            answer = await page.wait("answer")
            assert expired or answer["errors"][0]["extensions"]["code"] == "TOKEN_REVOKED"
            page.tell("ask", **ask)
            assert (await page.wait("answer"))["data"] == {"viewer": None}


async def test_another_sign_in_moves_the_socket_to_the_new_session(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with a_page(site, node, chromium, tmp_path) as page:
        await signed_in(page, site)
        page.tell("signIn", email=ADMIN, password=PASSWORD)
        await page.wait("changed")
        assert "expiresAt" in await page.wait("connected")
        await hears(page, site)


async def test_a_subscription_that_lost_its_right_has_ended_for_good(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    give = "mutation G($id: ID!, $roles: [Role!]!) { setRoles(input: {member: $id, roles: $roles}) { id } }"
    options = shown(site, chromium, tmp_path, "front_end.html")
    async with running(node, "front_end.mjs", **options) as page:
        await page.wait("loaded")
        page.tell("signIn", email=PERSON, password=PASSWORD)
        await page.wait("changed")
        page.tell("follow", query="subscription { opened }")
        await page.wait("connected")
        person = await site.person()
        await site.ask(give, id=person, roles=[])
        await site.open()
        [error] = (await page.wait("failed"))["error"]
        assert error["extensions"]["code"] == "FORBIDDEN"
        await site.ask(give, id=person, roles=["RESPONDER"])
        page.tell("follow", query=LIVE)
        assert (await page.wait("next"))["data"]["incidentsChanged"]["kind"] == "PRESENT"
        before = len(page.seen)
        await hears(page, site)
        heard = [step for step in page.seen[before:] if step["step"] == "next"]
        assert not [step for step in heard if "opened" in step["data"]]


async def test_the_whole_page_signs_in_and_shows_what_happens(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    options = shown(site, chromium, tmp_path, "index.html")
    async with running(node, "front_end.mjs", **options) as page:
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


@pytest.mark.parametrize(("host", "email"), [("localhost", PERSON), ("127.0.0.1", None)])
async def test_a_reload_stays_signed_in_if_page_and_server_have_one_host_name(
    site: Site, node: Path, chromium: Path, tmp_path: Path, host: str, email: str | None
) -> None:
    async with site.pages() as origin:
        await site.allow(origin)
        module = site.folder / "session.js"
        server = site.url.replace("127.0.0.1", host)
        module.write_text(module.read_text().replace('SERVER = ""', f'SERVER = "{server}"'))
        options = {**shown(site, chromium, tmp_path, "front_end.html"), "url": origin}
        async with running(node, "front_end.mjs", **options) as page:
            await page.wait("loaded")
            page.tell("signIn", email=PERSON, password=PASSWORD)
            await page.wait("changed")
            page.tell("ask", query="{ viewer { email } }")
            assert (await page.wait("answer"))["data"]["viewer"] == {"email": PERSON}
            page.tell("reload")
            await page.wait("loaded")
            page.tell("ask", query="{ viewer { email } }")
            viewer = (await page.wait("answer"))["data"]["viewer"]
            assert viewer == (email and {"email": email})
            page.tell("follow", query=LIVE)
            assert ("expiresAt" in await page.wait("connected")) == bool(email)
