"""A sign-in desk that trusts another issuer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select

from tests.support.clock import MovedClock
from tests.support.identity import SignInDesk, sign_in_desk
from tests.support.issuer import FakeIssuer
from watchword.auth.accounts.accounts import (
    list_accounts,
)
from watchword.auth.tables import Account, AuditEntry
from watchword.storage.database import Database


class TrustingDesk:
    """A sign-in desk that trusts an issuer and verifies its tokens."""

    def __init__(
        self, desk: SignInDesk, database: Database, clock: MovedClock, idp: FakeIssuer
    ) -> None:
        self.auth, self.local = desk.auth, desk.account
        self.desk, self.database, self.clock, self.idp = desk, database, clock, idp

    def token(self, **changes: Any) -> str:
        return self.idp.token(**{"now": self.clock.now(), **changes})

    async def verify(self, token: str | None = None, **changes: Any) -> Any:
        return await self.auth.verify(token or self.token(**changes))

    async def accounts(self) -> dict[str, Account]:
        async with self.database.read() as db:
            return {account.id: account for account in await list_accounts(db)}

    async def actions(self, account: str) -> list[tuple[str, dict[str, str]]]:
        entries = select(AuditEntry).filter_by(account_id=account).order_by(AuditEntry.position)
        async with self.database.read() as db:
            found = (await db.execute(entries)).scalars()
            return [(entry.action, entry.detail) for entry in found]


@asynccontextmanager
async def trusting(
    database: Database, clock: MovedClock, idp: FakeIssuer, **entry: Any
) -> AsyncIterator[TrustingDesk]:
    """Open a desk that trusts the issuer, with these changes to its entry in the settings."""
    settings = idp.setting(**entry)
    async with sign_in_desk(database, clock, trusted_issuers=[settings]) as desk:
        yield TrustingDesk(desk, database, clock, idp)
