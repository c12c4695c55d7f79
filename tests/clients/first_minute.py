"""The first minute of a newcomer with `make run`: the public page in one window, a demo person in another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.clients.script import Step, running
from tests.clients.windows import SCRIPTS
from tests.support.server import LiveServer

RESPONDER = "responder@demo.example"
# A server that is given the admin's password makes demo people only if it is asked to.
WITH_PEOPLE = {"WATCHWORD_DEMO_PEOPLE": "true"}


async def first_minute(
    node: Path, chromium: Path, server: LiveServer, folder: Path, **more: Any
) -> list[Step]:
    """Go through it with the demo person's password that the server has printed. Returns the steps; the last says how it was."""
    printed = re.search(rf"^  {RESPONDER} +(\S+)$", server.log, re.MULTILINE)
    assert printed is not None, server.log
    options = {
        "url": server.url,
        "chromium": str(chromium),
        "profile": str(folder / "profile"),
        "email": RESPONDER,
        "password": printed[1],
        **more,
    }
    async with running(node, "recording.mjs", SCRIPTS, **options) as script:
        return await script.rest()
