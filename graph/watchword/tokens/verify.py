"""Verifies the access tokens of this server: every request's token passes through here."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import replace

from watchword.errors import InvalidToken, TokenExpired
from watchword.principal import Grants, Principal, is_delegated
from watchword.process.clock import Clock
from watchword.tokens.claims import Expected, check_type, principal
from watchword.tokens.jose.compact import LONGEST, header_of
from watchword.tokens.jose.jws import check_signature
from watchword.tokens.keys import KeyRing
from watchword.tokens.members import members


class UnknownKey(InvalidToken):
    """The token names a key that this process does not have; another process may have made it just now."""

    def __init__(self) -> None:
        super().__init__("kid")


class Verifier:
    """Verifies tokens, and caches the principals of the last `memory` tokens until they expire."""

    def __init__(self, expected: Expected, clock: Clock, memory: int) -> None:
        self.ring = KeyRing()
        self._expected = expected
        self._clock = clock
        self._memory = memory
        self._known: OrderedDict[bytes, Principal] = OrderedDict()
        self._grants: dict[Grants, Grants] = {}

    def use(self, ring: KeyRing) -> None:
        """Verify with these keys from now on, and forget all cached tokens."""
        self.ring = ring
        self._known.clear()
        self._grants.clear()

    def verify(self, token: str) -> Principal:
        """Return the token's principal. Raises `InvalidToken`, `UnknownKey`, `TokenExpired`."""
        digest = digest_of(token)
        known = self.recall(digest)
        if known is None:
            known = self._with_common_grants(self._read(token))
            self._remember(digest, known)
        return known

    def recall(self, digest: bytes) -> Principal | None:
        """Return the cached principal of a token by its digest, or None. Raises `TokenExpired`."""
        known = self._known.get(digest)
        if known is not None and known.expires_at <= self._clock.now():
            del self._known[digest]
            raise TokenExpired
        return known

    def _read(self, token: str) -> Principal:
        header = header_of(token)
        check_type(header)
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise InvalidToken("kid")
        key = self.ring.find(kid)
        if key is None:
            raise UnknownKey
        if header.get("alg") != key.algorithm:
            raise InvalidToken("alg")
        claims = members(check_signature(token, key))
        return _without_application_roles(principal(claims, self._expected, self._clock.now()))

    def _with_common_grants(self, made: Principal) -> Principal:
        """Return the principal with the same object for the same grants: what is known of them is found faster then."""
        if len(self._grants) >= self._memory:
            self._grants.clear()
        common = self._grants.setdefault(made.grants, made.grants)
        return made if common is made.grants else replace(made, grants=common)

    def _remember(self, digest: bytes, known: Principal) -> None:
        self._known[digest] = known
        if len(self._known) > self._memory:
            self._known.popitem(last=False)


def _without_application_roles(made: Principal) -> Principal:
    """Remove the roles from an application's principal: earlier versions put them into its tokens."""
    if not is_delegated(made.subject, made.client):
        return made
    return replace(made, grants=replace(made.grants, roles=frozenset(), is_delegated=True))


def digest_of(token: str) -> bytes:
    """Return the digest of a token. Raises `InvalidToken` for a text that is too long or not ASCII.

    Tokens are cached by it, so that none stays in memory. Only valid tokens are cached.
    """
    if len(token) > LONGEST:
        raise InvalidToken("size")
    if not token.isascii():
        raise InvalidToken("three base64url parts")
    return hashlib.sha256(token.encode()).digest()
