"""docs/reference: what its generator makes, and when it says that the pages are stale."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import watchword
from docs.generator import __main__ as generator
from docs.generator import errors, remarks
from watchword.config.settings import Settings


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return generator.pages()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(generator, "FOLDER", tmp_path)
    return tmp_path


def test_each_setting_is_listed_with_its_default_and_its_limits(pages: dict[str, str]) -> None:
    rows = re.findall(r"^\| `WATCHWORD_(\w+)` \|", pages["settings.md"], re.MULTILINE)
    assert [row.lower() for row in rows] == sorted(
        Settings.model_fields, key=lambda name: rows.index(name.upper())
    )
    assert "| integer, 300 to 900 | `600` (10 minutes) | seconds |" in pages["settings.md"]


def test_each_public_name_has_a_heading(pages: dict[str, str]) -> None:
    headings = re.findall(r"^### (.+)$", pages["api.md"], re.MULTILINE)
    assert sorted(headings) == sorted(watchword.__all__)


def test_an_error_that_nobody_has_described_stops_the_generator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(remarks.ERRORS, "CONFLICT")
    with pytest.raises(LookupError, match="CONFLICT"):
        errors.page()


def test_pages_that_were_just_written_are_not_stale(pages: dict[str, str], folder: Path) -> None:
    generator.write(pages)
    assert generator.stale(pages) == ""


def test_a_stale_page_is_shown_with_what_has_changed(pages: dict[str, str], folder: Path) -> None:
    generator.write(pages)
    page = folder / "claims.md"
    page.write_text(page.read_text().replace("its issuer |", "the issuer |"))
    (folder / "forgotten.md").write_text("# Forgotten\n")
    difference = generator.stale(pages)
    assert "-| `iss` | text | always | the issuer |" in difference
    assert "+| `iss` | text | always | its issuer |" in difference
    assert "-# Forgotten" in difference


def test_a_page_that_is_not_generated_any_more_is_removed(
    pages: dict[str, str], folder: Path
) -> None:
    (folder / "forgotten.md").write_text("# Forgotten\n")
    generator.write(pages)
    assert sorted(path.name for path in folder.glob("*.md")) == sorted(pages)
