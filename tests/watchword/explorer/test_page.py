from __future__ import annotations

import re
from pathlib import Path

import pytest

from watchword.explorer.assets import FILES, load
from watchword.explorer.page import HEADERS, page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, file in FILES.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def policy() -> dict[str, str]:
    value = dict(HEADERS)[b"content-security-policy"].decode()
    return dict(part.split(" ", 1) for part in value.split("; "))


def test_the_page_loads_every_asset_with_its_hash(folder: Path) -> None:
    text = page(folder=folder)[0].decode()
    for asset in load(folder).values():
        assert f'"{asset.url}" integrity="{asset.integrity}"' in text


def test_the_page_loads_each_script_after_those_that_it_needs(folder: Path) -> None:
    names = re.findall(
        r'src="graphql/assets/([a-z-]+)\.[0-9a-f]+\.js"', page(folder=folder)[0].decode()
    )
    assert names == ["react", "react-dom", "graphql-ws", "graphiql", "explorer"]


def test_asked_for_with_a_slash_it_loads_them_from_one_step_up(folder: Path) -> None:
    text = page("../", folder)[0].decode()
    assert all(f'"../{asset.url}"' in text for asset in load(folder).values())


def test_the_page_names_no_host_and_holds_no_script_of_its_own(folder: Path) -> None:
    text = page(folder=folder)[0].decode()
    assert "//" not in text
    assert re.findall(r"<script[^>]*>([^<]+)</script>", text) == []
    assert not re.search(r"\son\w+=|<style|\sstyle=", text)


def test_the_policy_allows_our_own_origin_and_nothing_else() -> None:
    rules = policy()
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert not {word for rule in rules.values() for word in rule.split()} - {
        "'none'",
        "'self'",
        "'unsafe-inline'",
        "data:",
    }
    assert [name for name, rule in rules.items() if "unsafe" in rule] == ["style-src"]


def test_the_page_is_html_that_nobody_keeps(folder: Path) -> None:
    headers = dict(page(folder=folder)[1])
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"referrer-policy"] == b"no-referrer"
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_the_page_says_what_to_run_when_assets_are_missing(folder: Path) -> None:
    (folder / FILES["graphiql.js"]).unlink()
    body, headers = page(folder=folder)
    assert b"graphiql.js is not installed: run `make explorer`." in body
    assert b"<script" not in body
    assert headers == HEADERS
