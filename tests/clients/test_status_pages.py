"""Every page of the public in a real Chromium: live, in each state of the server, and whatever people write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from incident_room.pages.assets import Assets
from tests.clients.account import Account
from tests.clients.responder import Responder
from tests.clients.script import Script
from tests.clients.test_status_page import (
    OPEN,
    asked,
    everybody_can_read,
    go,
    opened,
    reader,
    shot,
)
from tests.incident_room.documents import OPEN as OPEN_HERE
from tests.incident_room.documents import POST, REGISTER, RESOLVE
from tests.incident_room.pages.conftest import Served, serving
from tests.incident_room.pages.many_incidents import KINDS, recent
from tests.support.away import away
from tests.support.clock import MovedClock
from tests.support.cut_proxy import cut_proxy
from tests.support.other_servers import serving_by
from tests.support.programs import missing
from tests.support.server import live_server
from tests.support.statements import recorded
from watchword import decode_id

UPDATE = """mutation Post($incident: ID!, $body: String!, $status: IncidentStatus) {
  postUpdate(input: {incident: $incident, body: $body, status: $status}) { id }
}"""
OFF = "Not live"
LONG, ARABIC, PEOPLE = "Zahlungsdienst" * 15, "تعطلت خدمة الدفع في جميع المناطق", "👩‍👩‍👧‍👦🏳️‍🌈" * 30


@pytest.fixture(autouse=True)
def bundled() -> None:
    if Assets().get("status.js") is None:
        missing("The scripts of the pages are not built: run `make pages`.")


@asynccontextmanager
async def listening(
    url: str, clock: MovedClock, **settings: Any
) -> AsyncIterator[tuple[Served, str]]:
    """Serve the page in this process on a real socket for a block; yield it with its address."""
    async with serving(url, clock, **settings) as served:

        async def app(scope: Any, receive: Any, send: Any) -> None:
            # It has begun, and ends with the block.
            assert scope["type"] != "lifespan"
            await served.app(scope, receive, send)

        async with serving_by("uvicorn", app) as (address, _):
            yield served, address


async def shows(script: Script, text: str) -> None:
    script.tell("wait", text=text)
    await script.wait("shown")


async def test_every_page_is_live_over_several_processes_and_after_a_cut(
    node: Path, chromium: Path, postgres_url: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with live_server(home, postgres_url) as one, live_server(home, postgres_url) as other:
        account: Account = {"url": one.url, "email": one.email, "password": one.password}
        async with (
            Responder.signed_in(account) as responder,
            cut_proxy(other.url) as proxy,
            reader(node, chromium, tmp_path, f"http://127.0.0.1:{proxy.port}") as script,
        ):
            await opened(script)
            made = (await asked(responder, OPEN, name="Invoices are late"))["openIncident"]["id"]
            await shows(script, "Invoices are late")

            async def said(body: str, **more: str) -> None:
                await asked(responder, UPDATE, incident=made, body=body, **more)
                await shows(script, body)

            for path in (f"/incidents/{decode_id(made, 'Incident')}", "/incidents"):
                await go(script, path)
                await shows(script, "Live")
                loads = [step["step"] for step in script.seen].count("navigated")
                await said(f"Said to readers of {path}.")
                proxy.cut()
                await said(f"Said to readers of {path} during a cut.")
                assert [step["step"] for step in script.seen].count("navigated") == loads
            await go(script, "/history")
            await shows(script, "Live")
            await said("It is over.", status="RESOLVED")


async def test_without_scripts_the_second_readers_page_asks_the_database_for_nothing(
    node: Path, chromium: Path, sqlite_url: str, clock: MovedClock, tmp_path: Path
) -> None:
    async with listening(sqlite_url, clock) as (served, url):
        await served.text("/")
        await served.change(OPEN_HERE, name="Checkout fails", body="We look.")
        # The first reader after a change.
        await served.text("/")
        with recorded(served.app.pipeline.services.database) as statements:
            async with reader(node, chromium, tmp_path, url, javascript=False) as script:
                assert "Checkout fails" in (await script.wait("opened"))["text"]
        assert statements == []
        asked_for = [step["type"] for step in script.seen if step["step"] == "request"]
        assert (asked_for.count("document"), asked_for.count("script")) == (1, 0)


async def test_while_the_database_is_away_everybody_can_read_that_and_the_page_comes_back_by_itself(
    node: Path,
    chromium: Path,
    sqlite_url: str,
    clock: MovedClock,
    tmp_path: Path,
    screenshots: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {"screenshots": str(screenshots)}
    async with listening(sqlite_url, clock) as (served, url):
        await served.change(OPEN_HERE, name="Checkout fails", body="We look.")
        await served.text("/")
        database = type(served.app.pipeline.services.database)
        gone = away(ConnectionError("the database is away"))

        async def rows(*_: Any, **__: Any) -> Any:
            raise gone

        for path, said, name in (
            ("/", "The newest state cannot be read just now", "stale"),
            ("/incidents", "The state cannot be read just now", "away"),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(database, "rows", rows)
                # Nothing that was kept may be used without a look at the log.
                clock.move(3_600)
                profile = tmp_path / name
                async with reader(node, chromium, profile, url, path=path, **options) as script:
                    assert said in (await script.wait("opened"))["text"]
                    await everybody_can_read(script, name)
                    await shows(script, OFF)
                    patch.undo()
                    for old in (said, OFF):
                        script.tell("wait", text=old, isGone=True)
                        await script.wait("shown")
                    await shows(script, "We look.")


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_is_wider_than_a_phone_whatever_people_write(
    kind: str,
    node: Path,
    chromium: Path,
    sqlite_url: str,
    clock: MovedClock,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    settings = {
        "title": "Zahlungsverkehrs" * 6,
        "about": LONG,
        "links": [{"text": "Hilfezentrum" * 5, "url": "https://example.com/" + "x" * 400}],
    }
    async with listening(sqlite_url, clock, **settings) as (served, url):
        await served.take(recent(kind, datetime.fromtimestamp(clock.now(), UTC)))
        paths = await filled(served)
        options = {"screenshots": str(screenshots), "path": "/"}
        async with reader(node, chromium, tmp_path, url, **options) as script:
            await script.wait("opened")
            for name, path in paths.items():
                await go(script, path)
                for width in (320, 390):
                    script.tell("look", scheme="light", width=width)
                    script.tell("overflow")
                    found = await script.wait("overflow")
                    assert (found["pixels"], found["beyond"]) == (0, []), (path, width)
                await shot(script, f"long-{name}-{kind}")
                script.tell("axe")
                assert (await script.wait("checked"))["violations"] == [], path


async def filled(served: Served) -> dict[str, str]:
    """Write what is long, from right to left, or of many code points; return the paths of all pages by a name."""
    parts = [
        (await served.change(REGISTER, name=name[:200], group=name[:200], description=name))["id"]
        for name in (LONG, ARABIC, PEOPLE)
    ]
    keys = []
    for name in (LONG, ARABIC, PEOPLE):
        body = (name + " ") * (5_000 // len(name)) if name != LONG else "x" * 5_000
        given = {"name": name[:200], "body": body[:5_000], "components": parts}
        keys.append((await served.change(OPEN_HERE, **given))["id"])
    for number in range(52):
        body = f"{number}: https://example.com/{'x' * 300}"
        await served.change(POST, incident=keys[0], body=body)
    over = (await served.change(OPEN_HERE, name=LONG[:200], body=LONG))["id"]
    await served.change(RESOLVE, incident=over, body=LONG)
    first = f"/incidents/{decode_id(keys[0], 'Incident')}"
    page = await served.text(first)
    after = page.partition('<a href="?after=')[2].partition('"')[0]
    assert after
    one, two = (f"/incidents/{decode_id(key, 'Incident')}" for key in keys[1:])
    return {
        "status": "/",
        "open": "/incidents",
        "incident": first,
        "earlier": f"{first}?after={after}",
        "arabic": one,
        "emoji": two,
        "history": "/history",
        "missing": "/incidents/nothing",
    }
