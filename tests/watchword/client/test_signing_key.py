"""The key of a client, and what it signs, by the server's own checks."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from watchword.client import SigningKey
from watchword.client.signing_key import PrivateKey
from watchword.errors import InvalidProof
from watchword.oauth.clients import client_assertion
from watchword.tokens.dpop import Target, Window, check
from watchword.tokens.keys import thumbprint

ISSUER, NOW = "https://watchword.example", 1_800_000_000.0
WINDOW = Window(ISSUER, NOW, 60, 5)
KEYS: dict[str, PrivateKey] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "RS256": rsa.generate_private_key(65_537, 2_048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_the_server_accepts_its_proofs_for_the_request_that_they_are_for(algorithm: str) -> None:
    key = SigningKey(KEYS[algorithm])
    proof = key.proof("POST", f"{ISSUER}/graphql", NOW, nonce="n", token="t")
    checked = check(proof, Target("POST", "/graphql"), WINDOW, "t")
    assert (checked.key, checked.nonce) == (thumbprint(KEYS[algorithm].public_key()), "n")
    for target, token in ((Target("GET", "/graphql"), "t"), (Target("POST", "/graphql"), "u")):
        with pytest.raises(InvalidProof):
            check(proof, target, WINDOW, token)


@pytest.mark.parametrize("algorithm", KEYS)
def test_the_server_accepts_its_assertions_for_this_client_and_issuer(algorithm: str) -> None:
    key = SigningKey(KEYS[algorithm], "2026-01")
    jwks = {"keys": [{**key._public, "kid": "2026-01", "use": "sig", "alg": algorithm}]}
    signed = key.assertion("client_1", ISSUER, NOW)
    checked = client_assertion.check(signed, "client_1", jwks, issuer=ISSUER, now=NOW, leeway=5)
    assert checked.expires_at <= NOW + 300
    assert key.assertion("client_1", ISSUER, NOW) != signed


def test_a_key_is_read_from_pem_and_shows_no_private_part() -> None:
    pem = KEYS["ES256"].private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"secret")
    )
    key = SigningKey.from_pem(pem.decode(), "k", password=b"secret")
    assert (key.kid, key.algorithm) == ("k", "ES256")
    assert "d" not in key._public
    with pytest.raises(TypeError):
        SigningKey.from_pem(pem)


def test_a_key_that_signs_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="P-256"):
        SigningKey(ed448.Ed448PrivateKey.generate())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="P-256"):
        SigningKey(ec.generate_private_key(ec.SECP256K1()))
    with pytest.raises(ValueError, match="kid"):
        SigningKey.generate().assertion("client_1", ISSUER, NOW)
