"""The incident room in a real Chromium: several people in windows of their own, by the keyboard, checked by axe.

The pictures of every page are among the screenshots of the run, and begin with "room-".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from incident_room.pages.assets import Assets
from tests.clients.rights import MANIFEST, ROLES, Rights, documents
from tests.clients.windows import windows
from tests.support.cut_proxy import cut_proxy
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
# Members beside the two that sign in. Nobody reads the lists before, so that no event has to tell of these.
MANY = 120
NUMBERS = (
    f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})"
)
CROWD = f"""{NUMBERS} INSERT INTO watchword_accounts (id, email, email_folded, name, roles, created_at, version)
SELECT printf('crowd%d', n), printf('p%d@example.com', n), printf('p%d@example.com', n), printf('Person %03d', n),
'["responder"]', printf('2040-01-01 00:%02d:%02d.000000', n / 60, n % 60), 1 FROM numbers;"""
PAST = f"""{NUMBERS} INSERT INTO incidents (id, name, impact, status, created_at, started_at, updated_at, resolved_at, version)
SELECT printf('past%d', n), printf('Past trouble %d', n), 'MINOR', 'RESOLVED', '2020-01-01', '2020-01-01',
printf('2020-01-01 00:%02d:%02d.000000', n / 60, n % 60), '2020-01-02', 1 FROM numbers;"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with serving(tmp_path_factory.mktemp("room")) as server:
        yield server


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[LiveServer]:
    """A server like `room`, with nothing that other tests have made: each thing there has buttons of its own."""
    with serving(tmp_path / "home") as server:
        yield server


@contextmanager
def serving(home: Path) -> Iterator[LiveServer]:
    """A server with the demo data, and a person for each role. It tells each of them no more than that one reaches, and takes
    only the documents of the pages."""
    if Assets().get("room.js") is None:
        missing("The room is not built: run `make pages`.")
    documents = {"WATCHWORD_DOCUMENTS": str(MANIFEST), "WATCHWORD_DOCUMENTS_ONLY": "true"}
    with issuing(home, WATCHWORD_INTROSPECTION="hidden", **documents) as server:
        for name, role, address in PEOPLE:
            given = ("--name", name, "--role", role, "--password", PASSWORD)
            server.run("accounts", "add", f"{address}@example.com", *given)
        yield server


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with more members, and more incidents that are over, than a page has."""
    home = tmp_path_factory.mktemp("crowded")
    with issuing(home) as server:
        given = ("--name", "Ada Admin", "--role", "admin", "--password", PASSWORD)
        server.run("accounts", "add", "ada@example.com", *given)
        with closing(sqlite3.connect(home / "watchword.db")) as database, database:
            database.executescript(f"{CROWD} {PAST}")
        yield server


async def test_what_one_person_does_appears_in_the_windows_of_the_others(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with (
        cut_proxy(room.url) as proxy,
        windows(
            node, chromium, room.url, tmp_path, screenshots, "together", proxy=proxy.url
        ) as script,
    ):
        together = await script.wait("together")
        assert "Rosa Responder (you)" in str(together["rosa"])
        assert "Carl Commander (you)" in str(together["carl"])
        changed = await script.wait("changed")
        assert changed["responder"] == ["Change status", "Change impact", "Components"]
        assert changed["commander"][-2:] == ["Assign commander", "Resolve"]
        assert changed["viewer"] == []
        assert changed["internal"] == []
        assert (await script.wait("focused"))["on"] == "Keep theirs"
        conflict = await script.wait("conflict")
        assert "The queue moves again." in str(conflict["yours"])
        assert "Status: Identified → Monitoring" in str(conflict["theirs"])
        assert "We restarted the queue." in str(conflict["theirs"])
        await script.wait("cut")
        proxy.is_away = True
        proxy.cut()
        script.tell("go on")
        missed = ["Said while the line was cut.", "Said a little later."]
        assert not {*missed} & {*(await script.wait("said meanwhile"))["rosa"]}
        proxy.is_away = False
        script.tell("go on")
        shown = (await script.wait("came back"))["rosa"]
        assert [body for body in shown if body in missed] == [*reversed(missed)]
        assert (await script.wait("resolved"))["responder"] == []
        assert (await script.wait("ended"))["other"] == ["This one"]
        await script.rest()


async def test_an_admin_ends_a_connection_and_a_person_signs_in_with_every_factor(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with windows(node, chromium, room.url, tmp_path, screenshots, "administration") as script:
        rows = (await script.wait("connections"))["rows"]
        [milo] = [row for row in rows if row.startswith("Milo Member")]
        assert "127.0.0.1" in milo
        assert "RoomIncidents" in milo
        await script.wait("connection ended")
        assert (await script.wait("key"))["states"] == ["Signs soon", "Signs"]
        # Both secrets of the new client are good, until the older one is removed.
        client = await script.wait("client")
        assert (client["tokens"], client["after"]) == ([200, 200], [401, 200])
        # One of the keys signs at a time, and there is no secret.
        signer = await script.wait("signer")
        assert (signer["before"], signer["after"]) == ([200, 401], [401, 200])
        assert signer["secrets"] == []
        audit = await script.wait("audit")
        assert {"Connection ended", "Key added", "Roles changed"} <= {*audit["actions"]}
        assert {"Ada Admin", "Milo Member"} <= {*audit["accounts"]}
        assert audit["roles"] == [["Milo Member", "Ada Admin"]]
        assert "operator" in audit["by"]
        assert audit["lines"] == 1
        code = await script.wait("qr code")
        assert code["marks"] == [True, True, True]
        assert code["size"] >= 33  # modules, as many as the secret with its names needs
        codes = await script.wait("codes")
        # Each stands on a line of its own, as it is copied.
        assert (codes["recovery"], codes["lines"]) == (10, 1)
        await script.wait("passkey")
        await script.wait("second factor")
        assert "9" in (await script.wait("recovery code"))["said"]
        await script.wait("used recovery code")
        await script.rest()


async def test_components_are_kept_outside_of_incidents(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with windows(node, chromium, room.url, tmp_path, screenshots, "components") as script:
        links = await script.wait("links")
        assert "Components" in links["responder"]
        assert "Components" not in links["viewer"]
        conflict = await script.wait("conflict")
        assert "The component has changed" in conflict["about"][0]
        mine = "Degraded performance"
        assert conflict["versus"] == [mine, "Status: Operational → Partial outage"]
        again = await script.wait("conflict")
        assert again["versus"] == [mine, "Status: Partial outage → Major outage"]
        await script.wait("done")
        await script.rest()


async def test_lists_longer_than_a_page_have_a_button_for_more(
    node: Path, chromium: Path, crowded: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with windows(node, chromium, crowded.url, tmp_path, screenshots, "lists") as script:
        members = await script.wait("members")
        assert (members["first"], members["said"]) == (100, [f"100 of {MANY + 2} members"])
        assert (await script.wait("all members"))["shown"] == MANY + 2
        disabled = await script.wait("disabled")
        assert (disabled["shown"], disabled["marked"]) == (MANY + 2, ["Disabled"])
        assert disabled["offered"] == ["Roles", "Enable"]
        enabled = await script.wait("enabled")
        assert (enabled["marked"], enabled["offered"]) == ([], ["Roles", "Sign out", "Disable"])
        connections = await script.wait("connections")
        assert (connections["shown"], connections["again"]) == (101, 101)
        incidents = await script.wait("incidents")
        assert (incidents["shown"], "30 of" in str(incidents["said"])) == (30, True)
        commanders = await script.wait("commanders")
        # All of them, and nobody.
        assert (commanders["offered"], commanders["focused"]) == (
            MANY + 3,
            [f"All {MANY + 2} members"],
        )
        await script.rest()


async def test_the_page_is_always_that_of_the_person_who_is_signed_in(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with windows(node, chromium, room.url, tmp_path, screenshots, "persons") as script:
        for step in ("no such page", "came in late", "secret", "somebody else", "untold", "out"):
            await script.wait(step)
        await script.rest()


async def test_another_authentication_is_asked_by_what_is_demanded_and_by_what_the_person_has(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with windows(node, chromium, room.url, tmp_path, screenshots, "factors") as script:
        none = await script.wait("none of one")
        assert "You have none: add one in your account" in none["about"]
        assert (none["fields"], none["buttons"]) == ([], ["Open your account"])
        none = await script.wait("none of two")
        assert "You have neither" in none["about"]
        assert (none["fields"], none["buttons"]) == ([], ["Open your account"])
        unknown = await script.wait("unknown class")
        assert "urn:example:gold" in unknown["about"]
        assert (unknown["fields"], unknown["buttons"]) == ([], ["Close"])
        # Who has dismissed the dialog goes on where it was opened.
        assert (await script.wait("dismissed"))["focused"] == "Add a passkey"
        recent = await script.wait("recent")
        assert (recent["fields"], recent["buttons"]) == (["Password"], ["Confirm"])
        passkey = await script.wait("a passkey")
        assert passkey["about"] == "This needs a passkey."
        assert (passkey["fields"], passkey["buttons"]) == ([], ["Use a passkey"])
        assert (await script.wait("by passkey"))["steppedUp"] == 1
        # What takes the place of a button has its focus.
        focused = (await script.wait("focus"))["focused"]
        assert focused == ["Remove", "Scan this picture", "Keep these recovery codes."]
        code = await script.wait("a code")
        assert code["fields"] == ["Password", "One-time code"]
        assert code["buttons"] == ["Use a passkey", "Confirm"]
        assert (await script.wait("by code"))["steppedUp"] == 1
        await script.rest()


async def test_every_page_is_readable_light_and_dark_wide_and_narrow(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with windows(node, chromium, room.url, tmp_path, screenshots, "pictures") as script:
        await script.wait("done")
        await script.rest()
        checked = {step["what"] for step in script.seen if step["step"] == "checked"}
        assert {
            "sign-in, dark, narrow",
            "incident, light, wide",
            "admin-audit, dark, narrow",
        } <= checked
        assert len(checked) >= 4 * 12


async def test_each_role_is_offered_what_the_server_allows_it_and_nothing_else(
    node: Path, chromium: Path, untouched: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with Rights.of(untouched) as rights:
        options = {"roles": [*ROLES], "incidents": rights.incidents}
        async with windows(
            node, chromium, untouched.url, tmp_path, screenshots, "rights", **options
        ) as script:
            offered = {role: {*(await script.wait(role))["offered"]} for role in ROLES}
            await script.rest()
        for role in ROLES:
            expected = {button for button, (roles, _, _) in rights.table.items() if role in roles}
            assert offered[role] == expected, role
        assert {button: await rights.allowed(button) for button in rights.table} == {
            button: roles for button, (roles, _, _) in rights.table.items()
        }


async def test_somebody_is_faster_at_each_change_of_an_incident_and_both_choices_are_made(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with windows(
        node, chromium, room.url, tmp_path, screenshots, "faster", documents=documents()
    ) as script:
        made = {}
        for _ in range(6):
            found = await script.wait("faster")
            assert found["kept"], found
            made[found["name"]] = found["after"]
        assert made == {
            "Change status": "MONITORING",
            "Change impact": "MAJOR",
            "Components": "Webhooks",
            "Assign commander": "Carl Commander",
            "Post update": "Mine is posted.",
            "Resolve": "RESOLVED",
        }
        assert "Refunds are slow" in (await script.wait("public"))["past"][0]
        component = await script.wait("component")
        assert (component["api"], component["statuspage"]) == ("MAJOR_OUTAGE", "major_outage")
        assert "Major outage" in component["page"]
        await script.rest()
