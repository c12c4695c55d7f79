"""Verifies tokens of trusted issuers: with the issuer's keys, and by our own rules for claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from watchword.config.trusted_issuer import IGNORABLE, TrustedIssuer
from watchword.errors import InvalidToken, Unsafe
from watchword.principal import Principal
from watchword.process.background import Background
from watchword.process.clock import Clock
from watchword.tokens.claims import OURS, Expected, principal
from watchword.tokens.jose.compact import decode, header_of
from watchword.tokens.jose.jws import check_signatures
from watchword.tokens.keys import VerifyingKey
from watchword.tokens.members import members
from watchword.tokens.verify import UnknownKey
from watchword.trust.keys import IssuerKeys
from watchword.trust.mapping import ExternalPerson, elsewhere, person_of, translate


@dataclass(frozen=True, slots=True)
class Verified:
    """A verified token of another issuer. Neither person nor principal is linked to an account here yet."""

    principal: Principal
    person: ExternalPerson


class IssuerVerifier:
    """Verifies the tokens of one trusted issuer with that issuer's keys."""

    def __init__(
        self,
        trusted: TrustedIssuer,
        clock: Clock,
        leeway: float,
        roles: Mapping[str, Set[str]],
        background: Background,
        claims_read: frozenset[str] = frozenset(),
    ) -> None:
        self.trusted = trusted
        self.keys = IssuerKeys(trusted, clock, background)
        self._clock = clock
        self._roles = roles
        self._expected = Expected(trusted.issuer, trusted.audience, leeway, claims_read)

    async def verify(self, token: str) -> Verified:
        """Verify a token of this issuer. Raises `InvalidToken`, `TokenExpired` and `Unavailable`."""
        header = header_of(token, with_keys=self.trusted.ignored_headers)
        _check_type(header, self.trusted)
        return self._read(members(await self._payload(token, header)))

    async def _payload(self, token: str, header: dict[str, Any]) -> bytes:
        try:
            return check_signatures(token, header, await self._keys(header))
        except InvalidToken:
            # The issuer may have a new key. Without a kid, only the failed signature can show that.
            if "kid" in header or not await self.keys.renew():
                raise
            return check_signatures(token, header, await self._keys(header))

    async def _keys(self, header: dict[str, Any]) -> Sequence[VerifyingKey]:
        """Return the keys that may have signed a token: those with its kid or, if it names no kid, those
        without one (RFC 7515, section 4.1.4)."""
        kid = header.get("kid")
        if not isinstance(kid, str) and "kid" in header:
            raise InvalidToken("kid")
        keys = await self.keys.find(kid)
        if keys is None:
            raise UnknownKey
        return keys

    def _read(self, claims: dict[str, Any]) -> Verified:
        ours = translate(claims, self.trusted, self._roles)
        made = principal(ours, self._expected, self._clock.now())
        made = replace(made, elsewhere=elsewhere(made.client or "", self.trusted))
        return Verified(made, person_of(claims, self.trusted))


class TrustedIssuers:
    """The verifiers of all trusted issuers, found by the claim iss."""

    def __init__(
        self,
        trusted: Sequence[TrustedIssuer],
        clock: Clock,
        leeway: float,
        roles: Mapping[str, Set[str]],
        background: Background,
        claims_read: frozenset[str] = frozenset(),
    ) -> None:
        """`leeway` is in seconds; `claims_read` as for `Expected`. Raises `Unsafe` when the settings give a role that `roles` lacks, or
        keep a claim under a name of ours."""
        for one in trusted:
            _check_roles(one, roles)
            _check_claims(one)
        self._by_name = {
            one.issuer: IssuerVerifier(one, clock, leeway, roles, background, claims_read)
            for one in trusted
        }

    def of(self, token: str) -> IssuerVerifier | None:
        """Return the verifier for the issuer that a token names; None if that is no trusted issuer.

        Nothing else of a token is used before its signature has been checked.
        """
        if not self._by_name:
            return None
        try:
            header_of(token, with_keys=IGNORABLE)
            named = members(decode(token.split(".")[1])).get("iss")
        except InvalidToken:
            return None
        return self._by_name.get(named) if isinstance(named, str) else None


def _check_type(header: dict[str, Any], trusted: TrustedIssuer) -> None:
    kind = header.get("typ")
    if isinstance(kind, str):
        # RFC 7515, section 4.1.9: "application/" may be left out, and case does not matter.
        kind = kind.lower().removeprefix("application/")
    wanted = {one if one is None else one.lower() for one in trusted.types}
    if not (kind is None or isinstance(kind, str)) or kind not in wanted:
        raise InvalidToken("typ")


def _check_roles(trusted: TrustedIssuer, roles: Mapping[str, Set[str]]) -> None:
    given = {*(trusted.role_map or {}).values(), *trusted.default_roles}
    if unknown := sorted(given - roles.keys()):
        raise Unsafe(
            f"WATCHWORD_TRUSTED_ISSUERS: {trusted.name} gives the role {unknown[0]!r}, which the"
            f" schema does not know. It knows: {', '.join(sorted(roles)) or 'none'}."
        )


def _check_claims(trusted: TrustedIssuer) -> None:
    if taken := sorted(OURS & trusted.claims.keys()):
        raise Unsafe(
            f"WATCHWORD_TRUSTED_ISSUERS: {trusted.name} keeps the claim {taken[0]!r}, whose meaning is fixed here."
            " Give it another name."
        )
