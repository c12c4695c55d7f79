"""The room and the public page by the keyboard alone, and what a screen reader is told: in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from incident_room.pages.assets import Assets
from tests.clients.windows import windows
from tests.support.programs import missing
from tests.support.server import PASSWORD, LiveServer, issuing

SAID = ("opened by another", "posted by another", "changed beside a dialog", "read")
# What each page calls the window; the dialog leaves the title of its page.
PAGES = {
    "sign-in": "Incident room",
    "list": "Incidents · Incident room",
    "open an incident": "Incidents · Incident room",
    "incident": "Checkout fails for some customers · Incident room",
    "components": "Components · Incident room",
    "account": "Account · Incident room",
    "members": "Members · Incident room",
    "connections": "Live connections · Incident room",
    "clients": "Clients · Incident room",
    "keys": "Signing keys · Incident room",
    "audit": "Audit log · Incident room",
    "public page": "Major outage · Status",
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with the demo data, and two responders."""
    if Assets().get("room.js") is None:
        missing("The room is not built: run `make pages`.")
    with issuing(tmp_path_factory.mktemp("room")) as server:
        given = ("--name", "Rosa", "--role", "responder", "--password", PASSWORD)
        server.run("accounts", "add", "responder@example.com", *given)
        yield server


async def test_the_keyboard_reaches_everything_and_a_screen_reader_is_told(
    node: Path, chromium: Path, room: LiveServer, tmp_path: Path, screenshots: Path
) -> None:
    async with windows(node, chromium, room.url, tmp_path, screenshots, "keyboard") as script:
        keys = await script.wait("by keys")
        assert keys["impact"] == ["Major"]
        bodies = ["All have one.", "A mouse was found.", "Nobody has a mouse."]
        assert keys["updates"] == bodies
        await script.wait("done")
        await script.rest()
    # `windows` fails at a control that is not reached once, is out of order, or does not show the focus.
    toured = {step["what"]: step for step in script.seen if step["step"] == "toured"}
    assert {what: step["title"] for what, step in toured.items()} == PAGES
    assert all(step["controls"] >= 5 for step in toured.values())
    focused = {step["step"]: step["focused"] for step in script.seen if "focused" in step}
    assert focused == {
        # What is shown instead of a page has the focus.
        "signed in": "main: Incidents",
        "followed a link": "main: Incidents",
        "signed out": "main: Incident room",
        # The next entry has it; after the last one, the title.
        "ended one": "button: End",
        "ended the last": "h2: Sessions",
        "went on": "input: Name of the new passkey",
        "hidden": "button: Hide from the public",
        # A button that was disabled while the server was asked.
        "refused": "button: Change the password",
        "read": "a: Screens are blank",
        "moved to the past": "a: Screens are blank",
    }
    told = {step["step"]: step["told"] for step in script.seen if "told" in step}
    assert told == dict.fromkeys(SAID, True)
