"""The incident room in a real Chromium: several people in windows of their own, by the keyboard, checked by axe.

The pictures of every page are in the folder `pictures` of the test's temporary directory; `ROOM_PICTURES` names another.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from incident_room.pages.assets import Assets
from tests.clients.script import Script, running
from tests.support.programs import missing
from tests.support.server import PASSWORD, LiveServer, issuing

# Name, role, and the first part of the address. The last two are changed by the test about administration alone.
PEOPLE = (
    ("Vera Viewer", "viewer", "viewer"),
    ("Rosa Responder", "responder", "responder"),
    ("Carl Commander", "commander", "commander"),
    ("Ada Admin", "admin", "ada"),
    ("Milo Member", "viewer", "milo"),
)
SCRIPTS = Path(__file__).parent / "room"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with the demo data, and a person for each role."""
    if Assets().get("room.js") is None:
        missing("The room is not built: run `make pages`.")
    with issuing(tmp_path_factory.mktemp("room")) as server:
        for name, role, address in PEOPLE:
            given = ("--name", name, "--role", role, "--password", PASSWORD)
            server.run("accounts", "add", f"{address}@example.com", *given)
        yield server


@asynccontextmanager
async def windows(
    node: Path, chromium: Path, room: LiveServer, folder: Path, script: str
) -> AsyncIterator[Script]:
    options: dict[str, Any] = {
        "url": room.environment["WATCHWORD_ISSUER"],
        "chromium": str(chromium),
        "profile": str(folder / "profile"),
        "password": PASSWORD,
        "pictures": str(_pictures(folder)),
    }
    async with running(node, f"{script}.mjs", scripts=SCRIPTS, **options) as windows:
        yield windows
        faults = [step for step in windows.seen if step["step"] in ("complaint", "violation")]
        assert faults == []


def _pictures(folder: Path) -> Path:
    pictures = Path(os.environ.get("ROOM_PICTURES") or folder / "pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    return pictures


async def test_what_one_person_does_appears_in_the_windows_of_the_others(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path
) -> None:
    async with windows(node, chromium, room, tmp_path, "together") as script:
        together = await script.wait("together")
        assert "Rosa Responder (you)" in str(together["rosa"])
        assert "Carl Commander (you)" in str(together["carl"])
        changed = await script.wait("changed")
        assert changed["responder"] == ["Change status", "Change impact", "Components"]
        assert changed["commander"][-2:] == ["Assign commander", "Resolve"]
        assert changed["viewer"] == []
        assert changed["internal"] == []
        conflict = await script.wait("conflict")
        assert "The queue moves again." in str(conflict["yours"])
        assert "Status: Identified → Monitoring" in str(conflict["theirs"])
        assert "We restarted the queue." in str(conflict["theirs"])
        await script.wait("came back")
        assert (await script.wait("resolved"))["responder"] == []
        assert (await script.wait("ended"))["other"] == ["This one"]
        await script.rest()


async def test_an_admin_ends_a_connection_and_a_person_signs_in_with_every_factor(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path
) -> None:
    async with windows(node, chromium, room, tmp_path, "administration") as script:
        rows = (await script.wait("connections"))["rows"]
        [milo] = [row for row in rows if row.startswith("Milo Member")]
        assert "127.0.0.1" in milo
        assert "RoomIncidents" in milo
        await script.wait("connection ended")
        assert (await script.wait("key"))["states"] == ["Signs soon", "Signs"]
        # Both secrets of the new client are good, until the older one is removed.
        client = await script.wait("client")
        assert (client["tokens"], client["after"]) == ([200, 200], [401, 200])
        actions = (await script.wait("audit"))["actions"]
        assert {"Connection ended", "Key added", "Roles changed"} <= {*actions}
        code = await script.wait("qr code")
        assert code["marks"] == [True, True, True]
        assert code["size"] >= 33  # modules, as many as the secret with its names needs
        assert (await script.wait("codes"))["recovery"] == 10
        await script.wait("passkey")
        await script.wait("second factor")
        await script.rest()


async def test_the_page_is_always_that_of_the_person_who_is_signed_in(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path
) -> None:
    async with windows(node, chromium, room, tmp_path, "persons") as script:
        for step in ("no such page", "came in late", "secret", "somebody else", "untold", "out"):
            await script.wait(step)
        await script.rest()


async def test_every_page_is_readable_light_and_dark_wide_and_narrow(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path
) -> None:
    async with windows(node, chromium, room, tmp_path, "pictures") as script:
        await script.wait("done")
        await script.rest()
        checked = {step["what"] for step in script.seen if step["step"] == "checked"}
        assert {
            "sign-in, dark, narrow",
            "incident, light, wide",
            "admin-audit, dark, narrow",
        } <= checked
        assert len(checked) >= 4 * 12
