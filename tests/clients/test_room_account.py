"""The account in the room, in a real Chromium: each change is pressed, asks for a recent sign-in, and is seen in the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pyotp import TOTP

from incident_room.pages.assets import Assets
from tests.clients.script import Script
from tests.clients.windows import windows
from tests.support.clock import MovedClock
from tests.support.npm_package import bundled
from tests.support.programs import missing
from tests.support.site import PASSWORD, PERSON, Site

# Seconds after which a sign-in is not recent; its token is still good.
LATER = 400


@pytest.fixture
async def site(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Site]:
    if Assets().get("room.js") is None:
        missing("The room is not built: run `make pages`.")
    async with Site(sqlite_url, clock).running(at_a_name=True) as made:
        yield made


async def sign_in(site: Site, **more: str) -> Any:
    """Sign in as the person; return the tokens, or the error."""
    async with httpx2.AsyncClient(base_url=site.url, timeout=30) as client:
        body = {"email": PERSON, "password": PASSWORD, **more}
        return (await client.post("/api/auth/login", json=body)).json()


async def ask(site: Site, token: str, query: str) -> Any:
    async with httpx2.AsyncClient(base_url=site.url, timeout=30) as client:
        headers = {"authorization": f"Bearer {token}"}
        answer = (await client.post("/graphql", json={"query": query}, headers=headers)).json()
    return answer["data"]


async def sessions(site: Site) -> int:
    """Return how many sessions the person has beside the one that asks."""
    return len((await site.ask("{ sessions { id } }", by=PERSON))["sessions"]) - 1


async def wait_a_while(script: Script, site: Site) -> None:
    """Let the last sign-in of the script be no recent one."""
    await script.wait("later")
    site.clock.move(LATER)
    script.tell("go on")


async def test_each_change_of_an_account_asks_for_a_recent_sign_in_and_is_made_in_the_server(
    site: Site, node: Path, chromium: Path, tmp_path: Path, screenshots: Path
) -> None:
    options = {"email": PERSON, "package": bundled("index", "passkeys")}
    async with windows(
        node, chromium, site.url, tmp_path, screenshots, "account_changes", **options
    ) as script:
        # One window is signed out, and the other is not yet.
        assert (await script.wait("ended one"))["left"] == ["Incident room", "Incidents"]
        assert await sessions(site) == 2
        script.tell("go on")
        await script.wait("ended all")
        assert await sessions(site) == 1
        script.tell("go on")

        await wait_a_while(script, site)
        app = TOTP((await script.wait("enrolling"))["secret"])
        script.tell("enrol", otp=app.at(site.clock.now()))
        old = (await script.wait("codes"))["recovery"]
        assert (await sign_in(site))["error"] == "mfa_required"
        assert "access_token" in await sign_in(site, recovery_code=old[1])
        script.tell("go on")

        await wait_a_while(script, site)
        await script.wait("code")
        script.tell("code", otp=app.at(site.clock.now()))
        new = (await script.wait("new codes"))["recovery"]
        assert (await sign_in(site, recovery_code=old[2]))["error"] == "invalid_grant"
        token = (await sign_in(site, recovery_code=new[1]))["access_token"]
        [passkey] = (await ask(site, token, "{ passkeys { usedAt } }"))["passkeys"]
        assert passkey["usedAt"] is not None
        script.tell("go on")

        await wait_a_while(script, site)
        await script.wait("passkey removed")
        assert (await ask(site, token, "{ passkeys { id } }"))["passkeys"] == []
        script.tell("go on")

        await wait_a_while(script, site)
        assert (await script.wait("ways"))["buttons"] == ["Confirm"]
        await script.wait("code")
        script.tell("code", otp=app.at(site.clock.now()))
        await script.wait("codes off")
        assert "access_token" in await sign_in(site)
        script.tell("go on")
        await with_the_package(script, site)
        await script.rest()


async def with_the_package(script: Script, site: Site) -> None:
    """Follow an app that authenticates again in each way: it hears each demand once, and the change is made."""
    recent = await script.wait("recent")
    assert (recent["heard"], [*recent["data"]]) == ([], ["beginTotp"])
    await wait_a_while(script, site)
    nothing = await script.wait("nothing given")
    assert (nothing["data"], len(nothing["heard"])) == ("STEP_UP_REQUIRED", 1)
    by_password = await script.wait("by password")
    assert [need["maxAge"] for need in by_password["heard"]] == [300]
    app = TOTP(by_password["data"]["beginTotp"]["secret"])
    script.tell("enrol", otp=app.at(site.clock.now()))
    await wait_a_while(script, site)
    await script.wait("code")
    script.tell("code", otp=app.at(site.clock.now()))
    by_code = await script.wait("by code")
    assert (by_code["data"]["name"], len(by_code["heard"])) == ("of the app", 1)
    await wait_a_while(script, site)
    by_passkey = await script.wait("by passkey")
    assert len(by_passkey["data"]["makeRecoveryCodes"]) == 10
    assert len(by_passkey["heard"]) == 1
