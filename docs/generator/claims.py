"""The page of claims: what is in the access tokens that Watchword signs, read from tokens made here."""

from __future__ import annotations

from typing import Any

from docs.generator import markdown
from docs.generator.markdown import code, table
from watchword.tokens.explanation import MEANINGS, TIMES
from watchword.tokens.issue import TokenIssuer
from watchword.tokens.jose.compact import decode, header_of
from watchword.tokens.keys import KeyRing, generate
from watchword.tokens.members import members

ABOUT = """\
An access token is a signed JWT in the profile of RFC 9068, under 1 KB. `watchword token inspect` explains one in
these words. Tokens of trusted issuers may have up to 8 KB. A refresh token is opaque: 256 random bits, of which the
database holds a hash."""
HEAD = ["name", "type", "when", "meaning"]


def page() -> str:
    """Return the page. Raises `LookupError` for a claim without a meaning."""
    ring = KeyRing((generate("ES256", 0),))
    plain = _token(ring)
    full = _token(
        ring,
        session="s",
        version=1,
        authenticated_at=1,
        methods=["hwk", "user", "mfa"],
        key="k",
        client_version=1,
    )
    header, always, claims = header_of(full), _payload(plain), _payload(full)
    return markdown.page(
        "Claims",
        ABOUT,
        "## Header",
        table(HEAD, (_row(name, value, True) for name, value in header.items())),
        "## Payload",
        table(HEAD, (_row(name, value, name in always) for name, value in claims.items())),
    )


def _token(ring: KeyRing, **more: Any) -> str:
    issuer = TokenIssuer("https://issuer.example", "watchword", 600)
    given: dict[str, Any] = {"subject": "a", "roles": ["r"], "scopes": ["s"], "session": None}
    return issuer.issue(ring, now=0, **{**given, **more}).token


def _payload(token: str) -> dict[str, Any]:
    return members(decode(token.split(".")[1]))


def _row(name: str, value: Any, is_always: bool) -> list[str]:
    return [
        code(name),
        _type(name, value),
        "always" if is_always else "where it applies",
        MEANINGS[name],
    ]


def _type(name: str, value: Any) -> str:
    if name in TIMES:
        return "integer, Unix seconds"
    if isinstance(value, dict):
        return f"object with {', '.join(map(code, value))}"
    if name == "scope":
        return "text, separated by spaces"
    return {int: "integer", str: "text", list: "list of texts"}[type(value)]
