"""Labels for devices, so that users recognise them in their list of sessions. Pure.

They are for display only: a client can send any User-Agent it likes.
"""

from __future__ import annotations

LONGEST = 200

# The text in the User-Agent that identifies each browser. The more specific come first: Edge, for
# example, also claims to be Chrome and Safari.
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
    """Return a label such as "Firefox on Linux" for a browser, and the User-Agent itself for other clients."""
    text = "".join(character for character in user_agent if character.isprintable()).strip()
    browser, system = _named(text, _BROWSERS), _named(text, _SYSTEMS)
    # All browsers begin with Mozilla/; other programs give their own name.
    if text.startswith("Mozilla/") and browser and system:
        return f"{browser} on {system}"
    return text[:LONGEST]


def _named(text: str, names: dict[str, str]) -> str | None:
    return next((name for sign, name in names.items() if sign in text), None)
