"""A WebAuthn authenticator in software: creates a passkey and signs with it, correctly or with a fault."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One passkey (ES256), used by a page of `origin`."""

    origin: str
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0
    user: str | None = None

    def create(self, options: dict[str, Any], **twist: Any) -> dict[str, Any]:
        """Answer creation options, as `credential.toJSON()` does."""
        self.user = options["user"]["id"]
        client_data = self._client_data("webauthn.create", options, twist)
        flags = twist.get("flags", PRESENT | VERIFIED) | ATTESTED
        public_key = twist.get("public_key", self.public_key)
        data = self._data(twist.get("rp_id", options["rp"]["id"]), flags)
        data += bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public_key
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        response = {
            "clientDataJSON": encode(client_data),
            "attestationObject": encode(cbor2.dumps(attestation)),
        }
        return self._credential(response)

    def get(self, options: dict[str, Any], **twist: Any) -> dict[str, Any]:
        """Answer request options, as `credential.toJSON()` does."""
        client_data = self._client_data("webauthn.get", options, twist)
        self.count = twist.get("count", self.count + 1)
        flags = twist.get("flags", PRESENT | VERIFIED)
        data = self._data(twist.get("rp_id", options["rpId"]), flags)
        key = twist.get("key", self.key)
        signature = key.sign(data + hashlib.sha256(client_data).digest(), ECDSA(SHA256()))
        response = {
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(twist.get("signature", signature)),
            "userHandle": twist.get("user", self.user),
        }
        return self._credential(response)

    @property
    def public_key(self) -> bytes:
        """The public key in COSE format (RFC 9053, section 7.1)."""
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _client_data(self, kind: str, options: dict[str, Any], twist: dict[str, Any]) -> bytes:
        said = {
            "type": twist.get("type", kind),
            "challenge": twist.get("challenge", options["challenge"]),
            "origin": twist.get("origin", self.origin),
            "crossOrigin": twist.get("cross_origin", False),
        }
        return json.dumps(said).encode()

    def _data(self, rp_id: str, flags: int) -> bytes:
        digest = hashlib.sha256(rp_id.encode()).digest()
        return digest + bytes([flags]) + self.count.to_bytes(4, "big")

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": encode(self.id),
            "rawId": encode(self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
