"""A device's label: what a person recognises it by in the list of sessions. Pure.

Nothing depends on it but the eye: a User-Agent says whatever its sender likes.
"""

from __future__ import annotations

LONGEST = 200

# What each calls itself by, the more particular before what it also claims to be.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def label(user_agent: str) -> str:
    """Return "Firefox on Linux" for what browsers send, and the text itself for anything else."""
    text = "".join(character for character in user_agent if character.isprintable()).strip()
    browser, system = _named(text, _BROWSERS), _named(text, _SYSTEMS)
    # Every browser says that it is Mozilla; a program that does not has a name of its own.
    if text.startswith("Mozilla/") and browser and system:
        return f"{browser} on {system}"
    return text[:LONGEST]


def _named(text: str, names: dict[str, str]) -> str | None:
    return next((name for sign, name in names.items() if sign in text), None)
