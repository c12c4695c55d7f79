"""Accounts and sessions of a test: opened, renewed and revoked by the functions that sign-in itself uses."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from watchword.auth.accounts.accounts import add_account, disable, set_roles
from watchword.auth.accounts.custom_claims import checked
from watchword.auth.service import AuthService
from watchword.auth.sessions.sessions import Device, NewSession, SignedIn, revoke
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.context import Services
from watchword.domain import Domain
from watchword.testing.caller import Identity
from watchword.transaction import Transaction, transaction

DEVICE = Device("the tests", "127.0.0.1")


class People:
    """The accounts of the app under test. Used on the host's event loop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._auth = AuthService(services)
        self._count = itertools.count(1)

    async def open(self) -> None:
        """Load the keys that sign."""
        await self._auth.open()

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction as the server itself, which may do everything."""
        services = self._services
        return transaction(services.database, services.bus, services.clock.now())

    async def add(
        self,
        roles: Collection[str],
        scopes: Collection[str] | None,
        claims: Mapping[str, Any] | None,
        email: str | None,
        name: str | None,
        password: str | None,
        methods: Collection[str],
    ) -> Identity:
        """Add an account, and sign it in by these methods."""
        _check(self._services.domain, roles, scopes)
        if isinstance(methods, str):
            raise TypeError(f"methods is a list: methods=[{methods!r}].")
        custom = None if claims is None else checked(claims)
        if password is not None and self._services.domain.accounts is not None:
            raise ValueError(
                "Domain.accounts checks the passwords of this app: add a user to your own table, and sign_in."
            )
        number = next(self._count)
        hash = None if password is None else await hash_chosen(password)
        async with self.transaction() as unit:
            account = await add_account(
                unit,
                email=email or f"user{number}@example.com",
                name=name or f"User {number}",
                roles=roles,
                hash=hash,
            )
            new = NewSession(methods, self._services.clock.now(), scopes=scopes)
            signed_in = await self._auth.sessions.open(unit, account, DEVICE, new)
        carried = None if scopes is None else frozenset(scopes)
        identity = Identity(account.id, account.email, scopes=carried, claims=custom)
        if custom is None:
            signed_in = await self._auth.ready(signed_in, DEVICE)
        await self._issue(identity, signed_in)
        return identity

    async def identity(self, email: str, token: str, refresh_token: str) -> Identity:
        """Return the identity of tokens that the app has issued."""
        principal = await self._auth.verify(token)
        return Identity(principal.subject, email, principal.session or "", token, refresh_token)

    async def renew(self, identity: Identity) -> None:
        """Exchange the refresh token, and issue the next access token."""
        signed_in = await self._auth.refresh(identity.refresh_token, DEVICE)
        await self._issue(identity, signed_in)

    async def _issue(self, identity: Identity, signed_in: SignedIn) -> None:
        account, session = signed_in.account, signed_in.session
        scopes = identity.scopes
        issued = self._auth.issuer.issue(
            await self._auth.keys.fresh(),
            subject=account.id,
            roles=account.roles,
            scopes=self._services.domain.scopes(frozenset(account.roles))
            if scopes is None
            else scopes,
            session=session.id,
            now=self._services.clock.now(),
            version=account.version,
            authenticated_at=session.authenticated_at.timestamp(),
            methods=session.methods,
            custom=signed_in.claims if identity.claims is None else identity.claims,
        )
        identity.session, identity.token = session.id, issued.token
        identity.refresh_token = signed_in.refresh_token

    async def revoke(self, session: str) -> None:
        """End a session."""
        async with self.transaction() as unit:
            await revoke(unit, session)

    async def disable(self, account: str) -> None:
        """Disable an account."""
        async with self.transaction() as unit:
            await disable(unit, account)

    async def set_roles(self, account: str, roles: Collection[str]) -> None:
        """Replace the roles of an account."""
        _check(self._services.domain, roles, None)
        async with self.transaction() as unit:
            await set_roles(unit, account, roles)


def _check(domain: Domain, roles: Collection[str], scopes: Collection[str] | None) -> None:
    """Raise `ValueError` for a role or a scope that `Domain.roles` does not have: it would be a slip of the pen."""
    for kind, given, known in (
        ("role", roles, set(domain.roles)),
        ("scope", scopes or (), set().union(*domain.roles.values())),
    ):
        if isinstance(given, str):
            raise TypeError(f"{kind}s is a list: {kind}s=[{given!r}].")
        if domain.roles and (unknown := sorted(set(given) - known)):
            raise ValueError(
                f"Domain.roles has no {kind} {unknown[0]!r}; it has {', '.join(sorted(known))}."
            )
