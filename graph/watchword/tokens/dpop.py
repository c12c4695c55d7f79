"""DPoP proofs (RFC 9449): a client proves that it has the private key to which its token is bound."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from watchword.errors import InvalidProof, InvalidToken, NonceNeeded, UntimelyProof
from watchword.tokens.jose import jwk
from watchword.tokens.jose.compact import header_of
from watchword.tokens.jose.jws import check_signature
from watchword.tokens.keys import encode, thumbprint
from watchword.tokens.members import members

TYPE = "dpop+jwt"
LONGEST_ID = 256
"""The longest `jti`, in characters."""
NONCE_SECONDS = 300
"""Seconds for which the server gives out the same nonce. It accepts that nonce for as long again."""

_URL = re.compile(r"[!-~]+", re.ASCII)
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}", re.ASCII)
# RFC 3986, section 2.3.
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]", re.ASCII)
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """The request that a proof must name: its method, and its path on our origin.

    For a WebSocket, the proof's URL may have the scheme ws or wss too. `address` is the client's network
    address, for the audit log.
    """

    method: str
    path: str
    is_socket: bool = False
    address: str = ""

    def is_named(self, htu: str, issuer: str) -> bool:
        """Tell whether `htu` is the URL of this target at the issuer (RFC 9449, section 4.3, item 9).

        The Host header is never used: by forging it, an attacker could use a proof made for another server.
        A proxy may have removed the issuer's path. A slash at the end is ignored, as in any request.
        """
        named, ours = _normalised(htu), _normalised(issuer)
        if named is None or ours is None:
            return False
        scheme = named.scheme.replace("ws", "http", 1) if self.is_socket else named.scheme
        return (scheme, named.host, named.port) == (ours.scheme, ours.host, ours.port) and (
            _without_slash(named.path) in (self.path, ours.path.rstrip("/") + self.path)
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """A valid proof: the thumbprint of its key, and its id, which may be used once."""

    key: str
    id: str
    issued_at: float
    nonce: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """The issuer that proofs must name, the time now, and how old they may be. Times are in seconds."""

    issuer: str
    now: float
    seconds: float
    leeway: float

    def holds(self, issued_at: float) -> bool:
        return self.now - self.seconds - self.leeway <= issued_at <= self.now + self.leeway


def check(proof: str, target: Target, window: Window, token: str | None) -> Proof:
    """Check a proof and the hash of the access token that it came with (RFC 9449, section 4.3).

    The caller checks the rest: item 1 (a single proof), item 10 (the nonce), the key of item 12, and
    that the proof's id was not used before. Raises `InvalidProof` naming the rule.
    """
    try:
        # Item 2: one well-formed JWT. Items 4 to 7: typ, alg, and a signature by the public key in it.
        key, payload = _verified(proof)
        claims = members(payload)
    except InvalidToken as error:
        raise InvalidProof(error.rule) from error
    # Item 3: the required claims, each with the right type.
    id, issued_at = _id(claims), _moment(claims, "iat")
    htu, nonce = claims.get("htu"), claims.get("nonce")
    # Item 8: the method, which is case-sensitive.
    if claims.get("htm") != target.method:
        raise InvalidProof("htm")
    # Item 9: the URL, without query and fragment.
    if not isinstance(htu, str) or not target.is_named(htu, window.issuer):
        raise InvalidProof("htu")
    if not isinstance(nonce, str | None):
        raise InvalidProof("nonce")
    # Item 11: it was made recently.
    if not window.holds(issued_at):
        raise UntimelyProof("iat")
    _check_times(claims, window)
    # Item 12: it is for this access token.
    if token is not None and claims.get("ath") != _hash(token):
        raise InvalidProof("ath")
    return Proof(key, id, issued_at, nonce)


def nonce(secret: bytes, now: float) -> str:
    """Return the nonce for this moment (section 8). Every process with the same secret returns the same."""
    window = int(now // NONCE_SECONDS)
    return encode(hmac.digest(secret, b"%d" % window, "sha256"))


def check_nonce(given: str | None, secrets: Sequence[bytes], now: float, leeway: float) -> None:
    """Raise `NonceNeeded` unless this nonce is the current or the previous one (section 4.3, item 10).

    The next nonce is accepted too: another process, with its clock up to `leeway` seconds ahead, may have
    given it out. `secrets` begins with our secret; other processes may still use the rest.
    """
    moments = (now - NONCE_SECONDS, now, now + leeway)
    if given not in {nonce(secret, moment) for secret in secrets for moment in moments}:
        raise NonceNeeded(nonce(secrets[0], now))


def _verified(proof: str) -> tuple[str, bytes]:
    """Return the thumbprint of the key in a proof, and the payload that it signed."""
    header = header_of(proof, with_keys=("jwk",))
    if header.get("typ") != TYPE:
        raise InvalidToken("typ")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in jwk.ASYMMETRIC:
        raise InvalidToken("alg")
    try:
        key = jwk.read(header.get("jwk"), (algorithm,))
    except jwk.BadKey as fault:
        raise InvalidToken(f"jwk: {fault}") from fault
    # RFC 9449, section 6.1: the SHA-256 thumbprint of RFC 7638, whatever kid the key has.
    return thumbprint(key.public), check_signature(proof, key)


def _id(claims: dict[str, Any]) -> str:
    id = claims.get("jti")
    # Python strings may contain lone surrogates, which cannot be encoded; isprintable() is False for them.
    if not isinstance(id, str) or not 0 < len(id) <= LONGEST_ID or not id.isprintable():
        raise InvalidProof("jti")
    return id


def _check_times(claims: dict[str, Any], window: Window) -> None:
    # RFC 7519, sections 4.1.4 and 4.1.5: both claims are optional, but checked if present.
    if "exp" in claims and _moment(claims, "exp") <= window.now:
        raise UntimelyProof("exp")
    if "nbf" in claims and _moment(claims, "nbf") > window.now + window.leeway:
        raise UntimelyProof("nbf")


def _moment(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise InvalidProof(name)
    return float(value)


def _hash(token: str) -> str:
    return encode(hashlib.sha256(token.encode()).digest())


@dataclass(frozen=True, slots=True)
class _Url:
    scheme: str
    host: str
    port: int | None
    path: str


def _normalised(url: str) -> _Url | None:
    """Normalise a URL (RFC 3986, sections 6.2.2 and 6.2.3). Return None if it is not http(s) or ws(s)."""
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    path = _without_dots(_ESCAPE.sub(_decode_unreserved, parts.path)) or "/"
    return _Url(parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port, path)


def _without_slash(path: str) -> str:
    return path[:-1] if path.endswith("/") and path != "/" else path


def _decode_unreserved(escape: re.Match[str]) -> str:
    """Decode the escape of an unreserved character (section 6.2.2.2); write others in upper case."""
    character = chr(int(escape[0][1:], 16))
    return character if _UNRESERVED.fullmatch(character) else escape[0].upper()


def _without_dots(path: str) -> str:
    """Remove the segments `.` and `..` from an absolute path (section 5.2.4)."""
    *segments, last = path.split("/")
    kept: list[str] = []
    for segment in (*segments, last):
        if segment == "..":
            # Stay below the root, which is the empty segment before the first slash.
            kept = kept[:-1] or [""]
        elif segment != ".":
            kept.append(segment)
    # A path that ended in a dot segment names a directory, and keeps its final slash.
    return "/".join([*kept, ""] if last in (".", "..") else kept)
