"""A token forger who has everything that is public, a key of his own, a URL from which it can be
fetched from, and, to try what only the claims could refuse, the server's own key."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.tokens import key
from watchword.tokens.jose.compact import decode
from watchword.tokens.keys import Key, KeyRing, encode

_JWS = jwt.PyJWS()
# The order of the group of P-256 (SEC 2, section 2.4.2).
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass
class Forge:
    """`real` is the server's key, `good` are the claims of a token that it accepts, `bait` is a URL
    that the server must not fetch."""

    real: Key
    good: dict[str, Any]
    bait: str
    own: Key = field(default_factory=key)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a valid token; a change to None removes a claim."""
        made = self.good | changes
        return {name: value for name, value in made.items() if value is not None}

    def header(self, **changes: Any) -> dict[str, Any]:
        """Return the header of a valid token; a change to None removes a member."""
        made = {"typ": "at+jwt", "alg": self.real.algorithm, "kid": self.real.kid} | changes
        return {name: value for name, value in made.items() if value is not None}

    def sign(
        self, claims: Any = None, *, by: Key | None = None, header: bytes | None = None, **head: Any
    ) -> str:
        """Sign claims (or bytes) with a key, by default the real one, whatever the header says."""
        signer = by or self.real
        payload = claims if isinstance(claims, bytes) else orjson.dumps(claims or self.good)
        text = _text(header or orjson.dumps(self.header(**head)), payload)
        return f"{text}.{encode(signature(text, signer))}"

    def with_signature(self, made: bytes, **head: Any) -> str:
        """Return a valid token with another signature."""
        text = _text(orjson.dumps(self.header(**head)), orjson.dumps(self.good))
        return f"{text}.{encode(made)}"

    def hmac(self, secret: bytes, algorithm: str, called: str) -> str:
        """Return a token that is authenticated by HMAC with a public value as its secret; `called` is its alg."""
        text = _text(orjson.dumps(self.header(alg=called)), orjson.dumps(self.good))
        return f"{text}.{encode(hmac.digest(secret, text.encode(), f'sha{algorithm[2:]}'))}"

    def raw(self) -> tuple[str, str, str]:
        """Return the three parts of a valid token."""
        header, payload, made = self.sign().split(".")
        return header, payload, made

    @property
    def secrets(self) -> dict[str, bytes]:
        """Return the server's public key in every form that a library might use as an HMAC secret."""
        public = self.real.public
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {
            "PEM": pem,
            "PEM without its last line break": pem.strip(),
            "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),  # type: ignore[union-attr]
            "JWK": orjson.dumps(self.real.jwk()),
            "JWKS": orjson.dumps(KeyRing((self.real,)).jwks()),
            "kid": self.real.kid.encode(),
            "nothing": b"",
            "digest": hashlib.sha256(pem).digest(),
        }


def signature(text: str, by: Key) -> bytes:
    """Return the signature over any text in the form of JWS."""
    made: bytes = _JWS.get_algorithm_by_name(by.algorithm).sign(text.encode(), by.private)
    return made


def _text(header: bytes, payload: bytes) -> str:
    return f"{encode(header)}.{encode(payload)}"


def mirrored(token: str) -> str:
    """Return the same token with the other valid ECDSA signature: n - s in place of s."""
    text, _, made = token.rpartition(".")
    raw = decode(made)
    s = ORDER - int.from_bytes(raw[32:], "big")
    return f"{text}.{encode(raw[:32] + s.to_bytes(32, 'big'))}"


class Bait:
    """An HTTP server that counts requests, and serves the forger's key at `url`."""

    def __init__(self, forged: Key) -> None:
        self.fetched: list[str] = []
        body = orjson.dumps(KeyRing((forged,)).jwks())
        fetched = self.fetched

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fetched.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"


@contextmanager
def bait(forged: Key) -> Iterator[Bait]:
    """Serve the bait while the block runs."""
    laid = Bait(forged)
    threading.Thread(target=laid.server.serve_forever, daemon=True).start()
    try:
        yield laid
    finally:
        laid.server.shutdown()
        laid.server.server_close()


def now() -> int:
    """Return the present time for claims: the server under test uses the real clock."""
    return int(time.time())
