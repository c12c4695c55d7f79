"""Windows on the incident room, in one real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.clients.script import Script, running
from tests.support.server import PASSWORD

SCRIPTS = Path(__file__).parent / "room"


@asynccontextmanager
async def windows(
    node: Path,
    chromium: Path,
    url: str,
    folder: Path,
    screenshots: Path,
    script: str,
    **more: Any,
) -> AsyncIterator[Script]:
    """Run a script of the room. At the end no page has logged an error, and axe has found no fault."""
    options: dict[str, Any] = {
        "url": url,
        "chromium": str(chromium),
        "profile": str(folder / "profile"),
        "password": PASSWORD,
        "pictures": str(screenshots),
        **more,
    }
    async with running(node, f"{script}.mjs", SCRIPTS, **options) as windows:
        yield windows
        faults = [step for step in windows.seen if step["step"] in ("complaint", "violation")]
        assert faults == [], faults
