"""The explorer over the life of a token and a server, with every factor, and where tokens must be bound."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pyotp import TOTP

from tests.clients.script import running
from tests.support.clock import MovedClock
from tests.support.path_proxy import behind_a_path
from tests.support.server import issuing, live_server
from tests.support.site import LIFE, PASSWORD, PERSON, Site

# The browser reports requests that are refused; the page logs no error.
REFUSED = "status of 40"


def options(site: Site, chromium: Path, folder: Path, **more: Any) -> dict[str, Any]:
    """Return the options of a script."""
    profile = str(folder / "profile")
    account = {"email": PERSON, "password": PASSWORD}
    return {"url": site.url, "chromium": str(chromium), "profile": profile, **account, **more}


@pytest.fixture
async def site(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Site]:
    async with Site(sqlite_url, clock).running(at_a_name=True) as made:
        yield made


async def test_a_person_signs_in_by_passkey_steps_up_and_signs_in_by_code(
    site: Site, node: Path, chromium: Path, tmp_path: Path, screenshots: Path
) -> None:
    given = options(site, chromium, tmp_path, screenshots=str(screenshots))
    async with running(node, "explorer_factors.mjs", **given) as script:
        assert (await script.wait("registered"))["data"]["addPasskey"]["id"]
        signed_in = await script.wait("by passkey")
        assert PERSON in signed_in["text"]
        assert signed_in["answer"] == {"data": {"viewer": {"email": PERSON}}}
        app = TOTP((await script.wait("enrolling"))["secret"])
        script.tell("enrol", otp=app.at(site.clock.now()))
        for said in ("stepped up", "by password and code", "acting", "cancelled"):
            await script.wait("later")
            site.clock.move(3_600)
            script.tell("go on")
            if said == "by password and code":
                await script.wait("needs a code again")
                script.tell("code", otp=app.at(site.clock.now()))
            done = await script.wait(said)
            assert done.get("count", 10) == 10
            if said == "acting":
                assert done["answer"] == {"data": {"viewer": {"scopes": ["incidents:read"]}}}
        cancelled = done["answer"]["errors"][0]
        assert cancelled["extensions"]["code"] == "STEP_UP_REQUIRED"
        passkey, two_factors = await script.wait("demanded"), await script.wait("demanded")
        assert (passkey["about"], passkey["fields"]) == ("This needs a passkey.", [])
        assert two_factors["fields"] == ["password", "code"]
        await script.wait("needs a code")
        script.tell("code", otp=app.at(site.clock.now()))
        assert PERSON in (await script.wait("by code"))["text"]
        assert PERSON in (await script.wait("by recovery code"))["text"]
        await script.wait("done")
    complaints = [step["text"] for step in script.seen if step["step"] == "complaint"]
    assert [text for text in complaints if REFUSED not in text] == []


async def test_a_subscription_lives_over_renewal_expiry_and_a_restart(
    site: Site, node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with running(node, "explorer_life.mjs", **options(site, chromium, tmp_path)) as script:
        await script.wait("following")
        for clock, said in ((LIFE - 60, "Renewed at"), (10 * LIFE, "Connected until")):
            site.clock.move(clock)
            script.tell("connection", says=said)
            await script.wait("connection")
            await sees(script, site)
        await site.stop()
        script.tell("connection", says="Cut off; again in")
        await script.wait("connection")
        await site.start()
        await sees(script, site)
        script.tell("events")
        names = (await script.wait("events"))["names"]
        # Each once, and the newest first.
        assert names == site.opened[::-1]
        assert await site.end_connections() == 1
        script.tell("connection", says="ended by an administrator")
        assert "again in" not in (await script.wait("connection"))["text"]


async def sees(script: Any, site: Site) -> None:
    """Open an incident, and wait until the page lists it."""
    name = await site.open()
    script.tell("sees", name=name)
    await script.wait("seen")


async def test_where_tokens_must_be_bound_the_page_binds_them(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    # The browser's clock is in its proofs, so the server's is the machine's too.
    async with behind_a_path(tmp_path / "home", WATCHWORD_DPOP="required") as server:
        account = {"email": server.email, "password": server.password}
        where = {"url": server.environment["WATCHWORD_ISSUER"], "chromium": str(chromium)}
        profile = {"profile": str(tmp_path / "profile")}
        async with running(node, "explorer_life.mjs", **where, **profile, **account) as script:
            await script.wait("following")
            script.tell("ask", query="{ viewer { email } }")
            answer = (await script.wait("answer"))["answer"]
            assert answer == {"data": {"viewer": {"email": server.email}}}


async def test_what_the_page_is_told_of_the_schema_follows_the_person_and_its_scopes(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    with issuing(tmp_path / "home", WATCHWORD_INTROSPECTION="hidden") as server:
        account = {"email": server.email, "password": server.password}
        where = {"url": server.environment["WATCHWORD_ISSUER"], "chromium": str(chromium)}
        profile = {"profile": str(tmp_path / "profile")}
        async with running(node, "explorer_schema.mjs", **where, **profile, **account) as script:
            nobody = (await script.wait("nobody"))["mutations"]
            assert "changePassword" in nobody
            assert "openIncident" not in nobody
            assert "openIncident" in (await script.wait("signed in"))["mutations"]
            assert (await script.wait("acting"))["mutations"] == nobody
            assert "openIncident" in (await script.wait("acting no more"))["mutations"]
            assert (await script.wait("signed out"))["mutations"] == nobody
            # The editors have the colours of the system, also when these change.
            assert (await script.wait("colours"))["dark"] == [False, True]
            assert (await script.wait("done"))["more"] == 0


async def test_where_only_trusted_documents_are_taken_a_developer_sees_the_schema_once_signed_in(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({"type": "{ __typename }"}))
    settings = {"WATCHWORD_DOCUMENTS": str(manifest), "WATCHWORD_DOCUMENTS_ONLY": "true"}
    with live_server(tmp_path / "home", **settings) as server:
        where = {"url": server.url, "chromium": str(chromium), "profile": str(tmp_path / "profile")}
        account = {"email": server.email, "password": server.password}
        async with running(node, "explorer_life.mjs", **where, **account) as script:
            await script.wait("following")
            script.tell("schema")
            await script.wait("schema")
