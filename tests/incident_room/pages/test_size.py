"""A page of a company that had 819 incidents is small, and made of few statements."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from incident_room.pages.assets import Assets
from incident_room.pages.documents import MOST_UPDATES
from tests.incident_room.documents import OPEN, POST
from tests.incident_room.pages.conftest import Served, serving
from tests.incident_room.pages.many_incidents import COUNT, KINDS, WORDS, recent
from tests.support.clock import MovedClock
from tests.support.programs import missing
from tests.support.statements import recorded
from watchword import decode_id

# Bytes that a browser gets at its first look: the page with its styles, script and picture, as they are sent. And those of
# a page by itself, before it is compressed.
MOST, MOST_PAGE = 60_000, 60_000
FILE = re.compile(r'(?:src|href)="(assets/[^"]+)"')


@pytest.fixture(scope="module", params=KINDS)
def content(request: pytest.FixtureRequest) -> bytes:
    return recent(request.param, datetime.fromtimestamp(MovedClock().now(), UTC))


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
    for path in ("/history/2026-12", "/history.atom"):
        assert len(await full.text(path)) < 3 * MOST_PAGE


async def test_all_that_a_browser_gets_of_a_full_page_at_its_first_look_is_small(
    full: Served,
) -> None:
    if Assets().get("status.js") is None:
        missing("The scripts of the pages are not built: run `make pages`.")
    files = FILE.findall(await full.text("/"))
    assert {name.rpartition(".")[2] for name in files} == {"css", "js", "svg"}
    sizes = {name: await transferred(full, name) for name in ("/", *files)}
    print(f"The first look takes {sum(sizes.values()):,} bytes: {sizes}")
    assert sum(sizes.values()) < MOST


async def transferred(served: Served, path: str) -> int:
    """Return how many bytes a browser gets as the body of a response."""
    headers = {"accept-encoding": "gzip, deflate, br, zstd"}
    async with served.client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        return sum([len(part) async for part in response.aiter_raw()])


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
