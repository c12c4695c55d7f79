"""A file is imported, whatever it has; what is then exported, and the file itself, change nothing when they are imported."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from incident_room import schema
from tests.incident_room.documents import POST
from tests.incident_room.importers.test_statuspage import file, incident, update
from tests.incident_room.pages.conftest import Served, serving
from tests.incident_room.pages.many_incidents import PAGE
from tests.incident_room.pages.test_export import check_again, exported, position, rows
from tests.support.clock import MovedClock

Check = Callable[[bytes], None]
PATHS = ("/", "/incidents", "/history.atom")
STATUSES = ("investigating", "identified", "monitoring", "resolved", "postmortem", "scheduled", "in_progress",
            "verifying", "completed")  # fmt: skip
STATES = ("operational", "degraded_performance", "major_outage", "under_maintenance")
TIMES = (
    None, "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.123456789+14:00", "2026-03-01T09:59:59.000001Z", 1772359200,
    "2026-02-28T23:30:00-11:30", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
    "9999-12-31T23:59:59Z", "yesterday",
)  # fmt: skip
TEXTS = (
    "",
    " ",
    "\n",
    "Zürich 🚒",
    "\u202eright to left",
    "a\ud83d\x00b",
    "<b>&amp;</b>",
    "x" * 255,
    "y" * 5000,
)
LINKS = (None, "", "https://status.example/a", "http://x", "ftp://x")
IDS = ("c1", "c2", "c3", "gone", "g1")

times, texts, ids = st.sampled_from(TIMES), st.sampled_from(TEXTS), st.sampled_from(IDS)
states = st.sampled_from(STATES)


def some(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these members, each with any of its values, and the others left as they are."""
    return st.fixed_dictionaries({}, optional=members)


components = st.builds(
    lambda id, changes: {"id": id, "name": f"Part {id}", "status": "operational", **changes},
    ids,
    some(name=texts, description=texts | st.none(), status=states, updated_at=times, group=st.booleans() | st.none(),
         group_id=st.sampled_from((None, "g1", "gone", "c1"))),
)  # fmt: skip
affected = st.fixed_dictionaries({"code": ids, "old_status": states, "new_status": states})
updates = st.builds(
    lambda id, minute, changes: update(id, minute, **changes),
    st.sampled_from(("u1", "u2", "u3")), st.integers(0, 3),
    some(body=texts, status=st.sampled_from(STATUSES), created_at=times, display_at=times,
         affected_components=st.none() | st.lists(affected, max_size=3)),
)  # fmt: skip
incidents = st.builds(
    lambda id, updates, changes: incident(id, *updates, **changes),
    st.sampled_from(("a", "b", "é")), st.lists(updates, max_size=4),
    some(name=texts, status=st.sampled_from(STATUSES), shortlink=st.sampled_from(LINKS),
         impact=st.sampled_from(("none", "minor", "major", "critical", "maintenance")),
         components=st.lists(components, max_size=3),
         **dict.fromkeys(("created_at", "started_at", "updated_at", "monitoring_at", "resolved_at", "scheduled_for",
                          "scheduled_until"), times)),
)  # fmt: skip
files = st.fixed_dictionaries(
    {"page": some(updated_at=times).map(lambda changes: {"id": PAGE, **changes})},
    optional={
        "components": st.lists(components, max_size=4),
        "incidents": st.lists(incidents, max_size=3),
        "scheduled_maintenances": st.lists(incidents, max_size=2),
        "status": st.just({"indicator": "none"}),
        "later": st.none(),
    },
).filter(lambda file: file.keys() - {"page", "later"})


async def check_file(served: Served, content: bytes) -> None:
    """Import a file, what is exported then, and the file again. Only the first may change something."""
    await served.take(content)
    first = await exported(served)
    await check_again(served)
    before, head = await rows(served), await position(served)
    await served.take(content)
    assert await rows(served) == before
    assert await position(served) == head
    assert await exported(served) == first
    for path in PATHS:
        await served.text(path)


@pytest.fixture
def check(sqlite_template: Path, tmp_path: Path, clock: MovedClock) -> Check:
    """Return what checks a file with a page of its own."""
    numbers = count()

    async def on_page(url: str, content: bytes) -> None:
        async with serving(url, clock, page_id=PAGE) as served:
            await check_file(served, content)

    def check(content: bytes) -> None:
        copy = tmp_path / f"{next(numbers)}.db"
        copyfile(sqlite_template, copy)
        asyncio.run(on_page(f"sqlite+aiosqlite:///{copy}", content))

    return check


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(written=files)
def test_a_file_changes_nothing_the_second_time(check: Check, written: dict[str, Any]) -> None:
    check(json.dumps(written).encode())


DOWN = {"old_status": "operational", "new_status": "major_outage"}
C1 = {"id": "c1", "name": "API", "status": "operational"}
TOLD = [{"code": "c1", **DOWN}, {"code": "gone", **DOWN}]


@pytest.mark.parametrize(
    "members",
    [
        {"incidents": [incident("a", update("u1", 1, affected_components=TOLD))]},
        {"incidents": [incident("a", update("u1", 1, affected_components=[TOLD[0], TOLD[0]]))]},
        {"incidents": [incident("a", update("u1", 1), update("u1", 2))]},
        {"incidents": [incident("a", shortlink=None), incident("b", shortlink="")]},
        {"incidents": [incident("a", scheduled_until="2026-03-02T10:00:00Z")]},
        {"incidents": [incident("a", *(update(f"u{n}", n % 60) for n in range(120)))]},
        {"components": [C1, C1 | {"group": True}]},
        {"incidents": [incident("a"), incident("a", name="Written otherwise")]},
    ],
    ids=["unknown", "told twice", "one id", "no link", "until", "many updates", "group", "twice"],
)
def test_each_member_that_is_written_otherwise_changes_nothing(
    check: Check, members: dict[str, Any]
) -> None:
    check(json.dumps({"page": {"id": PAGE}, **members}).encode())


async def test_what_responders_did_here_to_an_imported_incident_stays_as_it_is(
    same: Served,
) -> None:
    going_on = incident("a", update("u1", 1), status="monitoring", resolved_at=None)
    await same.take(json.dumps({"page": {"id": PAGE}, "incidents": [going_on]}).encode())
    listed = await schema.execute("{ incidents(first: 1) { nodes { id } } }", {}, same.context())
    assert listed.data is not None
    id = listed.data["incidents"]["nodes"][0]["id"]
    await same.change(POST, incident=id, body="Written here.", status="IDENTIFIED")
    await same.change(POST, incident=id, body="Secret.", visibility="INTERNAL")
    await check_again(same)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_a_time_that_is_out_of_range_elsewhere_is_skipped_with_its_reason(
    same: Served, at: str
) -> None:
    report = await same.take(file(incident("a", started_at=at), incident("b")))
    assert report.incidents_added == 1
    [(name, reason)] = report.skipped
    assert name == "a"
    assert "the year must be between 1970 and 9998" in reason
