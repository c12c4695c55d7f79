"""A page of a company that had 819 incidents is small, and made of few statements."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from incident_room.pages.assets import Assets
from incident_room.pages.documents import MOST_UPDATES
from tests.incident_room.documents import OPEN, POST
from tests.incident_room.pages.conftest import Served, serving
from tests.incident_room.pages.many_incidents import COUNT, KINDS, REAL, WORDS, generated
from tests.support.clock import MovedClock
from tests.support.statements import recorded
from watchword import decode_id

# Bytes of the page without its styles and scripts, of these, and of all together.
MOST_PAGE, MOST_FILES = 60_000, 40_000
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def moved(content: bytes, now: datetime) -> bytes:
    """Return a file whose newest incident began a day ago."""
    text = content.decode()
    newest = max(each["created_at"] for each in json.loads(text)["incidents"])
    by = now - timedelta(days=1) - datetime.fromisoformat(newest)
    return MOMENT.sub(
        lambda found: (datetime.fromisoformat(found[0]) + by).isoformat(), text
    ).encode()


@pytest.fixture(scope="module", params=KINDS)
def content(request: pytest.FixtureRequest) -> bytes:
    now = datetime.fromtimestamp(MovedClock().now(), UTC)
    if request.param == "generated":
        return generated(now)
    return moved(REAL.read_bytes(), now)


@pytest.fixture
async def full(sqlite_url: str, clock: MovedClock, content: bytes) -> AsyncIterator[Served]:
    async with serving(sqlite_url, clock, title="Acme") as made:
        report = await made.take(content)
        assert report.incidents_added == COUNT
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


async def test_the_page_of_a_long_incident_is_small_and_says_how_many_updates_are_left(
    served: Served,
) -> None:
    opened = await served.change(OPEN, name="It lasts", impact="MINOR", body="We look.")
    for _ in range(200):
        await served.change(POST, incident=opened["id"], body=WORDS, visibility="PUBLIC")
    await served.app.pipeline.services.hub.look()
    page = await served.text(f"/incidents/{decode_id(opened['id'], 'Incident')}")
    assert len(page.encode()) < MOST_PAGE
    assert f"{201 - MOST_UPDATES} earlier updates</a>" in page
