"""Lists of the public page that are cut say how many are left, and lead to them."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_room.pages import documents
from tests.incident_room.documents import OPEN, RESOLVE
from tests.incident_room.pages.conftest import Served
from tests.support.clock import MovedClock
from watchword import decode_id, encode_id


async def opened(served: Served, **more: Any) -> str:
    """Open an incident, and return its key."""
    given = {"name": "Checkout fails", "body": "We look.", "impact": "MAJOR"} | more
    return decode_id((await served.change(OPEN, **given))["id"], "Incident")


def global_id(key: str) -> str:
    return encode_id("Incident", key)


@pytest.fixture
def short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page shows at most two of each list."""
    for name in ("PAGE", "OPEN", "MONTH"):
        text = getattr(documents, name)
        shortened = text.replace("first: 50", "first: 2").replace("first: 100", "first: 2")
        monkeypatch.setattr(documents, name, shortened)


async def planned(served: Served, hours: int, name: str = "Upgrade") -> None:
    since = datetime.fromtimestamp(MovedClock().now(), UTC) + timedelta(hours=hours)
    given = {"impact": "MAINTENANCE", "status": "SCHEDULED", "startedAt": since.isoformat()}
    await served.change(OPEN, name=name, body="We upgrade.", **given)


async def test_a_list_that_is_cut_says_how_many_are_left_and_leads_to_them(
    served: Served, short_lists: None
) -> None:
    for number in range(5):
        await opened(served, name=f"Fault {number}")
        await planned(served, 24 + number, f"Upgrade {number}")
    page = await served.text("/")
    assert page.count('class="incident is-') == 4
    assert '<a href="incidents">3 more that go on</a>' in page
    assert '<a href="incidents">3 more that are planned</a>' in page
    # Those that come first are shown.
    assert "Upgrade 1" in page
    assert "Upgrade 2" not in page
    seen: list[str] = []
    path = "/incidents"
    for _ in range(5):
        text = await served.text(path)
        seen += re.findall(r">((?:Fault|Upgrade) \d)<", text)
        rest = re.search(r'<a href="(\?after=[^"]+)">More</a>', text)
        if rest is None:
            break
        path = f"/incidents{html.unescape(rest[1])}"
    assert sorted(seen[:5]) == [f"Fault {number}" for number in range(5)]  # all began at once
    assert seen[5:] == [f"Upgrade {number}" for number in range(5)]


async def test_what_is_planned_pushes_nothing_out_that_goes_on(
    served: Served, short_lists: None
) -> None:
    await opened(served, impact="CRITICAL")
    for number in range(5):
        await planned(served, 24 + number)
    page = await served.text("/")
    assert '<h1 id="overall" class="overall is-critical">' in page
    assert "Checkout fails" in page


async def test_days_of_which_not_all_is_known_are_not_said_to_be_quiet(
    served: Served, clock: MovedClock, short_lists: None
) -> None:
    for number in range(4):
        key = await opened(served, name=f"Fault {number}")
        await served.change(RESOLVE, incident=global_id(key), body="Done.")
        clock.move(86_400)
    page = await served.text("/")
    assert re.findall(r'class="date" id="d-([\d-]+)"', page) == [
        "2027-01-19", "2027-01-18", "2027-01-17",
    ]  # fmt: skip
    assert '<a href="history/2027-01">2 more in these days</a>' in page
    assert page.count("No incidents.") == 1


async def test_without_more_nothing_is_said_of_more(served: Served) -> None:
    await opened(served)
    await planned(served, 24)
    page = await served.text("/")
    assert " more " not in page
    assert "Going on and planned" in await served.text("/incidents")
