"""Signing keys are generated, stored, and published without their private parts."""

from __future__ import annotations

from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.support.tokens import key
from watchword.errors import Unavailable
from watchword.tokens.keys import Key, KeyRing, generate, load, thumbprint

ALGORITHMS = ["ES256", "RS256", "EdDSA"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_survives_being_stored(algorithm: str) -> None:
    made = key(algorithm)
    again = load(made.kid, algorithm, made.pem())
    assert again.jwk() == made.jwk()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_stock_library_reads_the_published_key(algorithm: str) -> None:
    jwk = key(algorithm).jwk()
    assert not {"d", "p", "q", "dp", "dq", "qi"} & jwk.keys()
    assert (jwk["use"], jwk["alg"]) == ("sig", algorithm)
    assert jwt.PyJWK(jwk, algorithm).key_id == jwk["kid"]


def test_the_id_is_the_thumbprint_of_rfc_7638() -> None:
    # The example of RFC 7638, section 3.1.
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = jwt.PyJWK({"kty": "RSA", "n": modulus, "e": "AQAB"}, "RS256")
    assert thumbprint(jwk.key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_key_does_not_sign_with_another_algorithm() -> None:
    with pytest.raises(ValueError, match="no key for RS256"):
        load("x", "RS256", key("ES256").pem())
    with pytest.raises(ValueError, match="no keys are made"):
        generate("HS256", 2048)


def test_a_ring_finds_by_id_and_signs_with_the_first() -> None:
    new, old = key(), key()
    ring = KeyRing((new, old))
    assert ring.signing is new
    assert ring.find(old.kid) is old
    assert ring.find("nobody") is None
    assert [each["kid"] for each in ring.jwks()["keys"]] == [new.kid, old.kid]


def test_a_ring_without_keys_cannot_sign_just_now() -> None:
    with pytest.raises(Unavailable):
        _ = KeyRing().signing


def test_two_keys_of_one_id_make_no_ring() -> None:
    made = key()
    with pytest.raises(ValueError, match="same kid"):
        KeyRing((made, key(), replace(key("EdDSA"), kid=made.kid)))


def test_a_weak_key_is_not_read_back() -> None:
    short = Key("x", "RS256", rsa.generate_private_key(public_exponent=65537, key_size=1024))
    other = Key("x", "ES256", ec.generate_private_key(ec.SECP384R1()))
    for weak in (short, other):
        with pytest.raises(ValueError, match="is no key for"):
            load("x", weak.algorithm, weak.pem())


def test_a_private_key_never_shows_in_a_representation() -> None:
    assert "PRIVATE" not in repr(key())
    assert "object" not in repr(key())
