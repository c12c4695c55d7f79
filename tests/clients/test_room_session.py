"""The room over the life of a session: a token that is renewed, a consent that is withdrawn, and another password."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from incident_room import domain
from incident_room.pages.assets import Assets
from tests.clients.script import Script
from tests.clients.windows import windows
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.programs import missing
from tests.support.site import LIFE, OTHER, PERSON, Site
from watchword.auth.tables import Account
from watchword.oauth.authorize.consents import give
from watchword.oauth.clients.clients import add_client
from watchword.oauth.clients.registration import Registration
from watchword.storage.database import Database

REPORTER = Registration(
    "Reporter",
    grants=["authorization_code"],
    scopes=["incidents:read"],
    redirect_uris=["https://reporter.example.com/callback"],
)


@pytest.fixture
async def site(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Site]:
    if Assets().get("room.js") is None:
        missing("The room is not built: run `make pages`.")
    async with Site(sqlite_url, clock).running() as made:
        yield made


async def shows(script: Script, site: Site) -> int:
    """Open an incident, and wait until the page shows it; return how many sockets there have been."""
    script.tell(await site.open())
    sockets: int = (await script.wait("shown"))["sockets"]
    return sockets


async def test_what_happens_after_a_renewal_is_shown(
    site: Site, node: Path, chromium: Path, tmp_path: Path, screenshots: Path
) -> None:
    async with windows(
        node, chromium, site.url, tmp_path, screenshots, "renewal", email=PERSON
    ) as script:
        await script.wait("live")
        sockets = await shows(script, site)
        site.clock.move(LIFE - 60)
        await script.wait("renewed")
        # The old token has expired, and the socket goes on with the new one.
        site.clock.move(61)
        assert await shows(script, site) == sockets
        # As after the machine slept: the token has expired, and nobody has renewed it.
        site.clock.move(10 * LIFE)
        while await shows(script, site) == sockets:
            pass


async def test_a_person_withdraws_a_consent_and_changes_the_password(
    site: Site, sqlite_url: str, node: Path, chromium: Path, tmp_path: Path, screenshots: Path
) -> None:
    await consent(sqlite_url, site)
    async with windows(
        node, chromium, site.url, tmp_path, screenshots, "account", email=PERSON, next=OTHER
    ) as script:
        assert (await script.wait("consents"))["scopes"]
        await script.wait("withdrawn")
        assert await site.ask("{ consents { client } }", by=PERSON) == {"consents": []}
        for step in ("refused", "old password"):
            [fault] = (await script.wait(step))["fault"]
            assert "password" in fault.lower()
        assert (await script.wait("here"))["sessions"] == ["This one"]
        await script.wait("new password")
        await script.rest()


async def consent(database_url: str, site: Site) -> None:
    """Let the person have allowed an application to read incidents."""
    database = Database(database_url)
    async with unit_of(database, site.clock.now()) as unit:
        client = await add_client(unit, domain, REPORTER)
        account = (await unit.db.scalars(select(Account).where(Account.email == PERSON))).one()
        await give(unit, account, client.id, ["incidents:read"])
    await database.close()
