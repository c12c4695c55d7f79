"""Whether people can read a colour on the page's backgrounds (WCAG 2.2, success criterion 1.4.3). Pure but for tokens.css."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

TOKENS = Path(__file__).parent / "styles/tokens.css"
# What text of usual size needs at least.
LEAST = 4.5
# The backgrounds of text in the accent's colour, and the colour of text on the accent.
BESIDE_ACCENT = ("page", "card", "on-colour")
_SCREEN_DARK = "@media screen and (prefers-color-scheme: dark)"
# Parts in which a colour is mixed with black or white until it can be read.
_STEPS = 100


def tokens(*, is_dark: bool) -> dict[str, str]:
    """Return the design tokens of a scheme that are plain colours, as #rrggbb."""
    light, _, dark = TOKENS.read_text("utf-8").partition(_SCREEN_DARK)
    found = re.findall(
        r"--([\w-]+): #([0-9a-f]{3}|[0-9a-f]{6});", light + (dark if is_dark else "")
    )
    return {name: f"#{_whole(digits)}" for name, digits in found}


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def least_contrast(colour: str, others: Iterable[str]) -> float:
    """Return the least contrast of a colour to others."""
    return min(contrast(colour, each) for each in others)


def readable(colour: str, others: Iterable[str], *, is_dark: bool) -> str:
    """Return the colour nearest to this one that has enough contrast to the others: darker, or lighter on dark pages."""
    others, end = tuple(others), "#ffffff" if is_dark else "#000000"
    mixed = (_mixed(colour, end, step / _STEPS) for step in range(_STEPS + 1))
    return next((each for each in mixed if least_contrast(each, others) >= LEAST), end)


def _whole(digits: str) -> str:
    return digits if len(digits) == 6 else "".join(2 * each for each in digits)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _luminance(colour: str) -> float:
    """The relative luminance, as WCAG defines it."""
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in (value / 255 for value in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
