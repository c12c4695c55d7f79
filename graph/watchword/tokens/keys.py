"""Signing keys as values: made, stored as PEM, published as JWK (RFC 7517)."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from watchword.config.auth_settings import MINIMUM_RSA_BITS
from watchword.errors import Unavailable

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key that verifies signatures of one algorithm only."""

    kid: str
    algorithm: str
    public: PublicKey


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair that signs with one algorithm only."""

    kid: str
    algorithm: str
    private: PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        return self.private.public_key()

    def jwk(self) -> dict[str, str]:
        """Return the public key as a JWK (RFC 7517, section 4)."""
        return {**_members(self.public), "use": "sig", "alg": self.algorithm, "kid": self.kid}

    def pem(self) -> str:
        """Return the private key as PEM (PKCS #8, not encrypted), for the database."""
        return self.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The signing keys in use now, newest first: the newest signs, and all of them verify.

    Raises `ValueError` when two have the same id: a token's kid would not say which one signed it.
    """

    keys: tuple[Key, ...] = ()

    def __post_init__(self) -> None:
        if len({key.kid for key in self.keys}) != len(self.keys):
            raise ValueError("two keys have the same kid")

    @property
    def signing(self) -> Key:
        """The key that signs. Raises `Unavailable` when there is none."""
        if not self.keys:
            raise Unavailable("There is no key to sign with just now. Try again.")
        return self.keys[0]

    def find(self, kid: str) -> Key | None:
        """Return the key of this id; None when there is none."""
        return next((key for key in self.keys if key.kid == kid), None)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK Set (RFC 7517, section 5)."""
        return {"keys": [key.jwk() for key in self.keys]}


def generate(algorithm: str, rsa_bits: int) -> Key:
    """Make a new key for ES256, RS256 or EdDSA."""
    private: PrivateKey
    match algorithm:
        case "ES256":
            private = ec.generate_private_key(ec.SECP256R1())
        case "RS256":
            private = rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)
        case "EdDSA":
            private = ed25519.Ed25519PrivateKey.generate()
        case _:
            raise ValueError(f"no keys are made for {algorithm}")
    return Key(thumbprint(private.public_key()), algorithm, private)


def load(kid: str, algorithm: str, pem: str) -> Key:
    """Read a key from PEM. Raises `ValueError` when it is not a key that can sign with `algorithm`."""
    private: Any = load_pem_private_key(pem.encode(), None)
    kinds: dict[str, type[PrivateKey]] = {
        "ES256": ec.EllipticCurvePrivateKey,
        "RS256": rsa.RSAPrivateKey,
        "EdDSA": ed25519.Ed25519PrivateKey,
    }
    kind = kinds.get(algorithm)
    if kind is None or not isinstance(private, kind) or not _is_strong(private):
        raise ValueError(f"key {kid} is no key for {algorithm}")
    return Key(kid, algorithm, private)


def _is_strong(private: PrivateKey) -> bool:
    # RFC 7518, sections 3.3 and 3.4.
    match private:
        case rsa.RSAPrivateKey():
            return private.key_size >= MINIMUM_RSA_BITS
        case ec.EllipticCurvePrivateKey():
            return isinstance(private.curve, ec.SECP256R1)
    return True


def thumbprint(public: PublicKey) -> str:
    """Return the JWK thumbprint (RFC 7638), which serves as the key's id."""
    canonical = orjson.dumps(_members(public), option=orjson.OPT_SORT_KEYS)
    return encode(hashlib.sha256(canonical).digest())


def encode(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _members(public: PublicKey) -> dict[str, str]:
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        size = (public.curve.key_size + 7) // 8
        x, y = point.x.to_bytes(size, "big"), point.y.to_bytes(size, "big")
        name = f"P-{public.curve.key_size}"
        return {"crv": name, "kty": "EC", "x": encode(x), "y": encode(y)}
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"e": _integer(numbers.e), "kty": "RSA", "n": _integer(numbers.n)}
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": encode(raw)}


def _integer(number: int) -> str:
    return encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
