"""The auth service: who may sign in, and who a token speaks for. One object for the whole process."""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlalchemy.exc import SQLAlchemyError

from watchword.auth.accounts.external import External
from watchword.auth.keys.signing_keys import KeyStore
from watchword.auth.revocation.revocations import Revocations
from watchword.auth.sessions.sessions import Sessions, SignedIn
from watchword.config.settings import LONGEST_LEEWAY_SECONDS, LONGEST_TOKEN_SECONDS, Settings
from watchword.context import Services
from watchword.domain import Domain
from watchword.errors import InvalidToken, TokenExpired, TokenRevoked, Unavailable
from watchword.principal import Principal
from watchword.storage.database import is_unavailable
from watchword.tokens.claims import Expected
from watchword.tokens.issue import IssuedToken, TokenIssuer
from watchword.tokens.verify import UnknownKey, Verifier

log = logging.getLogger("watchword.tokens")

LONGEST_TOKEN = LONGEST_TOKEN_SECONDS + 2 * LONGEST_LEEWAY_SECONDS
"""How long a token can be good, in seconds; also one from before the settings changed."""
# A process that has not heard revocations for this many seconds must not believe a token.
REVOCATIONS_ARE_FRESH = 30.0


class AuthService:
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
        self.seconds = LONGEST_TOKEN
        self.revocations = revocations(settings, domain)
        self.keys = KeyStore(database, services.vault, clock, services.background)
        self.issuer = TokenIssuer(settings.issuer, settings.audience, settings.access_token_seconds)
        self.verifier = Verifier(expected(settings), clock, settings.token_cache)
        self.external = External(services, self.revocations)

    async def open(self) -> None:
        """Load the keys. Needs a database that has been migrated and has one."""
        await self.keys.refresh()
        self._use_keys()

    async def verify(self, token: str, address: str = "") -> Principal:
        """Return who a token speaks for, that was sent from a network address.

        Raises `InvalidToken`, `TokenExpired`, `TokenOutdated` or `TokenRevoked`; `Unavailable` when
        a key of ours or of another issuer, or its person's account, cannot be asked for, and when
        this process has not heard for 30 seconds which tokens are revoked.
        """
        if self.services.background.lacks_for(REVOCATIONS_ARE_FRESH):
            raise Unavailable(
                "This server cannot hear just now which tokens are revoked. Try again."
            )
        try:
            seen = self.verifier.recall(token) or self.external.recall(token)
            return self.revocations.check(seen or await self._verify(token, address))
        except (InvalidToken, TokenExpired, TokenRevoked) as error:
            log.info("a token was refused by the rule: %s", error.rule)
            raise

    async def _verify(self, token: str, address: str) -> Principal:
        if known := await self.external.verify(token, address):
            return known
        try:
            return self.verifier.verify(token)
        except UnknownKey:
            if await self.refresh_keys():
                return self.verifier.verify(token)
            if self.keys.is_blind:
                raise Unavailable("The database cannot be asked just now. Try again.") from None
            raise

    async def issue(
        self,
        who: SignedIn,
        *,
        scopes: Collection[str] | None = None,
        key: str | None = None,
        client_version: int | None = None,
    ) -> IssuedToken:
        """Issue an access token with what the session asked for, as far as the account's roles allow it
        at this moment. It ends with the session at the latest.

        `scopes` are what its client may have of that, None for all; `key` is what the token is bound
        to when its session is bound to none.
        """
        now = self.clock.now()
        session, roles = who.session, frozenset(who.account.roles)
        may = self.domain.scopes(roles)
        may = may if scopes is None else may & frozenset(scopes)
        left = int(session.expires_at.timestamp()) - int(now)
        return self.issuer.issue(
            await self.keys.fresh(),
            subject=who.account.id,
            roles=roles,
            scopes=may if session.scope is None else may & frozenset(session.scope.split()),
            session=session.id,
            now=now,
            version=who.account.version,
            client_id=session.client_id,
            # The session may have ended since it was looked at.
            seconds=max(1, min(self.settings.access_token_seconds, left)),
            authenticated_at=session.authenticated_at.timestamp(),
            key=session.jkt or key,
            client_version=client_version,
        )

    async def issue_to_client(
        self,
        client: str,
        *,
        roles: Collection[str],
        scopes: Collection[str],
        version: int,
        key: str | None,
    ) -> IssuedToken:
        """Issue an access token to a client that acts for itself (RFC 9068, section 2.2)."""
        return self.issuer.issue(
            await self.keys.fresh(),
            subject=client,
            roles=roles,
            scopes=scopes,
            session=None,
            now=self.clock.now(),
            client_id=client,
            key=key,
            client_version=version,
        )

    async def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys as others may cache them."""
        await self.refresh_keys()
        return self.keys.ring.jwks()

    async def refresh_keys(self) -> bool:
        """Look for keys made or retired elsewhere; tell whether there may be others now.

        While the database cannot be asked, those that are known go on as their dates say.
        """
        looked = False
        try:
            looked = await self.keys.refresh()
        except (SQLAlchemyError, OSError) as error:
            if not is_unavailable(error):
                raise
            log.warning("no keys could be looked for: %s", type(error).__name__)
        return self._use_keys() or looked

    def _use_keys(self) -> bool:
        """Verify with the keys that are good now; tell whether they were others before."""
        ring = self.keys.ring
        if ring == self.verifier.ring:
            return False
        self.verifier.use(ring)
        return True


def revocations(settings: Settings, domain: Domain) -> Revocations:
    """Make what holds revocations for as long as any token can be good."""
    return Revocations(domain, LONGEST_TOKEN, downgrades=settings.on_role_change == "downgrade")


def expected(settings: Settings) -> Expected:
    """Return what a token must say to be accepted under these settings."""
    return Expected(settings.issuer, settings.audience, settings.leeway_seconds)
