"""The public page in a real Chromium: it moves by itself, misses nothing, and everybody can read it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from incident_room.pages.assets import Assets
from tests.clients.account import Account
from tests.clients.responder import Responder
from tests.clients.script import Script, running
from tests.support.cut_proxy import cut_proxy
from tests.support.documents import run
from tests.support.path_proxy import behind_a_path
from tests.support.programs import missing
from tests.support.server import LiveServer, live_server
from tests.support.toy_server import until

OPEN = """mutation Open($name: String!) {
  openIncident(input: {name: $name, body: "We look.", impact: MAJOR}) { id }
}"""
SET = """mutation Set($component: ID!) {
  setComponentStatus(input: {component: $component, status: MAJOR_OUTAGE}) { id }
}"""

LOGO = """<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40">
<rect width="120" height="40" fill="#8a1253"/></svg>"""


@pytest.fixture(scope="module")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with the demo's incidents."""
    if Assets().get("status.js") is None:
        missing("The scripts of the pages are not built: run `make pages`.")
    with live_server(tmp_path_factory.mktemp("page"), "") as server:
        yield server


@pytest.fixture
def account(demo_server: LiveServer) -> Account:
    return {"url": demo_server.url, "email": demo_server.email, "password": demo_server.password}


@asynccontextmanager
async def reader(
    node: Path, chromium: Path, folder: Path, url: str, **more: Any
) -> AsyncIterator[Script]:
    options = {"chromium": str(chromium), "profile": str(folder / "profile"), "url": url, **more}
    async with running(node, "status_page.mjs", **options) as script:
        yield script


async def asked(responder: Responder, query: str, **variables: Any) -> Any:
    headers = {"authorization": f"Bearer {responder.token}"}
    body = {"query": query, "variables": variables}
    answer = (await responder.client.post("/graphql", json=body, headers=headers)).json()
    assert "errors" not in answer, answer
    return answer["data"]


def complaints(script: Script) -> list[str]:
    return [step["text"] for step in script.seen if step["step"] == "complaint"]


async def opened(script: Script) -> str:
    """Wait until the page is shown and live, and return its text."""
    text: str = (await script.wait("opened"))["text"]
    script.tell("wait", text="Live")
    await script.wait("shown")
    return text


async def test_an_update_appears_without_a_reload(
    node: Path, chromium: Path, account: Account, tmp_path: Path
) -> None:
    async with (
        Responder.signed_in(account) as responder,
        reader(node, chromium, tmp_path, account["url"]) as script,
    ):
        text = await opened(script)
        assert "Checkout fails for some customers" in text
        assert "production times out" not in text  # an internal note
        loads = [step["step"] for step in script.seen].count("navigated")
        await asked(responder, OPEN, name="Invoices are late")
        script.tell("wait", text="Invoices are late")
        await script.wait("shown")
        parts = await asked(responder, "{ components { id name } }")
        [search] = [each["id"] for each in parts["components"] if each["name"] == "Search"]
        await asked(responder, SET, component=search)
        script.tell("wait", text="Major outage")
        await script.wait("shown")
        script.tell("read", selector="#said")
        [said] = (await script.wait("read"))["texts"]
        assert said.startswith("The page has just changed.")
        assert [step["step"] for step in script.seen].count("navigated") == loads
        assert complaints(script) == []


async def test_what_happens_before_the_page_follows_appears(
    node: Path, chromium: Path, account: Account, tmp_path: Path
) -> None:
    async with (
        Responder.signed_in(account) as responder,
        reader(node, chromium, tmp_path, account["url"], hold=True) as script,
    ):
        await script.wait("held")
        await asked(responder, OPEN, name="It happened before the script ran")
        # The page came before that. Its script may have fetched it when the page counts as opened.
        script.tell("go on")
        await opened(script)
        script.tell("wait", text="It happened before the script ran")
        await script.wait("shown")


async def test_a_page_that_is_missing_now_says_so(
    node: Path, chromium: Path, account: Account, tmp_path: Path
) -> None:
    options = {"gone": "This incident is no longer public."}
    async with reader(node, chromium, tmp_path, account["url"], **options) as script:
        await opened(script)
        script.tell("wait", text=options["gone"])
        await script.wait("shown")


async def test_after_a_cut_the_page_has_what_happened_meanwhile(
    node: Path, chromium: Path, account: Account, tmp_path: Path
) -> None:
    async with (
        Responder.signed_in(account) as responder,
        cut_proxy(account["url"]) as proxy,
        reader(node, chromium, tmp_path, f"http://127.0.0.1:{proxy.port}") as script,
    ):
        await opened(script)
        # The page has fetched what happened before it followed.
        await asked(responder, OPEN, name="It happened before the cut")
        script.tell("wait", text="It happened before the cut")
        await script.wait("shown")
        proxy.cut()
        await asked(responder, OPEN, name="It happened during the cut")
        script.tell("wait", text="It happened during the cut")
        await script.wait("shown")
        await until(lambda: proxy.sockets > 1)


async def test_below_a_path_of_a_proxy_everything_is_found(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    async with (
        behind_a_path(tmp_path / "home") as server,
        reader(node, chromium, tmp_path, server.url) as script,
    ):
        await opened(script)
        script.tell("go", path="/history")
        await script.wait("gone")
        script.tell("read", selector="h1")
        [heading] = (await script.wait("read"))["texts"]
        assert heading.startswith("Incidents of")
        assert complaints(script) == []


async def test_times_are_in_the_readers_zone(
    node: Path, chromium: Path, account: Account, tmp_path: Path
) -> None:
    options = {"zone": "Asia/Kolkata"}
    async with reader(node, chromium, tmp_path, account["url"], **options) as script:
        await opened(script)
        script.tell("read", selector="#past time, #now time")
        found = (await script.wait("read"))["texts"]
        assert found
        assert all(text.endswith("GMT+5:30") for text in found), found


async def test_what_is_written_from_right_to_left_is_shown_so(
    node: Path, chromium: Path, account: Account, tmp_path: Path
) -> None:
    # A full stop has no direction of its own.
    texts = "تعطلت الخدمة API.", "نحن نحقق في الأمر (v2)."
    async with Responder.signed_in(account) as responder:
        opening = OPEN.replace("We look.", texts[1])
        await asked(responder, opening, name=texts[0])
        async with reader(node, chromium, tmp_path, account["url"]) as script:
            await script.wait("opened")
            for text in texts:
                script.tell("edges", text=text)
                first, last = (await script.wait("edges"))["left"]
                assert last < first


async def test_logo_colours_and_language_of_the_settings_are_on_the_page(
    node: Path, chromium: Path, tmp_path: Path, screenshots: Path
) -> None:
    (tmp_path / "logo.svg").write_text(LOGO)
    brand = {
        "INCIDENT_ROOM_LOGO": str(tmp_path / "logo.svg"),
        "INCIDENT_ROOM_ACCENT": "#8a1253",
        "INCIDENT_ROOM_ACCENT_DARK": "#ffb3da",
        "INCIDENT_ROOM_LANGUAGE": "de",
    }
    options = {"screenshots": str(screenshots)}
    with live_server(tmp_path / "home", **brand) as server:
        async with reader(node, chromium, tmp_path, server.url, **options) as script:
            assert "Vergangene Vorfälle" in await opened(script)
            for scheme, colour in (("light", "rgb(138, 18, 83)"), ("dark", "rgb(255, 179, 218)")):
                script.tell("look", scheme=scheme, width=1200)
                script.tell("brand")
                shown = await script.wait("brand")
                assert (shown["line"], colour in shown["links"]) == (colour, True)
                assert shown["logo"] == [[True, 120]]
                script.tell("axe")
                checked = await script.wait("checked")
                assert checked["violations"] == []
                assert "color-contrast" in checked["passes"]
                await shot(script, f"german-{scheme}-wide")
                script.tell("look", scheme=scheme, width=390)
                await shot(script, f"german-{scheme}-narrow")
            # A file or a style that the page's policy refuses would be reported here.
            assert complaints(script) == []


async def test_without_scripts_the_page_is_whole_in_one_request(
    node: Path, chromium: Path, account: Account, tmp_path: Path
) -> None:
    async with reader(node, chromium, tmp_path, account["url"], javascript=False) as script:
        text = (await script.wait("opened"))["text"]
        for part in ("Checkout", "90 days ago", "Scheduled maintenance", "Webhooks are delivered"):
            assert part in text
        asked_for = [step["type"] for step in script.seen if step["step"] == "request"]
        # The page, its styles and its picture: nothing else is asked for, and none of them twice.
        assert {*asked_for} <= {"document", "stylesheet", "other", "image"}
        assert (asked_for.count("document"), asked_for.count("stylesheet")) == (1, 3)
        assert len(asked_for) <= 5
        assert complaints(script) == []


async def test_it_is_printed_on_white_without_what_paper_cannot_do(
    node: Path, chromium: Path, account: Account, tmp_path: Path, screenshots: Path
) -> None:
    options = {"screenshots": str(screenshots), "scheme": "dark"}
    async with reader(node, chromium, tmp_path, account["url"], **options) as script:
        await opened(script)
        script.tell("print", path=str(tmp_path / "page.pdf"))
        printed = await script.wait("printed")
        assert printed["colours"] == ["#fff", "rgb(22, 25, 31)"]
        for part in ("Checkout", "Scheduled maintenance", "Past incidents"):
            assert part in printed["text"]
        for part in ("Live", "Atom feed", "Skip to the content"):
            assert part not in printed["text"]
        script.tell("axe")
        assert (await script.wait("checked"))["violations"] == []
        await shot(script, "status-print")
        pdf = (tmp_path / "page.pdf").read_bytes()
        # A table of the demo's page is a few sheets, none of them empty.
        assert 2 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 5
        assert complaints(script) == []


async def test_everybody_can_read_every_page_in_light_and_dark_wide_and_narrow(
    node: Path, chromium: Path, account: Account, tmp_path: Path, screenshots: Path
) -> None:
    options = {"screenshots": str(screenshots)}
    async with reader(node, chromium, tmp_path, account["url"], **options) as script:
        await opened(script)
        paths = {"status": "/", "open": "/incidents", "history": "/history"}
        paths |= {"missing": "/incidents/nothing"}
        for name, path in (await incident_path(script, paths)).items():
            await go(script, path)
            await everybody_can_read(script, name)


async def go(script: Script, path: str) -> None:
    script.tell("go", path=path)
    await script.wait("gone")


async def everybody_can_read(script: Script, name: str) -> None:
    """Check what is shown in light and dark, wide and narrow, and take a picture of each."""
    for scheme in ("light", "dark"):
        for size, width in (("wide", 1200), ("narrow", 390)):
            script.tell("look", scheme=scheme, width=width)
            script.tell("axe")
            checked = await script.wait("checked")
            assert checked["violations"] == [], (name, scheme, width)
            assert "color-contrast" in checked["passes"]
            await shot(script, f"{name}-{scheme}-{size}")


async def shot(script: Script, name: str) -> None:
    script.tell("shoot", name=name)
    await script.wait("shot")


def test_a_reader_of_statuspages_reads_this_one(account: Account, tmp_path: Path) -> None:
    service = {
        "name": "Acme",
        "type": "status_page",
        "url": f"{account['url']}/api/v2/summary.json",
    }
    (tmp_path / "services.json").write_text(json.dumps({"acme": service}))
    program = "from statuspage_prometheus_exporter.status_monitoring import run_once; run_once()"
    run(sys.executable, "-c", program, cwd=tmp_path)
    metrics = (tmp_path / "metrics/statuspage.prom").read_text()
    for name, value in (("Website", 1), ("Checkout", 0), ("Card payments", 0)):
        told = (
            f'statuspage_component_status{{component_name="{name}",service_name="Acme"}} {value}.0'
        )
        assert told in metrics
    assert "Checkout fails for some customers" in metrics
    assert "Database upgrade for reports" in metrics
    assert 'statuspage_probe_check{service_name="Acme"} 1.0' in metrics


async def test_the_widget_of_statuspage_shows_the_state_of_this_page(
    node: Path, chromium: Path, account: Account, tmp_path: Path
) -> None:
    options = {
        "chromium": str(chromium),
        "profile": str(tmp_path / "profile"),
        "url": account["url"],
    }
    async with running(node, "status_widget.mjs", **options) as script:
        [shown] = await script.rest()
    told = httpx2.get(f"{account['url']}/api/v2/status.json").json()["status"]
    assert shown["text"].strip() == told["description"]
    assert told["indicator"] in shown["classes"]


async def incident_path(script: Script, paths: dict[str, str]) -> dict[str, str]:
    """Add the path of the first incident on the page to paths."""
    script.tell("links")
    links = (await script.wait("links"))["links"]
    return {**paths, "incident": next(each for each in links if "/incidents/" in each)}
