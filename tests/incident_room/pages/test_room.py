"""The page at /room is the same for every place in it, and runs nothing that is not ours."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from incident_room.pages.assets import Assets
from incident_room.pages.room import RoomPage

MADE = (("room.js", b"// script"), ("room.css", b"/* style */"))


async def get(path: str, made: Iterable[tuple[str, bytes]] = MADE) -> httpx2.Response:
    assets = Assets(Path("/nowhere"), made)
    page = RoomPage(lambda: assets)
    transport = httpx2.ASGITransport(app=Starlette(routes=page.routes()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://status") as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/room", "./"),
        ("/room/account", "../"),
        ("/room/incidents/x", "../../"),
        ("/room/a%2Fb", "../"),
    ],
)
async def test_every_place_in_the_room_is_the_page(path: str, root: str) -> None:
    answer = await get(path)
    assert answer.status_code == 200
    assert f'<div id="room" data-root="{root}">' in answer.text
    up = "" if root == "./" else root
    assert f'<script type="module" src="{up}assets/room.' in answer.text
    assert answer.text.count("integrity=") == 2


async def test_the_page_may_run_only_our_scripts_and_is_not_kept() -> None:
    answer = await get("/room")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "<style" not in answer.text
    assert "onload" not in answer.text


async def test_without_its_bundle_the_page_says_how_to_make_it() -> None:
    assert "make pages" in (await get("/room", ())).text


async def test_a_path_cannot_write_into_the_page() -> None:
    answer = await get('/room/"><script>alert(1)</script>')
    assert "alert" not in answer.text
