"""The page at /room is the same for every place in it, and runs nothing that is not ours."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from incident_room.pages.assets import Assets
from incident_room.pages.room import RoomPage
from watchword.config.settings import Settings

ISSUER = "https://status.example/base"
MADE = (("room.js", b"// script"), ("dpop.js", b"// keys"), ("room.css", b"/* style */"))


async def get(
    path: str, made: Iterable[tuple[str, bytes]] = MADE, dpop: str = "optional"
) -> httpx2.Response:
    assets = Assets(Path("/nowhere"), made)
    app: Any = Starlette(routes=RoomPage(lambda: assets).routes())
    app.pipeline = SimpleNamespace(settings=Settings(_env_file=None, issuer=ISSUER, dpop=dpop))
    transport = httpx2.ASGITransport(app)
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


@pytest.mark.parametrize(("path", "up"), [("/room", ""), ("/room/account", "../")])
async def test_only_where_tokens_must_be_bound_the_page_has_the_script_that_binds_them(
    path: str, up: str
) -> None:
    assert "dpop" not in (await get(path)).text
    bound = (await get(path, dpop="required")).text
    assert f' data-issuer="{ISSUER}" data-dpop="{up}assets/dpop.' in bound
    assert f'<link rel="modulepreload" href="{up}assets/dpop.' in bound
    assert bound.count("integrity=") == 3


async def test_without_its_bundle_the_page_says_how_to_make_it() -> None:
    assert "make pages" in (await get("/room", ())).text


async def test_a_path_cannot_write_into_the_page() -> None:
    answer = await get('/room/"><script>alert(1)</script>')
    assert "alert" not in answer.text
