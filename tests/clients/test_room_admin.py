"""Administration in the room, in a real Chromium: what is pressed has its effect on others, and what is shown is true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import httpx2
import pytest
import strawberry

from incident_room.components.types import Component
from incident_room.incidents.types import Incident, IncidentUpdate
from incident_room.members.types import Member
from incident_room.pages.assets import Assets
from incident_room.root import Mutation, Query, Subscription
from incident_room.topics import INCIDENTS
from tests.clients.windows import windows
from tests.support.clock import MovedClock
from tests.support.programs import missing
from tests.support.site import ADMIN, PASSWORD, PERSON, Site
from watchword import HasScope, Info, moment

SIGN_OUT = "mutation SignOut($account: ID!) { signOutAccount(account: $account) { id } }"
ENTRIES = 60
LOG = "{ auditLog(first: 100) { nodes { at } } }"


@strawberry.type
class SlowSubscription(Subscription):
    @strawberry.subscription(permission_classes=[HasScope("incidents:write")])
    async def slowly(self, info: Info) -> AsyncIterator[str]:
        """Take one event, and no other one."""
        async for event in info.context.follow(INCIDENTS):
            await asyncio.Event().wait()
            yield str(event.kind)


class SlowSite(Site):
    """A site with a subscription that lags."""

    schema = strawberry.Schema(
        Query, Mutation, SlowSubscription, types=[Component, Incident, IncidentUpdate, Member]
    )

    async def fill_log(self, account: str) -> list[str]:
        """Make more entries of the audit log than a page has, each at its own time; return all times, the newest first."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=30) as http:
            who = {"email": ADMIN, "password": PASSWORD}
            token = (await http.post("/api/auth/login", json=who)).json()["access_token"]
            http.headers["authorization"] = f"Bearer {token}"
            for _ in range(ENTRIES):
                self.clock.move(1)
                body = {"query": SIGN_OUT, "variables": {"account": account}}
                assert "errors" not in (await http.post("/graphql", json=body)).json()
            log = (await http.post("/graphql", json={"query": LOG})).json()["data"]["auditLog"]
            return [entry["at"] for entry in log["nodes"]]

    async def roles_of(self, email: str) -> list[str]:
        roles: list[str] = (await self.ask("{ viewer { roles } }", by=email))["viewer"]["roles"]
        return roles


@pytest.fixture
async def site(sqlite_url: str, clock: MovedClock) -> AsyncIterator[SlowSite]:
    if Assets().get("room.js") is None:
        missing("The room is not built: run `make pages`.")
    async with SlowSite(sqlite_url, clock).running() as made:
        yield made


async def test_what_an_admin_presses_has_its_effect_and_what_is_shown_is_true(
    site: SlowSite, node: Path, chromium: Path, tmp_path: Path, screenshots: Path
) -> None:
    options = {"email": PERSON, "admin": ADMIN}
    async with windows(
        node, chromium, site.url, tmp_path, screenshots, "admin_changes", **options
    ) as script:
        for role in ("viewer", "commander"):
            await script.wait(role)
            assert await site.roles_of(PERSON) == [role]
            script.tell("go on")

        for mine, theirs in (
            ("Commander, Admin", "Roles: Commander → Responder"),
            ("Responder, Commander", "Roles: Responder → Viewer"),
        ):
            outrun = await script.wait("outrun")
            assert outrun["versus"] == [mine, theirs]
            assert "The member has changed" in outrun["about"][0]
        await script.wait("both")
        assert await site.roles_of(PERSON) == ["commander", "responder"]
        script.tell("go on")

        await script.wait("lagging")
        opened_at = moment(site.clock.now()).isoformat()
        for _ in range(3):
            await site.open()
        script.tell("go on")
        connections = await script.wait("connections")
        [row] = [each for each in connections["rows"] if each["cells"][2] == "Slowly"]
        assert (row["who"], row["cells"][0].split()) == ("responder", ["127.0.0.1", "Websocket"])
        # The first event is being answered, and two wait.
        assert row["cells"][3] == "2 events"
        opened, ends = (datetime.fromisoformat(each) for each in row["times"])
        assert opened.isoformat() == opened_at
        assert ends == datetime.fromisoformat(connections["lease"])
        ended = await script.wait("ended")
        assert (ended["code"], ended["reason"]) == (4401, "ended by an administrator")

        await script.wait("signed out")
        [only] = (await site.ask("{ sessions { current } }", by=PERSON))["sessions"]
        assert only["current"]
        script.tell("go on")

        versus = [(await script.wait("outrun"))["versus"] for _ in range(2)]
        assert versus == [
            ["Name: Mine", "Name: Theirs"],
            ["Name: Mine again", "Name: Theirs again"],
        ]
        tokens = await script.wait("tokens ended")
        assert (tokens["before"], tokens["first"], tokens["second"]) == (200, 401, 200)
        disabled = await script.wait("disabled")
        assert (disabled["second"], disabled["error"]) == (401, "invalid_client")
        assert disabled["buttons"] == []

        keys = await script.wait("keys")
        query = "{ signingKeys { id algorithm createdAt signsAt retiresAt } }"
        found = (await site.ask(query))["signingKeys"]
        shown = {row["who"]: (row["cells"][:2], row["times"]) for row in keys["rows"]}
        old, new = sorted(found, key=lambda key: str(key["signsAt"]))
        assert shown == {
            new["id"]: ([new["algorithm"], "Signs soon"], [new["createdAt"], new["signsAt"]]),
            old["id"]: ([old["algorithm"], "Signs"], [old["createdAt"], old["retiresAt"]]),
        }
        script.tell("go on")

        await script.wait("audit")
        times = await site.fill_log(await site.person())
        script.tell("go on")
        pages = await script.wait("pages")
        assert pages["newest"] == {"times": times[:50], "buttons": ["Older"]}
        assert pages["older"] == {"times": times[50:], "buttons": ["Newer"]}
        assert pages["again"] == pages["newest"]
        await script.rest()
