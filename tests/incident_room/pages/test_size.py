"""A page of a company that had 819 incidents is small, and made of few statements."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from incident_room.pages.assets import Assets
from tests.incident_room.importers.test_statuspage import incident, update
from tests.incident_room.pages.conftest import Served, serving
from tests.incident_room.pages.test_export import REAL
from tests.support.clock import MovedClock
from tests.support.statements import recorded

# Bytes of the page without its styles and scripts, of these, and of all together.
MOST_PAGE, MOST_FILES = 60_000, 40_000
WORDS = "We are looking into reports of degraded performance for some of our services. " * 4
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def generated(now: datetime) -> bytes:
    """As many incidents as GitHub had in four and a half years, each with six updates."""
    parts = [
        {
            "id": f"c{n}",
            "name": f"Service number {n}",
            "status": "operational",
            "description": "What it does.",
        }
        for n in range(12)
    ]

    def begun(number: int) -> dict[str, Any]:
        since = now - timedelta(days=2 * number + 1)
        at = [(since + timedelta(minutes=20 * step)).isoformat() for step in range(6)]
        said = [
            update(f"u{number}-{step}", 1, body=WORDS, created_at=at[step], display_at=at[step])
            for step in range(6)
        ]
        impact = ("minor", "minor", "major", "critical")[number % 4]
        return incident(
            f"i{number}", *said, impact=impact, created_at=at[0], started_at=at[0], updated_at=at[5],
            resolved_at=at[5], components=[parts[number % 12], parts[number * 5 % 12]],
        )  # fmt: skip

    page = {"id": "p", "updated_at": now.isoformat()}
    incidents = [begun(number) for number in range(819)]
    return json.dumps({"page": page, "components": parts, "incidents": incidents}).encode()


def moved(content: bytes, now: datetime) -> bytes:
    """Return a file whose newest incident began a day ago."""
    text = content.decode()
    newest = max(each["created_at"] for each in json.loads(text)["incidents"])
    by = now - timedelta(days=1) - datetime.fromisoformat(newest)
    return MOMENT.sub(
        lambda found: (datetime.fromisoformat(found[0]) + by).isoformat(), text
    ).encode()


# A file of a real page, which is not in this repository, is taken beside the generated one and never in its place.
@pytest.fixture(scope="module", params=["generated", *(["real"] if REAL.exists() else [])])
def content(request: pytest.FixtureRequest) -> bytes:
    now = datetime.fromtimestamp(MovedClock().now(), UTC)
    if request.param == "generated":
        return generated(now)
    return moved(Path(REAL).read_bytes(), now)


@pytest.fixture
async def full(sqlite_url: str, clock: MovedClock, content: bytes) -> AsyncIterator[Served]:
    async with serving(sqlite_url, clock, title="Acme") as made:
        report = await made.take(content)
        assert report.incidents_added == 819
        yield made


async def test_a_full_page_is_small_and_takes_few_statements(full: Served) -> None:
    with recorded(full.app.pipeline.services.database) as statements:
        page = await full.text("/")
    assert len(statements) <= 8, statements
    assert page.count("<rect") > 50
    assert page.count("<article") >= 7
    assert len(page.encode()) < MOST_PAGE
    assets = Assets()
    files = [assets.get(name) for name in ("status.css", "status.js", "mark.svg")]
    assert sum(len(each.body) for each in files if each) < MOST_FILES
    for path in ("/history/2026-12", "/history.atom"):
        assert len(await full.text(path)) < 3 * MOST_PAGE
