"""Settings of the page are checked, and one that cannot be used is named with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from incident_room.pages.public import PublicPage
from incident_room.pages.settings import PREFIX, PageSettings, read
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
        ("URL", "javascript:alert(1)", "must be an https URL"),
        ("LINKS", "nonsense", "must be a JSON list"),
        ("LINKS", '{"text": "x"}', "must be a JSON list"),
        ("LINKS", '[{"text": "x", "url": "javascript:alert(1)"}]', "must be an https URL"),
        ("LINKS", '[{"text": "x", "url": "data:text/html,x"}]', "must be an https URL"),
        ("LINKS", '[{"text": "x"}]', "Field required"),
        ("LOGO", "/etc/passwd", "must end in .svg"),
        ("LOGO", "missing.svg", "where no file is"),
        ("PAST_DAYS", "0", "greater than or equal to 1"),
        ("TITLE", "x" * 101, "at most 100"),
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


@pytest.mark.parametrize("given", [{"title": ""}, {"about": "x"}, {"page_id": "abc"}])
def test_they_do_not_change(given: dict[str, Any]) -> None:
    found = PageSettings(_env_file=None, **given)
    with pytest.raises(ValueError, match="frozen"):
        found.title = "other"
