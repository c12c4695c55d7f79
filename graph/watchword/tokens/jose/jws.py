"""Signs tokens and checks their signatures (RFC 7515, compact serialisation). The only user of PyJWT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from watchword.errors import InvalidToken
from watchword.tokens.keys import Key, VerifyingKey

TYPE = "at+jwt"
_rsa = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_jws = PyJWS(algorithms=[*_rsa, "ES256", "ES384", "ES512", "EdDSA"])


def sign(claims: dict[str, Any], key: Key) -> str:
    """Return the claims as a signed token of type `at+jwt` (RFC 9068, section 2.1)."""
    return _jws.encode(
        orjson.dumps(claims),
        key.private,
        algorithm=key.algorithm,
        headers={"typ": TYPE, "kid": key.kid},
    )


def check_signatures(token: str, header: Mapping[str, Any], keys: Iterable[VerifyingKey]) -> bytes:
    """Return the payload of a token that one of these keys has signed.

    Only keys for the algorithm in the header are tried. Raises `InvalidToken` when there is no such key,
    or when none of them signed the token.
    """
    rule = "alg"
    for key in keys:
        if key.algorithm == header.get("alg"):
            try:
                return check_signature(token, key)
            except InvalidToken as fault:
                rule = fault.rule
    raise InvalidToken(rule)


def check_signature(token: str, key: Key | VerifyingKey) -> bytes:
    """Return the payload of a token that this key has signed with the key's algorithm.

    Raises `InvalidToken` when the signature is not the key's.
    """
    try:
        payload: bytes = _jws.decode_complete(token, key.public, [key.algorithm])["payload"]
    except (PyJWTError, ValueError, TypeError) as error:
        raise InvalidToken("signature") from error
    return payload
