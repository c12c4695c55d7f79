"""Finds the credential in a request's headers or in the payload of connection_init."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from watchword.errors import InvalidProof, InvalidToken
from watchword.tokens import refusals

BEARER, DPOP = "bearer", "dpop"
# RFC 9110, section 11.4: scheme, then spaces, then one token68. The schemes are those of RFC 6750,
# section 2.1, and RFC 9449, section 7.1.
_SCHEME_AND_TOKEN = re.compile(r"((?i:bearer|dpop)) +([A-Za-z0-9\-._~+/]+=*)", re.ASCII)
# RFC 9110, section 5.6.3: optional white space around a header's value, not part of it.
_WHITE_SPACE = " \t"
_SECRET = ("authorization", "dpop")

Refusal = TypeVar("Refusal", InvalidToken, InvalidProof)
RawHeaders = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Credential:
    """A token as the client sent it, with its DPoP proof if any. `repr` shows neither of them.

    `scheme` is `BEARER` or `DPOP`.
    """

    token: str = field(repr=False)
    scheme: str = BEARER
    proof: str | None = field(default=None, repr=False)


def from_headers(headers: RawHeaders) -> Credential | None:
    """Find the credential in the Authorization header; None when there is no such header.

    Raises `InvalidToken` when there are several such headers, or when the value is not one Bearer or DPoP
    token, and `InvalidProof` when several proofs come with it.
    """
    headers = list(headers)
    return _credential(_authorization(headers), _proof(headers))


def from_payload(payload: object) -> Credential | None:
    """Find the credential in connection_init's payload; None when there is none.

    The keys `authorization` and `dpop` are matched without regard to case, at the top level or in an
    object named `headers`, which GraphiQL and Apollo send. The same value may come twice. Raises as
    `from_headers` does.
    """
    return _credential(_in_payload(payload, "authorization"), _in_payload(payload, "dpop"))


def from_handshake(headers: RawHeaders, payload: object) -> Credential | None:
    """Find the credential of a WebSocket in its handshake's headers or in connection_init's payload.

    Raises as `from_headers` does, and when the two differ.
    """
    headers = list(headers)
    return _credential(
        _authorization(headers) + _in_payload(payload, "authorization"),
        _proof(headers) + _in_payload(payload, "dpop"),
    )


def without_credentials(payload: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the rest of connection_init's payload, which resolvers may see; None if there is none."""
    if not payload:
        return None
    rest = {name: value for name, value in payload.items() if name.lower() not in _SECRET}
    for name, value in rest.items():
        if name.lower() == "headers" and isinstance(value, dict):
            shown = {each: text for each, text in value.items() if each.lower() not in _SECRET}
            rest[name] = shown
    return {name: value for name, value in rest.items() if value != {}} or None


def proof_of(headers: RawHeaders) -> str | None:
    """Return the DPoP header (RFC 9449, section 4.1), or None. Raises `InvalidProof` if there are several."""
    return next(iter(_proof(headers)), None)


def uses_dpop(headers: RawHeaders) -> bool:
    """Tell whether a request uses DPoP, valid or not: by its token's scheme or, without a token, by a
    proof."""
    headers = list(headers)
    shown = _values(headers, b"authorization")
    if not shown:
        return bool(_values(headers, b"dpop"))
    return any(value.strip(_WHITE_SPACE).lower().startswith(DPOP) for value in shown)


def in_url(query_string: bytes) -> bool:
    """Tell whether the URL contains a token, which logs and browser histories would keep (RFC 6750,
    section 2.3)."""
    return bool(query_string) and any(
        name.lower() == "access_token"
        for name, _ in parse_qsl(query_string.decode("latin-1"), True)
    )


def _authorization(headers: RawHeaders) -> list[str]:
    values = _values(headers, b"authorization")
    if len(values) > 1:
        raise _refused(InvalidToken("several Authorization headers"))
    return values


def _proof(headers: RawHeaders) -> list[str]:
    # RFC 9449, section 4.3, item 1.
    values = _values(headers, b"dpop")
    if len(values) > 1:
        raise _refused(InvalidProof("several proof headers"))
    return values


def _values(headers: RawHeaders, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def _in_payload(payload: object, name: str) -> list[str]:
    """Return the texts that a payload has under a name, at the top level or in `headers`; null is skipped."""
    if not isinstance(payload, dict):
        return []
    values = _values_under(payload, name)
    for headers in _values_under(payload, "headers"):
        if isinstance(headers, dict):
            values += _values_under(headers, name)
        elif headers:
            # A credential in it would be overlooked, and the client would be treated as anonymous.
            raise _refused(InvalidToken("headers is not an object"))
    return [_text(value, name) for value in values if value is not None]


def _values_under(values: dict[object, object], name: str) -> list[object]:
    return [value for key, value in values.items() if isinstance(key, str) and key.lower() == name]


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise _refused(InvalidToken(f"{name} is not a string"))
    return value


def _credential(authorizations: list[str], proofs: list[str]) -> Credential | None:
    # Front ends send an empty value when nobody is signed in. It contains neither scheme nor token, so
    # it can be ignored safely. Any other value that is not a credential is refused.
    found = {_read(value) for value in authorizations if value.strip(_WHITE_SPACE)}
    if not found:
        return None
    if len(found) > 1:
        raise _refused(InvalidToken("several tokens"))
    shown = {proof.strip(_WHITE_SPACE) for proof in proofs}
    if len(shown) > 1:
        raise _refused(InvalidProof("several proofs"))
    scheme, token = found.pop()
    return Credential(token, scheme, shown.pop() if shown else None)


def _refused(error: Refusal) -> Refusal:
    refusals.note("credential", error.rule)
    return error


def _read(value: str) -> tuple[str, str]:
    match = _SCHEME_AND_TOKEN.fullmatch(value.strip(_WHITE_SPACE))
    if match is None:
        raise _refused(InvalidToken("not one scheme and token"))
    return match[1].lower(), match[2]
