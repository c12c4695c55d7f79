"""The browser files of the pages: served whole under names of their content, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from incident_room.pages.assets import Asset, Assets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "styles/page.css",
        "built/page.js",
        "built/.done",
        "built/page.js.map",
        "other.js",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"/* {name} */")
    return tmp_path


def serving(assets: Assets) -> TestClient:
    async def serve(request: Request) -> Response:
        accepted = request.headers.get("accept-encoding", "")
        return assets.serve(request.path_params["name"], accepted)

    return TestClient(Starlette(routes=[Route("/assets/{name}", serve)]))


@pytest.fixture
def client(folder: Path) -> TestClient:
    return serving(Assets(folder))


def get(folder: Path, name: str) -> Asset:
    asset = Assets(folder).get(name)
    assert asset is not None
    return asset


@pytest.mark.parametrize(("name", "kind"), [("page.css", "css"), ("page.js", "javascript")])
def test_a_file_is_served_whole_and_may_be_kept_for_ever(
    name: str, kind: str, folder: Path, client: TestClient
) -> None:
    asset = get(folder, name)
    response = client.get("/" + asset.url)
    assert response.text.endswith(f"/{name} */")
    assert response.headers["content-type"] == f"text/{kind}; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    digest = hashlib.sha384(response.content).digest()
    assert asset.integrity == "sha384-" + base64.b64encode(digest).decode()


def test_a_file_is_compressed_for_browsers(folder: Path) -> None:
    text = "/* It is long. */\n" * 1_000
    (folder / "styles/page.css").write_text(text)
    url, client = get(folder, "page.css").url, serving(Assets(folder))
    sizes = {}
    for accepted in ("gzip", "identity"):
        response = client.get(f"/{url}", headers={"accept-encoding": accepted})
        assert (response.text, response.headers["vary"]) == (text, "accept-encoding")
        sizes[accepted] = int(response.headers["content-length"])
    assert sizes["gzip"] < 1_000 < sizes["identity"]


def test_the_url_changes_with_the_content(folder: Path) -> None:
    before = get(folder, "page.js").url
    (folder / "built/page.js").write_text("changed")
    assert get(folder, "page.js").url != before


@pytest.mark.parametrize(
    "name",
    [
        "page.js",
        "../other.js",
        "..%2fother.js",
        "%2e%2e/other.js",
        ".done",
        "page.js.map",
        "",
    ],
)
def test_nothing_else_is_served(name: str, client: TestClient) -> None:
    assert client.get(f"/assets/{name}").status_code == 404


def test_what_was_not_built_is_not_there(folder: Path) -> None:
    (folder / "built/page.js").unlink()
    assert Assets(folder).get("page.js") is None


def test_files_may_be_made_of_settings(folder: Path) -> None:
    assets = Assets(folder, [("theme.css", b":root{}")])
    theme = assets.get("theme.css")
    assert theme is not None
    assert serving(assets).get("/" + theme.url).text == ":root{}"
