"""All colours of the pages come from the design tokens, and can be read."""

from __future__ import annotations

import re

import pytest

from incident_room.pages.assets import FOLDER
from incident_room.pages.contrast import (
    BESIDE_ACCENT,
    LEAST,
    TOKENS,
    contrast,
    least_contrast,
    readable,
    tokens,
)
from incident_room.pages.settings import PageSettings

COLOUR = re.compile(
    r"#[0-9a-fA-F]{3,8}\b(?!;?\w)|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch)a?\(|\bcolor\("
)
NAMED = re.compile(
    r":[^;{}]*(?<![\w-])(?:black|white|gr[ae]y|silver|red|maroon|orange|yellow|olive|lime|green|aqua|cyan|teal|blue|navy"
    r"|fuchsia|magenta|purple|pink|brown|gold)(?![\w-])[^;{}]*;"
)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#777777", "#ffffff", 4.48)],
)
def test_the_contrast_is_that_of_wcag(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(expected, abs=0.005)


def test_a_colour_that_is_hard_to_read_is_mended_as_little_as_is_needed() -> None:
    assert readable("#2357d9", ["#ffffff"], is_dark=False) == "#2357d9"
    darker = readable("#ffd43b", ["#ffffff"], is_dark=False)
    assert LEAST <= contrast(darker, "#ffffff") < LEAST + 0.2
    lighter = readable("#2357d9", ["#171b22"], is_dark=True)
    assert LEAST <= contrast(lighter, "#171b22") < LEAST + 0.2


@pytest.mark.parametrize("is_dark", [False, True])
def test_the_colours_of_text_can_be_read_on_all_backgrounds(is_dark: bool) -> None:
    known = tokens(is_dark=is_dark)
    for name in ("text", "quiet", "good", "maintenance", "minor", "major", "critical", "accent"):
        others = [known[each] for each in BESIDE_ACCENT[:2]]
        assert least_contrast(known[name], others) >= LEAST, name
    settings = PageSettings(_env_file=None)
    assert known["accent"] == (settings.accent_dark if is_dark else settings.accent)


def test_no_colour_stands_outside_the_design_tokens() -> None:
    files = [
        path
        for folder in ("src", "styles", "templates")
        for path in (FOLDER / folder).rglob("*")
        if path.suffix in (".css", ".ts", ".tsx", ".html", ".xml") and path != TOKENS
    ]
    assert len(files) > 50
    for path in files:
        text = path.read_text()
        found = COLOUR.findall(text) + (NAMED.findall(text) if path.suffix == ".css" else [])
        assert found == [], path
    # A picture is shown where no style reaches it: it has the tokens' own colours.
    for path in (FOLDER / "styles").glob("*.svg"):
        assert {*re.findall(r"#[0-9a-f]+", path.read_text())} <= {
            *re.findall(r"#[0-9a-f]+", TOKENS.read_text())
        }
