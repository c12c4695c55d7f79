"""Identity: who may sign in, and who a token speaks for. One object for the whole process."""

from __future__ import annotations

import logging

from graph.context import Services
from graph.errors import InvalidToken
from graph.identity.revocations import Revocations
from graph.identity.sessions import Sessions, SignedIn
from graph.identity.signing_keys import KEYS_ARE_FRESH, KeyStore
from graph.principal import Principal
from graph.settings import Settings
from graph.tokens.claims import Expected
from graph.tokens.issue import IssuedToken, Issuer
from graph.tokens.verify import UnknownKey, Verifier

log = logging.getLogger("watchword.tokens")


class Identity:
    """Sessions, keys, and the verifier that every door asks."""

    def __init__(
        self,
        services: Services,
    ) -> None:
        self.services = services
        self.settings = settings = services.settings
        self.clock = clock = services.clock
        self.domain = domain = services.domain
        database = services.database
        self.sessions = Sessions(database, services.bus, settings)
        # As long as a token can be good, whatever its clock says.
        self.seconds = settings.access_token_seconds + 2 * settings.leeway_seconds
        self.revocations = Revocations(
            domain, self.seconds, downgrades=settings.on_role_change == "downgrade"
        )
        self.keys = KeyStore(database, services.vault, clock)
        self.issuer = Issuer(settings.issuer, settings.audience, settings.access_token_seconds)
        self.verifier = Verifier(expected(settings), clock, settings.token_cache)
        self._refreshed_at = clock.now()

    async def open(self) -> None:
        """Load the keys. Needs a database that has been migrated and has one."""
        await self._refresh()

    async def verify(self, token: str) -> Principal:
        """Return who a token speaks for.

        Raises `InvalidToken`, `TokenExpired`, `TokenOutdated` or `TokenRevoked`.
        """
        try:
            try:
                known = self.verifier.verify(token)
            except UnknownKey:
                if not await self._refresh():
                    raise
                known = self.verifier.verify(token)
            return self.revocations.check(known)
        except InvalidToken as error:
            log.info("a token was refused by the rule: %s", error.rule)
            raise

    async def issue(self, who: SignedIn) -> IssuedToken:
        """Issue an access token with what the session asked for, as far as the account's roles allow it
        at this moment."""
        now = self.clock.now()
        if now - self._refreshed_at > KEYS_ARE_FRESH:
            await self._refresh()
        session, roles = who.session, frozenset(who.account.roles)
        may = self.domain.scopes(roles)
        return self.issuer.issue(
            self.keys.ring,
            subject=who.account.id,
            roles=roles,
            scopes=may if session.scope is None else may & frozenset(session.scope.split()),
            session=session.id,
            now=now,
            version=who.account.version,
            client_id=session.client_id,
            authenticated_at=session.authenticated_at.timestamp(),
            key=session.jkt,
        )

    async def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys as others may cache them."""
        await self._refresh()
        return self.keys.ring.jwks()

    async def _refresh(self) -> bool:
        if not await self.keys.refresh():
            return False
        self._refreshed_at = self.clock.now()
        if self.keys.ring != self.verifier.ring:
            self.verifier.use(self.keys.ring)
        return True


def expected(settings: Settings) -> Expected:
    """Return what a token must say to be accepted under these settings."""
    return Expected(settings.issuer, settings.audience, settings.leeway_seconds)
