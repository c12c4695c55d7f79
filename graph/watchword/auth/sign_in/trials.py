"""Trials: attempts to authenticate, with their limits and their audit entries.

A trial is counted before any work is done, and the count is taken back if the trial was no guess at a
password or code. When a trial is refused, its transaction is still committed: it contains the audit entry of
the failure, and marks the codes and challenges of the trial as used.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import ColumnElement, false, select
from sqlalchemy.exc import SQLAlchemyError

from watchword.auth.audit.audit import Action, record
from watchword.auth.passkeys.ceremonies import PasskeyRefused
from watchword.auth.second_factor.totp import SecondFactorRequired
from watchword.auth.tables import Account
from watchword.context import Services
from watchword.errors import Conflict, RateLimited, Unauthenticated, Unavailable
from watchword.principal import Actor
from watchword.storage.database import is_unavailable
from watchword.throttling.attempts import CountedAttempt, Exceeded
from watchword.transaction import Transaction, transaction

log = logging.getLogger("watchword.sessions")

T = TypeVar("T")

Limit = tuple[str, str, str]
"""A limit, the kind of attempt, and the account, address or device that is counted."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt to authenticate.

    `failed` is the action of its audit entry if it fails; `now` is in Unix seconds; `is_account` selects the
    account (no row if it is unknown); `device` is the id of a known device of the account.
    """

    failed: Action
    actor: Actor
    now: float
    is_account: ColumnElement[bool] = field(default_factory=false, repr=False)
    device: str | None = None


class Trials:
    """Counts trials, runs them in transactions, and records failures."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @asynccontextmanager
    async def counted(self, trial: Trial, *counted: Limit) -> AsyncIterator[None]:
        """Count a trial while the block runs; take the count back if it was no guess.

        Raises `RateLimited` when a limit is exceeded.
        """
        async with AsyncExitStack() as stack:
            for limit, *key in counted:
                await stack.enter_async_context(self._counted(trial, limit, *key))
            yield

    @asynccontextmanager
    async def _counted(self, trial: Trial, limit: str, *key: str) -> AsyncIterator[None]:
        attempts, is_guess = self._services.attempts, False
        taken = await self._counted_or_recorded(trial, limit, key[0], attempts.begin(limit, *key))
        try:
            yield
        except BaseException as error:
            is_guess = not _is_no_guess(error)
            raise
        finally:
            await attempts.decide(taken, is_guess=is_guess)

    async def count(self, trial: Trial, limit: str, *key: str) -> None:
        """Count a trial and never take it back. Raises `RateLimited` when the limit is exceeded."""
        await self._counted_or_recorded(
            trial, limit, key[0], self._services.attempts.count(limit, *key)
        )

    async def decide(
        self, trial: Trial, account: str | None, work: Callable[[Transaction], Awaitable[T]]
    ) -> T:
        """Run the work in one transaction. A refusal is recorded and committed before it is raised."""
        async with self._transaction(trial) as unit:
            try:
                return await work(unit)
            except Unauthenticated as error:
                refused = error
                owner = error.account if isinstance(error, PasskeyRefused) else account
                record(unit, trial.failed, account=owner or account, **_rule(error))
        log.info("%s from %s", trial.failed.value, trial.actor.address)
        raise refused

    async def _counted_or_recorded(
        self, trial: Trial, limit: str, what: str, counting: Awaitable[CountedAttempt]
    ) -> CountedAttempt:
        """Return the counted attempt; record the first attempt in a window that exceeds the limit."""
        try:
            return await counting
        except Exceeded as error:
            # One entry per window, or an attacker could fill the audit log with refused attempts.
            if await self._services.attempts.is_first(limit, "refused", *error.key):
                await self._record_refusal(trial, what)
            raise

    async def _record_refusal(self, trial: Trial, what: str) -> None:
        async with self._transaction(trial) as unit:
            account = await unit.db.scalar(select(Account.id).where(trial.is_account))
            record(unit, trial.failed, account=account, rule="limit", limit=what)

    def _transaction(self, trial: Trial) -> AbstractAsyncContextManager[Transaction]:
        services = self._services
        return transaction(services.database, services.bus, trial.now, trial.actor)


def _is_no_guess(error: BaseException) -> bool:
    """Tell whether this error reveals nothing about a password or a code.

    That is so if the password was right and a code is needed too, if another limit refused the attempt, or
    if the database was away. A client that disconnects (a cancellation) may have sent a wrong password, so
    that counts as a guess.
    """
    if isinstance(error, SQLAlchemyError | OSError):
        return is_unavailable(error)
    return isinstance(error, SecondFactorRequired | RateLimited | Conflict | Unavailable)


def _rule(error: Unauthenticated) -> dict[str, str]:
    match error:
        case SecondFactorRequired():
            return {"rule": "mfa_required"}
        case PasskeyRefused():
            return {"rule": error.rule}
    return {}
