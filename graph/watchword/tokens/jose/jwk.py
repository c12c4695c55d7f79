"""Reads public keys that others publish (RFC 7517): strictly, and only for the purpose that they state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from watchword.config.auth_settings import MINIMUM_RSA_BITS
from watchword.errors import InvalidToken
from watchword.tokens.jose.compact import decode
from watchword.tokens.keys import PublicKey, VerifyingKey, thumbprint

LONGEST_RSA_BITS = 8_192
# FIPS 186-5, appendix A.1.1, asks for more than 2**16; a long exponent makes verifying slow and no safer.
RSA_EXPONENTS = range(65_537, 2**64)
MOST_ALIKE = 4
"""Most keys with the same id (or without one) and the same algorithm, which are tried one by one."""
LONGEST_ID = 255
"""Longest id of a key, in characters."""
_CURVES: dict[str, tuple[ec.EllipticCurve, int, str]] = {
    "P-256": (ec.SECP256R1(), 32, "ES256"),
    "P-384": (ec.SECP384R1(), 48, "ES384"),
    "P-521": (ec.SECP521R1(), 66, "ES512"),
}
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
# RFC 7518, sections 6.2.2, 6.3.2 and 6.4: private members. A key that is published with one is compromised.
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
ASYMMETRIC = (*_RSA, "ES256", "ES384", "ES512", "EdDSA")
"""All signature algorithms that can be verified here (RFC 7518, section 3.1; RFC 8037)."""


class BadKey(Exception):
    """The key cannot be used; the message says which rule it breaks."""


class OtherPurpose(BadKey):
    """The key is not for verifying signatures, which is not a mistake in the key set."""


Keys = Mapping[str | None, tuple[VerifyingKey, ...]]
"""The keys of a set by id; those without an id are under None."""


def read(jwk: object, algorithms: Collection[str] = ASYMMETRIC) -> VerifyingKey:
    """Read one public key, which will verify signatures of exactly one algorithm.

    If the key does not name its algorithm, the first of `algorithms` that fits is used. A key without an
    id gets its thumbprint (RFC 7638) as its id. Raises `BadKey`.
    """
    if not isinstance(jwk, dict):
        raise BadKey("it is no JSON object")
    if any(name in jwk for name in _PRIVATE):
        raise BadKey("it has a private part")
    _check_purpose(jwk)
    public, able = _public(jwk)
    algorithm = _algorithm(jwk, able, algorithms)
    kid = jwk.get("kid", thumbprint(public))
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_ID or not kid.isprintable():
        raise BadKey("its kid is no text, or too long")
    return VerifyingKey(kid, algorithm, public)


def read_set(jwks: object, algorithms: Collection[str] = ASYMMETRIC) -> tuple[Keys, list[BadKey]]:
    """Read a JWK Set (RFC 7517, section 5). Return its keys by id, and why other keys were left out.

    Section 5 asks to leave out keys that cannot be used. Several keys may have the same id (section
    4.5): the token's algorithm selects among them, and at most `MOST_ALIKE` with the same algorithm are
    tried. Raises `BadKey` when this is not a JWK Set.
    """
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list):
        raise BadKey("it is no JWK Set")
    found: dict[str | None, tuple[VerifyingKey, ...]] = {}
    left_out: list[BadKey] = []
    for key in keys:
        try:
            made = read(key, algorithms)
            kid = made.kid if "kid" in key else None
            found[kid] = _added(found.get(kid, ()), made)
        except BadKey as fault:
            left_out.append(fault)
    return found, left_out


def _added(known: tuple[VerifyingKey, ...], made: VerifyingKey) -> tuple[VerifyingKey, ...]:
    if made in known:
        return known
    if len([each for each in known if each.algorithm == made.algorithm]) == MOST_ALIKE:
        raise BadKey(f"{MOST_ALIKE} others have its kid and its algorithm")
    return (*known, made)


def verifies(jwk: Mapping[str, Any]) -> bool:
    """Tell whether a key is for verifying signatures, or does not state its purpose."""
    try:
        _check_purpose(jwk)
    except OtherPurpose:
        return False
    return True


def _check_purpose(jwk: Mapping[str, Any]) -> None:
    if jwk.get("use", "sig") != "sig":
        raise OtherPurpose("its use is not sig")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise OtherPurpose("its key_ops do not have verify")


def _algorithm(jwk: Mapping[str, Any], able: Collection[str], wanted: Collection[str]) -> str:
    named = jwk.get("alg")
    fitting = [name for name in wanted if name in able and named in (None, name)]
    if not fitting:
        raise BadKey("its algorithm is not one that is accepted")
    return fitting[0]


def _public(jwk: Mapping[str, Any]) -> tuple[PublicKey, Collection[str]]:
    try:
        match jwk.get("kty"):
            case "EC":
                return _elliptic(jwk)
            case "RSA":
                return _rsa(jwk), _RSA
            case "OKP" if jwk.get("crv") == "Ed25519":
                x = _bytes(jwk, "x", 32)
                return ed25519.Ed25519PublicKey.from_public_bytes(x), ("EdDSA",)
    except ValueError as error:
        raise BadKey("its numbers make no key") from error
    raise BadKey("its kind is not one that is accepted")


def _elliptic(jwk: Mapping[str, Any]) -> tuple[PublicKey, Collection[str]]:
    name = jwk.get("crv")
    known = _CURVES.get(name) if isinstance(name, str) else None
    if known is None:
        raise BadKey("its curve is not one that is accepted")
    curve, size, algorithm = known
    x, y = (int.from_bytes(_bytes(jwk, name, size), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, curve).public_key(), (algorithm,)


def _rsa(jwk: Mapping[str, Any]) -> PublicKey:
    modulus, exponent = _integer(jwk, "n"), _integer(jwk, "e")
    if not MINIMUM_RSA_BITS <= modulus.bit_length() <= LONGEST_RSA_BITS:
        raise BadKey(f"it has not {MINIMUM_RSA_BITS} to {LONGEST_RSA_BITS} bits")
    if exponent not in RSA_EXPONENTS:
        raise BadKey("its exponent is too short, or too long")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _integer(jwk: Mapping[str, Any], name: str) -> int:
    data = _bytes(jwk, name)
    # RFC 7518, section 2: an integer has no leading zeros.
    if data[0] == 0:
        raise BadKey(f"its member {name} begins with zeros")
    return int.from_bytes(data, "big")


def _bytes(jwk: Mapping[str, Any], name: str, size: int | None = None) -> bytes:
    value = jwk.get(name)
    try:
        data = decode(value) if isinstance(value, str) else b""
    except InvalidToken:
        data = b""
    if not data or (size is not None and len(data) != size):
        raise BadKey(f"its member {name} is not base64url of the right length")
    return data
