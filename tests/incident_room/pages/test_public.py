"""The public page shows what anybody may see, at once after each change, and nothing else."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, suppress
from typing import Any
from xml.etree import ElementTree

import pytest

from incident_room.pages import documents
from incident_room.topics import component_event
from tests.incident_room.documents import OPEN, POST, REGISTER, RESOLVE, SET_STATUS
from tests.incident_room.importers.test_statuspage import incident, update
from tests.incident_room.pages.conftest import BASE, Served, serving
from tests.support.clock import MovedClock
from tests.support.statements import recorded
from watchword import decode_id, encode_id
from watchword.errors import RateLimited, Unavailable
from watchword.storage.database import mark_unavailable

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{ 1234567*7 }}"
ATOM = "{http://www.w3.org/2005/Atom}"


async def opened(served: Served, **more: Any) -> str:
    """Open an incident, and return its key."""
    given = {"name": "Checkout fails", "body": "We look.", "impact": "MAJOR"} | more
    return decode_id((await served.change(OPEN, **given))["id"], "Incident")


async def test_an_empty_page_is_whole(served: Served) -> None:
    page = await served.text("/")
    assert "All systems operational" in page
    assert page.count("No incidents.") == 14


async def test_each_change_is_on_the_page_at_once(served: Served, clock: MovedClock) -> None:
    for _ in range(3):  # it is kept from the second use on
        await served.text("/")
    part = await served.change(REGISTER, name="Card payments", group="Payments")
    page = await served.text("/")
    assert re.search(r"<h3>Payments</h3>.*Card payments", page, re.DOTALL)
    await served.change(SET_STATUS, component=part["id"], status="PARTIAL_OUTAGE")
    assert "Some systems are not available" in await served.text("/")
    key = await opened(served, components=[part["id"]])
    page = await served.text("/")
    assert "Checkout fails" in page
    assert "Affected: Card payments" in page
    clock.move(0.1)  # so little that what was kept may still be used
    await served.change(POST, incident=global_id(key), body="It is the cache.", status="IDENTIFIED")
    page = await served.text("/")
    assert re.search(r"Identified</p>\s*<div class=\"body\"><p>It is the cache.</p>", page)
    clock.move(0.1)
    await served.change(RESOLVE, incident=global_id(key), body="Over.")
    page = await served.text("/")
    assert 'id="now"' not in page
    assert "Over." in page


def global_id(key: str) -> str:
    return encode_id("Incident", key)


async def test_internal_notes_are_nowhere(served: Served) -> None:
    key = await opened(served)
    await served.change(
        POST, incident=global_id(key), body="Ask finance first.", visibility="INTERNAL"
    )
    paths = ("/", f"/incidents/{key}", "/history.atom", "/api/v2/summary.json")
    for path in (*paths, "/api/v2/incidents.json", "/api/v2/incidents/unresolved.json"):
        assert "finance" not in await served.text(path)


async def test_a_token_shows_no_more_than_none(served: Served) -> None:
    await opened(served)
    plain = await served.text("/")
    assert await served.text("/", authorization="Bearer nonsense", cookie="watchword=1") == plain


async def test_planned_maintenance_is_shown_until_it_begins(served: Served) -> None:
    await opened(served, name="Upgrade", impact="MAINTENANCE", startedAt="2027-01-20T10:00:00Z")
    page = await served.text("/")
    assert re.search(r"Scheduled maintenance</h2>.*Upgrade", page, re.DOTALL)
    assert "Planned for" in page
    assert "All systems operational" in page


async def test_an_incident_has_a_page_with_all_its_updates(
    served: Served, clock: MovedClock
) -> None:
    key = await opened(served)
    for number in range(documents.MOST_UPDATES + 4):
        clock.move(1)
        await served.change(POST, incident=global_id(key), body=f"Update number {number}.")
    page = await served.text(f"/incidents/{key}")
    assert page.count('class="update"') == documents.MOST_UPDATES
    older = re.search(r'<a href="(\?after=[^"]+)">5 earlier updates</a>', page)
    assert older is not None
    rest = await served.text(f"/incidents/{key}{older[1]}")
    assert rest.count('class="update"') == 5
    assert "We look." in rest


async def test_the_address_that_an_incident_had_on_statuspage_leads_to_its_page(
    served: Served,
) -> None:
    told = incident("h3k4l5", update("u1", 1, body="We saw it."))
    await served.take(json.dumps({"page": {"id": "p"}, "incidents": [told]}).encode())
    assert (await served.client.get("/incidents/q7w8e9")).status_code == 404
    moved = await served.client.get("/incidents/h3k4l5", follow_redirects=True)
    assert [each.status_code for each in moved.history] == [307]
    assert moved.status_code == 200
    assert not moved.url.path.endswith("h3k4l5")
    assert "We saw it." in moved.text


async def test_the_past_has_a_page_for_each_month(served: Served, clock: MovedClock) -> None:
    for name, at in (("Old", "2026-11-03T10:00:00Z"), ("Older", "2026-10-31T23:59:00Z")):
        key = await opened(served, name=f"{name} trouble", startedAt=at)
        await served.change(RESOLVE, incident=global_id(key))
    page = await served.text("/history/2026-11")
    assert "Old trouble" in page
    assert "Older trouble" not in page
    assert 'href="../history/2026-10"' in page
    assert 'href="../history/2026-12"' in page
    assert "Old trouble" not in await served.text("/")
    now = await served.client.get("/history")
    assert now.headers["location"] == "history/2027-01"
    assert 'rel="prev"' not in await served.text("/history/2027-01")


async def test_a_month_with_many_incidents_goes_on(served: Served) -> None:
    for number in range(documents.MOST_PAST + 2):
        key = await opened(served, name=f"Trouble {number:03}", startedAt="2026-11-03T10:00:00Z")
        await served.change(RESOLVE, incident=global_id(key))
    page = await served.text("/history/2026-11")
    rest = re.search(r'href="(\?after=[^"]+)"', page)
    assert rest is not None
    shown = re.findall(r"Trouble \d{3}", page + await served.text(f"/history/2026-11{rest[1]}"))
    assert len(set(shown)) == documents.MOST_PAST + 2


async def test_every_address_of_a_page_leads_to_its_files(served: Served) -> None:
    key = await opened(served)
    paths = [
        "/",
        f"/incidents/{key}",
        f"/incidents/{key}/",
        "/history/2027-01",
        "/history/2027-01/",
    ]
    for path in [*paths, "/incidents/x/", "/history/x/"]:
        response = await served.client.get(path)
        files = re.findall(r'(?:src|href)="([^"]*assets/[^"]+)"', response.text)
        assert len(files) >= 3
        for file in files:
            found = await served.client.get(response.url.join(file))
            assert found.status_code == 200, (path, file)
    moved = await served.client.get("/history/", follow_redirects=True)
    assert moved.url.path == "/history/2027-01"


@pytest.mark.parametrize(
    "path",
    [
        "/incidents/nothing",
        "/incidents/%00",
        "/incidents/..%2f..%2fetc%2fpasswd",
        "/incidents/" + "x" * 5_000,
        "/incidents/%F0%9F%92%A5",
        "/incidents/x?after=nonsense",
        "/history/9999-99",
        "/history/0000-00",
        "/history/1970-12",
        "/history/9999-12",
        "/history/99999999999999999999-01",
        "/history/2026-1",
        "/history/..%2f..%2fsecrets",
        "/history/2026-11?after=nonsense",
        "/history/２０２６-11",
    ],
)
async def test_what_is_not_there_is_missing(served: Served, path: str) -> None:
    response = await served.client.get(path)
    assert response.status_code == 404
    if response.headers["content-type"].startswith("text/html"):
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert response.headers["cache-control"] == "no-store"


async def test_nothing_that_is_written_becomes_markup(sqlite_url: str, clock: MovedClock) -> None:
    settings = {
        "title": EVIL[:100],
        "about": EVIL,
        "links": [{"text": EVIL[:60], "url": 'https://x.example/"><script>alert(3)</script>'}],
    }
    async with serving(sqlite_url, clock, **settings) as served:
        part = await served.change(REGISTER, name=EVIL, group=EVIL, description=EVIL)
        key = await opened(served, name=EVIL, body=EVIL, components=[part["id"]])
        done = await opened(served, name=EVIL, body=EVIL)
        await served.change(RESOLVE, incident=global_id(done), body=EVIL)
        for path in ("/", f"/incidents/{key}", "/history/2027-01", "/nothing-here", "/incidents/x"):
            page = (await served.client.get(path)).text
            assert not re.search(r"<(script|img)(?! type=\"module\" src=\"[./]*assets/)", page), (
                path
            )
            assert "8641969" not in page, path
        feed = ElementTree.fromstring(await served.text("/history.atom"))
        entry = feed.find(f"{ATOM}entry")
        assert entry is not None
        assert entry.findtext(f"{ATOM}title") == EVIL
        assert "<script" not in (entry.findtext(f"{ATOM}content") or "")


async def test_the_policy_allows_nothing_inline_and_the_page_needs_nothing(served: Served) -> None:
    await opened(served)
    response = await served.client.get("/")
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:", response.text)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', response.text)
    for file in re.findall(r'"(assets/[^"]+)"', response.text):
        assert (await served.client.get(f"/{file}")).status_code == 200


async def test_a_reader_who_has_the_page_gets_304_until_something_happens(served: Served) -> None:
    first = await served.client.get("/")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "public, no-cache"
    for condition in (tag, f'W/{tag}, "other"', "*"):
        again = await served.client.get("/", headers={"if-none-match": condition})
        assert (again.status_code, again.text) == (304, "")
        assert again.headers["etag"] == tag
    await opened(served)
    changed = await served.client.get("/", headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_the_page_is_compressed_for_browsers_and_has_a_tag_for_each_form(
    served: Served,
) -> None:
    for _ in range(3):
        await opened(served)
    forms = {}
    for path in ("/", "/api/v2/summary.json", "/history.atom"):
        for accepted in ("gzip, br", "identity"):
            response = await served.client.get(path, headers={"accept-encoding": accepted})
            assert response.headers["vary"] == "accept-encoding"
            assert response.headers.get("content-encoding", "identity") in accepted
            forms[path, accepted] = response
        packed, plain = forms[path, "gzip, br"], forms[path, "identity"]
        assert packed.content == plain.content
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 1.5
        assert packed.headers["etag"] != plain.headers["etag"]
        condition = {"if-none-match": packed.headers["etag"], "accept-encoding": "gzip, br"}
        again = await served.client.get(path, headers=condition)
        assert (again.status_code, again.headers["etag"]) == (304, packed.headers["etag"])
        assert "content-encoding" not in again.headers


async def test_head_has_the_headers_of_get(served: Served) -> None:
    get, head = await served.client.get("/"), await served.client.head("/")
    assert (head.status_code, head.headers["etag"]) == (200, get.headers["etag"])
    assert (await served.client.post("/")).status_code == 405


async def test_a_page_takes_few_statements_and_a_kept_one_none(served: Served) -> None:
    part = await served.change(REGISTER, name="API")
    for _ in range(5):
        await opened(served, components=[part["id"]])
    database = served.app.pipeline.services.database
    with recorded(database) as statements:
        await served.text("/")
        assert len(statements) <= 8, statements
        await served.text("/")
        statements.clear()
        await served.text("/")
        assert statements == []


async def test_a_page_may_be_asked_for_as_it_is_after_an_event(served: Served) -> None:
    context = served.context()
    async with context.write() as unit:
        unit.publish(component_event("x"))
    [cursor] = context.cursors.values()
    for seen in (cursor, "nonsense", "", cursor[:-1], [cursor, cursor], [cursor, "nonsense"]):
        response = await served.client.get("/", params={"seen": seen})
        assert response.status_code == 200


async def test_while_the_database_is_away_the_last_page_is_shown_and_says_so(
    served: Served, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(served)
    await served.text("/")
    gone = ConnectionError("the database is away")
    mark_unavailable(gone)

    async def rows(*_: Any, **__: Any) -> Any:
        raise gone

    monkeypatch.setattr(type(served.app.pipeline.services.database), "rows", rows)
    clock.move(3_600)  # nothing that was kept may be used without a look at the log
    response = await served.client.get("/")
    assert response.status_code == 200
    assert "The newest state cannot be read just now" in response.text
    assert "Checkout fails" in response.text
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers
    away = await served.client.get("/history/2026-11")
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")
    assert "cannot be read just now" in away.text
    file = await served.client.get("/api/v2/summary.json")
    assert (file.status_code, file.json()) == (503, {"error": "Try again in a moment."})
    monkeypatch.undo()
    assert "cannot be read" not in await served.text("/")


async def test_a_reader_whose_address_asks_for_too_much_at_once_may_try_again(
    served: Served,
) -> None:
    for _ in range(3):
        await served.text("/")
    operations = served.app.pipeline.operations
    with ExitStack() as places:
        with suppress(RateLimited):
            while True:
                places.enter_context(operations.take("127.0.0.1"))
        assert await served.text("/")
        response = await served.client.get("/incidents", params={"after": "made up"})
        assert (response.status_code, response.headers["retry-after"]) == (429, "5")
    assert (await served.client.get("/incidents", params={"after": "made up"})).status_code == 404


async def test_while_the_server_stops_a_reader_may_try_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(*_: Any) -> Any:
        raise Unavailable("The server stops. Try again.")

    monkeypatch.setattr(served.app.pipeline.shared, "answer", answer)
    assert (await served.client.get("/")).status_code == 503


async def test_the_feed_is_atom_with_the_incidents_that_changed_last(served: Served) -> None:
    key = await opened(served, body="We look at https://example.com/a?b=1&c=2.")
    feed = ElementTree.fromstring(await served.text("/history.atom"))
    assert feed.tag == f"{ATOM}feed"
    assert feed.findtext(f"{ATOM}id") == f"{BASE}/"
    [entry] = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}id") == f"{BASE}/incidents/{key}"
    content = entry.findtext(f"{ATOM}content") or ""
    assert 'href="https://example.com/a?b=1&amp;c=2"' in content
    response = await served.client.get("/history.atom")
    assert response.headers["content-type"] == "application/atom+xml; charset=utf-8"


async def test_the_page_speaks_german_in_the_zone_of_berlin(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with serving(sqlite_url, clock, language="de", time_zone="Europe/Berlin") as served:
        await opened(served)
        page = await served.text("/")
        assert '<html lang="de">' in page
        assert "Vergangene Vorfälle" in page
        assert "15. Jan. 09:00 CET" in page


async def test_bars_have_the_days_of_the_pages_zone(sqlite_url: str, clock: MovedClock) -> None:
    async with serving(sqlite_url, clock, time_zone="Pacific/Honolulu") as served:
        part = await served.change(REGISTER, name="API")
        await served.change(SET_STATUS, component=part["id"], status="MAJOR_OUTAGE")
        clock.move(600)
        assert "<title>January 14, 2027: Major outage 10 min</title>" in await served.text("/")
