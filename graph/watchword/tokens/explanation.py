"""Explains a token to an operator: what each claim means and why the token would be refused. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from watchword.errors import WatchwordError
from watchword.tokens.jose.compact import decode, header_of
from watchword.tokens.members import members

MEANINGS = {
    "typ": "kind of token; ours is at+jwt (RFC 9068)",
    "alg": "signature algorithm; fixed by the key",
    "kid": "the key that signed it",
    "iss": "its issuer",
    "aud": "the audience that it is for",
    "sub": "the id of its account",
    "exp": "ends",
    "nbf": "not good before",
    "iat": "issued",
    "jti": "its own id",
    "sid": "the session it came from",
    "client_id": "the client it was issued to",
    "scope": "what the token may do",
    "roles": "what its person or machine is; an application has none",
    "ver": "the account's version when it was issued",
    "client_ver": "the client's version when it was issued",
    "auth_time": "when its person last authenticated (RFC 9470)",
    "amr": "the methods by which its person authenticated (RFC 8176)",
    "acr": "what the methods amount to: phr for a passkey, multi-factor for two factors; absent for one factor",
    "cnf": "the key that it is bound to (RFC 9449)",
}
TIMES = ("exp", "nbf", "iat", "auth_time")
REFUSALS = {
    "size": "it is longer than 8 KB",
    "three base64url parts": "it is no token: a token is three parts of base64url with dots between"
    " them",
    "base64url": "one of its parts is cut off, or has a letter too many",
    "canonical base64url": "one of its parts was changed: base64url does not end with that letter",
    "JSON": "its header or payload is no JSON, or has a name twice, or an endless number",
    "JSON object": "its header or payload is no JSON object",
    "typ": "it is not an access token (typ is not at+jwt)",
    "kid": "no key of ours has this id: it was signed by somebody else, or its key was retired",
    "alg": "its algorithm is not the one of its key",
    "signature": "its signature does not fit: it was changed, or signed by somebody else",
    "iss": "it comes from another issuer than WATCHWORD_ISSUER, or than the address in WATCHWORD_HOST and WATCHWORD_PORT if"
    " that is not set",
    "aud": "it is for another audience than WATCHWORD_AUDIENCE",
    "exp": "it has expired",
    "nbf": "it is not good yet: compare the clocks",
    "iat": "it was issued in the future: compare the clocks",
    "revoked": "its account, its session, its client or it alone was revoked",
    "ver": "its account has changed since it was issued: get another",
}
# Explanations for tokens of a trusted issuer, where they differ from those for our own.
REFUSALS_ELSEWHERE = {
    "typ": "its typ is not one of the types that {issuer} has in WATCHWORD_TRUSTED_ISSUERS",
    "kid": "no key of {issuer} has this id: it was signed by somebody else, or its key was withdrawn",
    "aud": "it is for another audience than {issuer} has in WATCHWORD_TRUSTED_ISSUERS",
    "revoked": "its account is disabled, or was signed out after it was issued",
    "no account": "its person has no account here: see `watchword issuers link`",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One claim, or one member of the header."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All lines, and in `refused` why the token would be refused; None when it would be accepted."""

    lines: tuple[Line, ...]
    refused: str | None


def explain(
    token: str, error: WatchwordError | None, now: float, issuer: str | None = None
) -> Explanation:
    """Explain a token, as far as it can be read.

    `error` is the error that verifying it raised, if any. `issuer` is the name in the settings of the
    trusted issuer that the token names; None for a token of ours.
    """
    refused = None if error is None else _refusal(error, issuer)
    return Explanation(tuple(_lines(token, now)), refused)


def _refusal(error: WatchwordError, issuer: str | None) -> str:
    rule = getattr(error, "rule", None)
    if rule is None:
        # The error is not about the token; its message says what else is wrong.
        return error.message.rstrip(".")
    if rule.startswith("header "):
        name = rule.removeprefix("header ")
        if issuer is not None:
            return f"its header has {name}: see ignored_headers in WATCHWORD_TRUSTED_ISSUERS"
        return f"its header has {name}, which no token of ours has"
    if issuer is not None and rule in REFUSALS_ELSEWHERE:
        return REFUSALS_ELSEWHERE[rule].format(issuer=issuer)
    return REFUSALS.get(rule, f"its claim {rule} is missing, or is not what it should be")


def _lines(token: str, now: float) -> list[Line]:
    try:
        header = header_of(token, with_keys=("jku", "x5u", "jwk", "x5c"))
        payload = members(decode(token.split(".")[1]))
    except WatchwordError:
        return []
    return [_line(name, value, now) for name, value in (*header.items(), *payload.items())]


def _line(name: str, value: Any, now: float) -> Line:
    meaning = MEANINGS.get(name, "not a claim of ours")
    if name in TIMES and isinstance(value, int | float) and 0 <= value < 253_402_300_800:
        moment = datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
        meaning = f"{meaning} {moment}, {_distance(value - now)}"
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return Line(name, text, meaning)


def _distance(seconds: float) -> str:
    return f"in {seconds:.0f} s" if seconds >= 0 else f"{-seconds:.0f} s ago"
