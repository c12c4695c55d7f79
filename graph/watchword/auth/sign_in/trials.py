"""Trials: attempts to authenticate.

A trial is counted before any work is done, and taken back when it was no guess. A refusal is
committed, with its audit entry and whatever it used up.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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

Counted = tuple[str, str, str]
"""A limit, the kind of attempt, and the account, address or device that it counts."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt to authenticate. `failed` is the audit entry of a failure, `now` in Unix seconds,
    `whose` selects the account (no row when it is not known), `device` is one that the account knows."""

    failed: Action
    actor: Actor
    now: float
    whose: ColumnElement[bool] = field(default_factory=false, repr=False)
    device: str | None = None


class Trials:
    """Counts, decides and writes down what is tried."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @asynccontextmanager
    async def counted(self, trial: Trial, *counted: Counted) -> AsyncIterator[None]:
        """Count a trial while the block runs, and take it back if it turns out to be no guess.

        Raises `RateLimited` when there were too many.
        """
        taken: list[CountedAttempt] = []
        is_guess, attempts = False, self._services.attempts
        try:
            for limit, *key in counted:
                begun = self._noted(trial, limit, key[0], attempts.begin(limit, *key))
                taken.append(await begun)
            yield
        except BaseException as error:
            is_guess = not _is_no_guess(error)
            raise
        finally:
            for each in taken:
                await attempts.decide(each, is_guess=is_guess)

    async def count(self, trial: Trial, limit: str, *key: str) -> None:
        """Count a trial for good. Raises `RateLimited` when there were too many."""
        await self._noted(trial, limit, key[0], self._services.attempts.count(limit, *key))

    async def decide(
        self, trial: Trial, account: str | None, work: Callable[[Transaction], Awaitable[T]]
    ) -> T:
        """Run the work in one transaction. A refusal is audited and committed, and then raised."""
        async with self._transaction(trial) as unit:
            try:
                return await work(unit)
            except Unauthenticated as error:
                refused = error
                owner = error.account if isinstance(error, PasskeyRefused) else account
                record(unit, trial.failed, account=owner or account, **_rule(error))
        log.info("%s from %s", trial.failed.value, trial.actor.address)
        raise refused

    async def _noted(
        self, trial: Trial, limit: str, what: str, counting: Awaitable[CountedAttempt]
    ) -> CountedAttempt:
        """Return an attempt that is counted; write down the first one of a window that is refused."""
        try:
            return await counting
        except Exceeded as error:
            # One entry for each window: an attacker must not fill the audit log with attempts that were not made.
            if await self._services.attempts.is_first(limit, "refused", *error.key):
                await self._note(trial, what)
            raise

    async def _note(self, trial: Trial, what: str) -> None:
        async with self._transaction(trial) as unit:
            account = await unit.db.scalar(select(Account.id).where(trial.whose))
            record(unit, trial.failed, account=account, rule="limit", limit=what)

    def _transaction(self, trial: Trial) -> AbstractAsyncContextManager[Transaction]:
        services = self._services
        return transaction(services.database, services.bus, trial.now, trial.actor)


def _is_no_guess(error: BaseException) -> bool:
    """Tell whether this error reveals nothing about a password or a code: it was right and more is
    needed, another limit refused the attempt, or the database was away. A client that disconnects
    (a cancellation) may have sent a wrong one, so it counts as a guess."""
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
