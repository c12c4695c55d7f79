"""Settings of the page are checked, and one that cannot be used is named with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from incident_room.pages.public import PublicPage
from incident_room.pages.settings import PREFIX, PageSettings, read
from tests.incident_room.pages.conftest import serving
from tests.support.clock import MovedClock
from watchword import Unsafe


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_any_the_page_works() -> None:
    found = read()
    assert found.base("https://x.example") == "https://x.example"
    assert len(found.id_of_page("https://x.example")) == 12


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LANGUAGE", "../../secrets", "must be one of de, en"),
        ("LANGUAGE", "xx", "must be one of de, en"),
        ("TIME_ZONE", "Mars/Olympus", "must be a zone"),
        ("TIME_ZONE", "../../../etc/passwd", "must be a zone"),
        ("ACCENT", "red;}body{display:none", "must be a colour"),
        ("ACCENT", "#12345", "must be a colour"),
        ("ACCENT", '#0b6e4f"', "must be a colour"),
        ("ACCENT", "url(javascript:alert(1))", "must be a colour"),
        ("ACCENT_DARK", "#ffb3da'", "must be a colour"),
        ("ACCENT", "#ffd43b", "have a contrast of 1.32"),
        ("ACCENT_DARK", "#2357d9", "need 4.5 (WCAG 2.2). The nearest colour"),
        ("URL", "javascript:alert(1)", "must be an https URL"),
        ("URL", "https://x.example/" + "x" * 5_000, "at most 500"),
        ("LINKS", "nonsense", "must be a JSON list"),
        ("LINKS", '{"text": "x"}', "must be a JSON list"),
        ("LINKS", '[{"text": "x", "url": "javascript:alert(1)"}]', "must be an https URL"),
        ("LINKS", '[{"text": "x", "url": "data:text/html,x"}]', "must be an https URL"),
        ("LINKS", '[{"text": "x", "url": " JavaScript:alert(1)"}]', "must be an https URL"),
        ("LINKS", '[{"text": "x", "url": "//evil.example"}]', "must be an https URL"),
        ("LINKS", f'[{{"text": "x", "url": "https://x.example/{"x" * 5_000}"}}]', "at most 500"),
        ("LINKS", f'[{{"text": "{"x" * 5_000}", "url": "https://x.example"}}]', "at most 60"),
        ("LINKS", '[{"text": "x"}]', "Field required"),
        ("LOGO", "/etc/passwd", "must end in .svg"),
        ("LOGO", "missing.svg", "where no file is"),
        ("PAST_DAYS", "0", "greater than or equal to 1"),
        ("TITLE", "x" * 101, "at most 100"),
        ("TITLE", "x" * 5_000, "at most 100"),
        ("TITLE", "  ", "at least 1 character"),
        ("ABOUT", "x" * 5_000, "at most 500"),
        ("PAGE_ID", "x" * 5_000, "at most 64"),
    ],
)
async def test_a_value_that_cannot_be_used_stops_the_start(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(Unsafe) as refusal:
        await PublicPage().open()
    assert str(refusal.value).startswith(PREFIX + name)
    assert said in str(refusal.value)


async def test_the_advice_about_a_colour_that_is_hard_to_read_can_be_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, colour in (("ACCENT", "#ffd43b"), ("ACCENT_DARK", "#2357d9"), ("ACCENT", "#ffffff")):
        monkeypatch.setenv(PREFIX + name, colour)
        with pytest.raises(Unsafe) as refusal:
            read()
        better = str(refusal.value).split()[-1]
        monkeypatch.setenv(PREFIX + name, better)
        assert better in {read().accent, read().accent_dark}


async def test_title_sentence_and_links_are_on_every_page(
    sqlite_url: str, clock: MovedClock
) -> None:
    links = [{"text": "Help & more", "url": "https://example.com/help?a=1&b=2"}]
    settings = {"title": "Acme & Söhne", "about": "How our shop is doing.", "links": links}
    async with serving(sqlite_url, clock, **settings) as served:
        for path in ("/", "/incidents", "/history/2027-01", "/incidents/nothing"):
            page = (await served.client.get(path)).text
            assert ">Acme &amp; Söhne</a>" in page
            assert "Acme &amp; Söhne</title>" in page
            assert "<p>How our shop is doing.</p>" in page
            link = (
                '<a href="https://example.com/help?a=1&amp;b=2" rel="noopener">Help &amp; more</a>'
            )
            assert link in page


def test_a_logo_that_is_too_large_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "logo.png").write_bytes(bytes(200_001))
    monkeypatch.setenv(f"{PREFIX}LOGO", "logo.png")
    with pytest.raises(Unsafe, match="at most 200,000 bytes"):
        read()


def test_they_may_be_in_a_file(folder: Path) -> None:
    (folder / ".env").write_text(
        'INCIDENT_ROOM_TITLE=Acme\nINCIDENT_ROOM_LINKS=[{"text": "Help", "url": "mailto:a@b.example"}]\n'
    )
    found = read()
    assert (found.title, found.links[0].text) == ("Acme", "Help")


@pytest.mark.parametrize("given", [{"title": "x"}, {"about": "x"}, {"page_id": "abc"}])
def test_they_do_not_change(given: dict[str, Any]) -> None:
    found = PageSettings(_env_file=None, **given)
    with pytest.raises(ValueError, match="frozen"):
        found.title = "other"
