"""Passwords at sign-in and at step-up: compared with ours, or checked by the users table of the domain.

Either way nothing that is slow is done in a transaction, and every refusal takes the same time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import and_, select

from watchword.auth.accounts.accounts import lock_account
from watchword.auth.accounts.source import Source
from watchword.auth.second_factor import recovery_codes, totp
from watchword.auth.sessions.sessions import NOT_VALID
from watchword.auth.sign_in.passwords import is_outdated, make_hash, matching_form
from watchword.auth.sign_in.trials import Trial
from watchword.auth.tables import Account, Password, Totp
from watchword.config.auth_settings import LONGEST_PASSWORD
from watchword.context import Services
from watchword.errors import Unauthenticated
from watchword.formats.text import is_storable
from watchword.hooks import ExternalAccount
from watchword.transaction import Transaction

PASSWORD = "pwd"
"""The authentication method of a password (RFC 8176)."""

Verification = Callable[[Transaction], Awaitable[tuple[Account, Sequence[str]]]]
"""Returns the account that authenticated, and the methods used. Raises `Unauthenticated`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The password of a user, with a one-time or recovery code if the account has a second factor."""

    password: str = field(repr=False)
    otp: str | None = field(default=None, repr=False)
    recovery_code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """The result of comparing a password, and the account it was compared for, if there is one.

    `hash` is the stored hash if the password matched, otherwise None. `fresh` is a new hash to replace it
    if it is outdated, otherwise None. `recovery` is the hash of the recovery code that was sent.
    """

    account: Account | None
    hash: str | None = field(default=None, repr=False)
    fresh: str | None = field(default=None, repr=False)
    recovery: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of checking a password: the id of the account that it was checked for, if that is known, and
    whether it `is_right`. `verify` finishes in the transaction of the sign-in."""

    account: str | None
    is_right: bool
    verify: Verification = field(repr=False)


class PasswordChecker(Protocol):
    """Checks passwords. Raises `Unavailable` when that is not possible just now."""

    async def check_address(self, trial: Trial, email: str, evidence: Evidence) -> Checked:
        """Check the password of the account with an e-mail address."""

    async def check_account(self, trial: Trial, account: str, evidence: Evidence) -> Checked:
        """Check the password of an account by its id."""


class OwnPasswords:
    """Compares passwords with the hashes in our own table."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def check_address(self, trial: Trial, email: str, evidence: Evidence) -> Checked:
        return await self._check(trial, evidence)

    async def check_account(self, trial: Trial, account: str, evidence: Evidence) -> Checked:
        return await self._check(trial, evidence)

    async def _check(self, trial: Trial, evidence: Evidence) -> Checked:
        compared = await self.compare(trial, evidence)
        account = compared.account.id if compared.account else None
        return Checked(account, compared.hash is not None, self._verify(compared, evidence))

    def _verify(self, compared: PasswordCheck, evidence: Evidence) -> Verification:
        async def check(unit: Transaction) -> tuple[Account, Sequence[str]]:
            account, password = await locked_if_unchanged(unit, compared)
            vault, otp = self._services.vault, evidence.otp
            # Check the code last: a code that was checked is used up.
            more = await totp.check(unit, vault, account.id, otp, compared.recovery)
            if compared.fresh is not None:
                password.hash = compared.fresh
            return account, [PASSWORD, *more]

        return check

    async def compare(self, trial: Trial, evidence: Evidence) -> PasswordCheck:
        """Compare a password, with the same amount of work if the account does not exist or has no password."""
        account, known, factor = await self._find(trial)
        password, code, address = evidence.password, evidence.recovery_code, trial.actor.address
        form = await matching_form(password, known.hash if known else None, address)
        if form is None or known is None:
            return PasswordCheck(account)
        fresh = await make_hash(password, address) if is_outdated(known.hash, form) else None
        recovery = None
        if code and factor is not None:
            recovery = await recovery_codes.hash_of(known.account_id, code, address)
        return PasswordCheck(account, known.hash, fresh, recovery)

    async def _find(self, trial: Trial) -> tuple[Account | None, Password | None, Totp | None]:
        found = (
            select(Account, Password, Totp)
            .outerjoin(Password, Password.account_id == Account.id)
            .outerjoin(Totp, and_(Totp.account_id == Account.id, Totp.is_confirmed))
        )
        async with self._services.database.read() as db:
            row = (await db.execute(found.where(trial.is_account))).one_or_none()
        return (None, None, None) if row is None else (row[0], row[1], row[2])


class SourcePasswords:
    """Lets the domain's users table check passwords."""

    def __init__(self, services: Services, source: Source) -> None:
        self._services = services
        self._source = source

    async def check_address(self, trial: Trial, email: str, evidence: Evidence) -> Checked:
        return await self._check(trial, email, evidence, None)

    async def check_account(self, trial: Trial, account: str, evidence: Evidence) -> Checked:
        found = await self._source.find(account)
        if found is None:
            return Checked(account, False, self._verify(None, evidence, None))
        return await self._check(trial, found.email, evidence, account)

    async def _check(
        self, trial: Trial, email: str, evidence: Evidence, account: str | None
    ) -> Checked:
        password = evidence.password
        # Nobody has such a password, and hashing a long one would keep their server busy.
        is_one = len(password) <= LONGEST_PASSWORD and is_storable(password) and is_storable(email)
        found = await self._source.authenticate(email, password) if is_one else None
        if found is not None and account not in (None, found.subject):
            found = None
        known = account or (None if found is None else found.subject)
        recovery = await self._recovery_hash(trial, found, evidence)
        return Checked(known, found is not None, self._verify(found, evidence, recovery))

    async def _recovery_hash(
        self, trial: Trial, found: ExternalAccount | None, evidence: Evidence
    ) -> str | None:
        if found is None or evidence.recovery_code is None:
            return None
        async with self._services.database.read() as db:
            if not await totp.is_enabled(db, found.subject):
                return None
        code, address = evidence.recovery_code, trial.actor.address
        return await recovery_codes.hash_of(found.subject, code, address)

    def _verify(
        self, found: ExternalAccount | None, evidence: Evidence, recovery: str | None
    ) -> Verification:
        async def check(unit: Transaction) -> tuple[Account, Sequence[str]]:
            if found is None:
                raise Unauthenticated(NOT_VALID)
            account = await self._source.keep(unit, found)
            if account.disabled_at is not None:
                raise Unauthenticated(NOT_VALID)
            vault, otp = self._services.vault, evidence.otp
            return account, [PASSWORD, *await totp.check(unit, vault, account.id, otp, recovery)]

        return check


async def locked_if_unchanged(
    unit: Transaction, compared: PasswordCheck
) -> tuple[Account, Password]:
    """Lock the account that a password was compared for, and return the account and its password row.

    Raises `Unauthenticated` if the password did not match, or if it was changed or the account disabled
    after the comparison.
    """
    if compared.account is None or compared.hash is None:
        raise Unauthenticated(NOT_VALID)
    account = await lock_account(unit.db, compared.account.id)
    password = await unit.db.get_one(Password, account.id, populate_existing=True)
    if account.disabled_at is not None or password.hash != compared.hash:
        raise Unauthenticated(NOT_VALID)
    return account, password
