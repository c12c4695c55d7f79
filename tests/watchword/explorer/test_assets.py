from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from watchword.explorer.assets import (
    BUILT,
    FILES,
    FOLDER,
    PREFIX,
    WORKERS,
    NotInstalled,
    load,
    routes,
)

LOCK = json.loads((FOLDER / "package-lock.json").read_text())
PACKAGE = json.loads((FOLDER / "package.json").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which every asset is built; its content is its name."""
    return built(tmp_path)


def built(folder: Path, content: str = "{}") -> Path:
    (folder / BUILT).mkdir()
    for name in (*FILES, *WORKERS):
        (folder / BUILT / name).write_text(content.format(name))
    return folder


@pytest.fixture
def client(folder: Path) -> TestClient:
    return TestClient(Starlette(routes=routes(folder)))


@pytest.mark.parametrize("name", [*FILES, *WORKERS])
def test_an_asset_is_served_whole_and_may_be_kept_for_ever(
    name: str, folder: Path, client: TestClient
) -> None:
    response = client.get(load(folder)[name].url)
    assert response.status_code == 200
    assert response.text == name
    kind = "css" if name.endswith(".css") else "javascript"
    assert response.headers["content-type"] == f"text/{kind}; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_the_integrity_is_the_hash_of_what_is_served(folder: Path, client: TestClient) -> None:
    asset = load(folder)["explorer.js"]
    digest = hashlib.sha384(client.get(asset.url).content).digest()
    assert asset.integrity == "sha384-" + base64.b64encode(digest).decode()


def test_the_url_changes_with_the_content(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    other = built(tmp_path_factory.mktemp("other"), "changed")
    urls, changed = ({asset.url for asset in load(place).values()} for place in (folder, other))
    assert not urls & changed


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_client_that_has_it_already_gets_304(form: str, folder: Path, client: TestClient) -> None:
    asset = load(folder)["explorer.js"]
    headers = {"if-none-match": form.format(asset.etag)}
    response = client.get(asset.url, headers=headers)
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == asset.etag


def test_a_client_with_another_version_gets_it_whole(folder: Path, client: TestClient) -> None:
    response = client.get(load(folder)["explorer.js"].url, headers={"if-none-match": '"other"'})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "explorer.js",
        "assets.py",
        "explorer.0000000000000000.js",
        "..%2fassets.py",
        "%2e%2e%2f%2e%2e%2fsettings.py",
        "../assets.py",
        "..%5cassets.py",
        "explorer.js%00",
        "",
    ],
)
def test_what_is_not_in_the_table_does_not_exist(name: str, client: TestClient) -> None:
    assert client.get(PREFIX + name).status_code == 404


def test_a_missing_file_is_named_with_the_command_that_installs_it(folder: Path) -> None:
    (folder / BUILT / "json.worker.js").unlink()
    with pytest.raises(NotInstalled, match=r"json\.worker\.js is not built: run `make explorer`"):
        load(folder)


def test_nothing_is_served_until_all_is_installed_and_then_without_a_restart(
    folder: Path, client: TestClient
) -> None:
    path = folder / BUILT / "explorer.js"
    path.unlink()
    assert client.get(PREFIX + "explorer.js").status_code == 404
    path.write_text("explorer.js")
    assert client.get(load(folder)["explorer.js"].url).status_code == 200


def test_the_lock_pins_every_package_by_hash_and_names_no_host() -> None:
    installed = {path: entry for path, entry in LOCK["packages"].items() if path}
    assert installed
    assert all(entry["integrity"].startswith("sha512-") for entry in installed.values())
    assert not [path for path, entry in installed.items() if "resolved" in entry]


def test_every_package_of_the_page_is_pinned_to_one_version() -> None:
    named = {**PACKAGE["dependencies"], **PACKAGE["devDependencies"]}
    for name, version in named.items():
        assert LOCK["packages"][f"node_modules/{name}"]["version"] == version
