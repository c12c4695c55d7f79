from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from watchword.explorer.assets import BUILT, FILES, WORKERS, load
from watchword.explorer.page import HEADERS, page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / BUILT).mkdir()
    for name in (*FILES, *WORKERS):
        (tmp_path / BUILT / name).write_text(name)
    return tmp_path


def policy() -> dict[str, str]:
    value = dict(HEADERS)[b"content-security-policy"].decode()
    return dict(part.split(" ", 1) for part in value.split("; "))


def test_the_page_loads_every_asset_with_its_hash(folder: Path) -> None:
    text = page(folder=folder)[0].decode()
    assets = load(folder)
    for name in FILES:
        assert f'"{assets[name].url}" integrity="{assets[name].integrity}"' in text


def workers(text: str) -> dict[str, str]:
    """Return the workers' URLs that the script finds in the page."""
    [found] = re.findall('data-workers="([^"]+)"', text)
    given: dict[str, str] = json.loads(unescape(found))
    return given


def test_the_page_tells_the_script_where_the_workers_are(folder: Path) -> None:
    assets = load(folder)
    told = workers(page(folder=folder)[0].decode())
    assert told == {name: assets[name].url for name in WORKERS}


def test_the_page_names_the_issuer_only_where_tokens_must_be_bound(folder: Path) -> None:
    assert 'data-issuer=""' in page(folder=folder)[0].decode()
    text = page(folder=folder, issuer='https://a.example/"x')[0].decode()
    assert 'data-issuer="https://a.example/&quot;x"' in text


def test_asked_for_with_a_slash_it_loads_all_from_one_step_up(folder: Path) -> None:
    text, assets = page("../", folder)[0].decode(), load(folder)
    assert all(f'"../{assets[name].url}"' in text for name in FILES)
    assert all(url.startswith("../graphql/assets/") for url in workers(text).values())


def test_the_page_names_no_host_and_holds_no_script_of_its_own(folder: Path) -> None:
    text = page(folder=folder)[0].decode()
    assert "//" not in text
    assert re.findall(r"<script[^>]*>([^<]+)</script>", text) == []
    assert not re.search(r"\son\w+=|<style|\sstyle=", text)


def test_the_policy_allows_our_own_origin_and_nothing_else() -> None:
    rules = policy()
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["worker-src"] == "'self'"
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
    (folder / BUILT / "explorer.js").unlink()
    body, headers = page(folder=folder)
    assert b"explorer.js is not built: run `make explorer`." in body
    assert b"<script" not in body
    assert headers == HEADERS
