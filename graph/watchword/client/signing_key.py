"""The private key of a client: it signs DPoP proofs (RFC 9449) and client assertions (RFC 7523)."""

from __future__ import annotations

import hashlib
import uuid
from base64 import urlsafe_b64encode
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import get_default_algorithms

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
# Seconds for which an assertion is valid. The server accepts 300 at most.
ASSERTION_SECONDS = 60
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class SigningKey:
    """A private key, and its id (`kid`), under which the server knows the key of a client.

    RSA keys sign with RS256, unless `algorithm` says otherwise. Raises `ValueError` for another kind of key.
    """

    def __init__(
        self, private: PrivateKey, kid: str | None = None, *, algorithm: str | None = None
    ) -> None:
        self.kid = kid
        self.algorithm = algorithm or _algorithm(private)
        self._private = private
        known = get_default_algorithms()[self.algorithm]
        self._public: dict[str, Any] = known.to_jwk(private.public_key(), as_dict=True)

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new key (ES256) for DPoP. It is kept in memory only."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(
        cls,
        pem: str | bytes,
        kid: str | None = None,
        *,
        password: bytes | None = None,
        algorithm: str | None = None,
    ) -> SigningKey:
        """Read a private key in PEM. Raises `ValueError`, and `TypeError` for a wrong or missing password."""
        data = pem.encode() if isinstance(pem, str) else pem
        private = load_pem_private_key(data, password)
        return cls(private, kid, algorithm=algorithm)  # type: ignore[arg-type]

    def assertion(self, client: str, issuer: str, now: float) -> str:
        """Return an assertion that authenticates this client at this issuer once (RFC 7523, section 3).

        Raises `ValueError` for a key without an id: the server would not find it.
        """
        if self.kid is None:
            raise ValueError(
                "A key for private_key_jwt needs its kid: SigningKey.from_pem(pem, kid)"
            )
        claims = {"iss": client, "sub": client, "aud": issuer, "iat": int(now)}
        claims |= {"exp": int(now) + ASSERTION_SECONDS, "jti": str(uuid.uuid4())}
        return self._signed(claims, {"kid": self.kid})

    def proof(
        self, method: str, url: str, now: float, *, nonce: str | None, token: str | None
    ) -> str:
        """Return a DPoP proof for one request (RFC 9449, section 4.2).

        `token` is the access token of the request, if it has one; `nonce` the server's newest.
        """
        claims = {"htm": method, "htu": url, "iat": int(now), "jti": str(uuid.uuid4())}
        if nonce is not None:
            claims["nonce"] = nonce
        if token is not None:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = urlsafe_b64encode(digest).rstrip(b"=").decode()
        return self._signed(claims, {"typ": "dpop+jwt", "jwk": self._public})

    def _signed(self, claims: dict[str, Any], header: dict[str, Any]) -> str:
        return jwt.encode(claims, self._private, self.algorithm, header)


def _algorithm(private: PrivateKey) -> str:
    match private:
        case ec.EllipticCurvePrivateKey() if private.curve.name in _CURVES:
            return _CURVES[private.curve.name]
        case rsa.RSAPrivateKey():
            return "RS256"
        case ed25519.Ed25519PrivateKey():
            return "EdDSA"
    raise ValueError("A key is of P-256, P-384, P-521, RSA or Ed25519.")
