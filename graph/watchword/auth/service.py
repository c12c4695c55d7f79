"""The auth service: sessions, signing keys and the verification of tokens. One object per process."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from hashlib import sha256

from sqlalchemy.exc import SQLAlchemyError

from watchword.auth.accounts.custom_claims import custom_claims
from watchword.auth.accounts.external import External
from watchword.auth.accounts.source import source_of
from watchword.auth.keys.key_store import KeyStore
from watchword.auth.revocation.revocations import Revocations
from watchword.auth.sessions.sessions import NOT_VALID, Device, Sessions, SignedIn, session_of
from watchword.auth.sign_in.password_checks import PASSWORD
from watchword.auth.tables import Account
from watchword.config.auth_settings import LONGEST_LEEWAY_SECONDS, LONGEST_TOKEN_SECONDS
from watchword.config.settings import Settings
from watchword.context import Services
from watchword.domain import Domain
from watchword.errors import InvalidToken, TokenExpired, TokenRevoked, Unauthenticated, Unavailable
from watchword.formats.frozen_json import EMPTY, FrozenObject
from watchword.principal import FIRST_PARTY, Principal
from watchword.storage.database import is_unavailable, kind
from watchword.storage.used_ids import Use, use_nothing
from watchword.tokens import refusals
from watchword.tokens.claims import Expected
from watchword.tokens.issue import IssuedToken, TokenIssuer
from watchword.tokens.jose.compact import LONGEST
from watchword.tokens.verify import UnknownKey, Verifier, digest_of

log = logging.getLogger("watchword.tokens")

LONGEST_TOKEN = LONGEST_TOKEN_SECONDS + 2 * LONGEST_LEEWAY_SECONDS
"""The longest time for which any token is valid, in seconds, whatever the settings were when it was issued."""
# A process that has not received revocations for this many seconds must not accept tokens.
REVOCATIONS_ARE_FRESH = 30.0


class AuthService:
    """Sessions, keys, and the verifier that all transports use."""

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
        self.verifier = Verifier(
            expected(settings, services.claims_read), clock, settings.token_cache
        )
        self.external = External(services, self.revocations)
        self.source = source_of(services)

    async def open(self) -> None:
        """Load the keys. The database must have been migrated and contain a key."""
        await self.keys.refresh()
        self._use_keys()

    async def verify(self, token: str, address: str = "") -> Principal:
        """Return the principal of a token. `address` is the client's network address.

        Raises `InvalidToken`, `TokenExpired`, `TokenOutdated` or `TokenRevoked`. Raises `Unavailable` when
        the key (ours or another issuer's) or the account of another issuer's user cannot be looked up,
        and when this process has not received revocations for 30 seconds.
        """
        if (known := self.recall(token)) is not None:
            return known
        try:
            return self.revocations.check(await self._verify(token, address))
        except (InvalidToken, TokenExpired, TokenRevoked) as error:
            refusals.note("token", error.rule)
            raise

    def recall(self, token: str) -> Principal | None:
        """Return the principal of a token that was verified before; None for any other token. Does no I/O.

        The token's expiry and the revocations are checked anew. Raises as `verify` does.
        """
        self._check_fresh()
        try:
            return self._recall(digest_of(token))
        except (InvalidToken, TokenExpired, TokenRevoked) as error:
            refusals.note("token", error.rule)
            raise

    def recall_bytes(self, token: bytes) -> Principal | None:
        """Do as `recall`, for bytes that need not be a token. Returns None for all that are no token seen before."""
        self._check_fresh()
        try:
            return None if len(token) > LONGEST else self._recall(sha256(token).digest())
        except (TokenExpired, TokenRevoked) as error:
            refusals.note("token", error.rule)
            raise

    def _check_fresh(self) -> None:
        if self.services.background.has_failed_for(REVOCATIONS_ARE_FRESH):
            raise Unavailable(
                "This server cannot hear just now which tokens are revoked. Try again."
            )

    def _recall(self, digest: bytes) -> Principal | None:
        seen = self.verifier.recall(digest) or self.external.recall(digest)
        return None if seen is None else self.revocations.check(seen)

    async def _verify(self, token: str, address: str) -> Principal:
        if known := await self.external.verify(token, address):
            return known
        try:
            return self.verifier.verify(token)
        except UnknownKey:
            if await self.refresh_keys():
                return self.verifier.verify(token)
            if self.keys.last_query_failed:
                raise Unavailable("The database cannot be asked just now. Try again.") from None
            raise

    async def ready(self, signed_in: SignedIn, device: Device) -> SignedIn:
        """Return a sign-in or a step-up of our own with what the hooks of the domain say of its account now.

        A new session ends if they cannot be asked, because its client would never have its refresh token. Raises
        `Unavailable` then, and `Unauthenticated` if the account may not sign in any more.
        """
        try:
            return await self._ready(signed_in)
        except Unavailable:
            if signed_in.refresh_token:
                await self.sessions.sign_out(signed_in.refresh_token, device, self.clock.now())
            raise

    async def _ready(self, signed_in: SignedIn) -> SignedIn:
        account = signed_in.account
        # The users table has checked the password just now. Of an account that signs in by passkey it knows nothing.
        if self.source is not None and PASSWORD not in signed_in.session.methods:
            account = await self._current(account)
        return replace(
            signed_in, account=account, claims=await custom_claims(self.services, account)
        )

    async def refresh(
        self,
        refresh_token: str,
        device: Device,
        *,
        client: str = FIRST_PARTY,
        key: str | None = None,
        use: Use = use_nothing,
        is_public: bool = True,
        needs_key: bool = False,
    ) -> SignedIn:
        """Do as `Sessions.refresh`, with what the hooks of the domain say of the account now.

        They are asked before the token is used up: if that fails, the client can send the token again, however long
        it takes until it succeeds. Raises `Unavailable` then.
        """
        claims = await self._before_refresh(refresh_token, client)
        signed_in = await self.sessions.refresh(
            refresh_token,
            device,
            self.clock.now(),
            client=client,
            key=key,
            use=use,
            is_public=is_public,
            needs_key=needs_key,
        )
        return replace(signed_in, claims=claims)

    async def _before_refresh(self, refresh_token: str, client: str) -> FrozenObject:
        """Ask the hooks of the domain about the account of a refresh token; return its custom claims."""
        if self.domain.claims is None and self.source is None:
            return EMPTY
        async with self.services.database.read() as db:
            found = await session_of(db, refresh_token)
            account = None if found is None else await db.get(Account, found[0].account_id)
        if account is None:
            return EMPTY
        account = await self._current(account)
        return await custom_claims(self.services, account) if client == FIRST_PARTY else EMPTY

    async def _current(self, account: Account) -> Account:
        """Return an account as the domain's users table has it now. Raises `Unauthenticated` if it is gone."""
        if self.source is None:
            return account
        current = await self.source.refresh(account)
        if current is None:
            raise Unauthenticated(NOT_VALID)
        return current

    async def issue(
        self,
        signed_in: SignedIn,
        *,
        scopes: Collection[str] | None = None,
        key: str | None = None,
        client_version: int | None = None,
    ) -> IssuedToken:
        """Issue an access token with the scopes of the session that the account's roles allow now.

        The token expires with the session at the latest. `scopes` are those that the client may have; None
        is no limit. The token is bound to the session's key, or to `key` if the session has none.
        """
        now = self.clock.now()
        session, roles = signed_in.session, frozenset(signed_in.account.roles)
        may = self.domain.scopes(roles)
        may = may if scopes is None else may & frozenset(scopes)
        left = int(session.expires_at.timestamp()) - int(now)
        return self.issuer.issue(
            await self.keys.fresh(),
            subject=signed_in.account.id,
            roles=roles,
            scopes=may if session.scope is None else may & frozenset(session.scope.split()),
            session=session.id,
            now=now,
            version=signed_in.account.version,
            client_id=session.client_id,
            # At least one second: the session may have expired in the meantime.
            seconds=max(1, min(self.settings.access_token_seconds, left)),
            authenticated_at=session.authenticated_at.timestamp(),
            methods=session.methods,
            key=session.jkt or key,
            client_version=client_version,
            custom=signed_in.claims,
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
        """Issue an access token to a client that acts on its own behalf (RFC 9068, section 2.2)."""
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
        """Return the public keys as a JWK Set, after a query for new ones."""
        await self.refresh_keys()
        return self.keys.ring.jwks()

    async def refresh_keys(self) -> bool:
        """Query for keys that other processes made or retired. Returns whether the keys may have changed.

        While the database is away, the known keys stay in use according to their dates.
        """
        looked = False
        try:
            looked = await self.keys.refresh()
        except (SQLAlchemyError, OSError) as error:
            if not is_unavailable(error):
                raise
            log.warning("the query for signing keys failed: %s", kind(error))
        return self._use_keys() or looked

    def _use_keys(self) -> bool:
        """Give the keys that are valid now to the verifier. Returns whether they changed."""
        ring = self.keys.ring
        if ring == self.verifier.ring:
            return False
        self.verifier.use(ring)
        return True


def revocations(settings: Settings, domain: Domain) -> Revocations:
    """Return the revocations of a process, kept for as long as any token can be valid."""
    return Revocations(domain, LONGEST_TOKEN, downgrades=settings.on_role_change == "downgrade")


def expected(settings: Settings, claims_read: frozenset[str] = frozenset()) -> Expected:
    """Return the claims that a token must have to be accepted under these settings."""
    return Expected(settings.issuer, settings.audience, settings.leeway_seconds, claims_read)
