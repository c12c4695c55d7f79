"""Authentication of users by password or passkey: to sign in, to step up, to change the password.

A refusal does not reveal which part was wrong. Slow hashing is done after the attempt was counted, so that
it is limited, and before the transaction begins, so that no lock is held meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, and_, false, select

from watchword.auth.accounts.accounts import has_address, lock_account, set_password
from watchword.auth.audit.audit import Action, record
from watchword.auth.passkeys import passkeys
from watchword.auth.passkeys.challenges import Purpose
from watchword.auth.second_factor import recovery_codes, totp
from watchword.auth.sessions.sessions import (
    NOT_VALID,
    Device,
    NewSession,
    Sessions,
    SignedIn,
    end_replaced,
)
from watchword.auth.sign_in import known_devices
from watchword.auth.sign_in.passwords import check_usable, is_outdated, make_hash, matching_form
from watchword.auth.sign_in.trials import Limit, Trial, Trials
from watchword.auth.tables import Account, Password, Totp
from watchword.context import Services
from watchword.errors import BadUserInput, Unauthenticated
from watchword.formats import mail_address
from watchword.principal import FIRST_PARTY, Actor, Principal
from watchword.storage.columns import moment
from watchword.storage.used_ids import Use, use_nothing
from watchword.transaction import Transaction

PASSWORD = "pwd"
"""The authentication method of a password (RFC 8176)."""
# Three of a million codes are valid at any moment. An attacker needs the account's password to guess at them.
OTP_LIMIT = "5 per 15 minutes"

Verification = Callable[[Transaction], Awaitable[tuple[Account, Sequence[str]]]]
"""Returns the account that authenticated, and the methods used. Raises `Unauthenticated`."""
Work = Callable[[Transaction], Awaitable[SignedIn]]


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


class Authentication:
    """Signs users in, steps up their sessions (RFC 9470), changes passwords. Times are in Unix seconds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings
        self._sessions = Sessions(services.database, services.bus, services.settings)
        self._trials = Trials(services)

    async def sign_in(
        self,
        email: str,
        evidence: Evidence,
        device: Device,
        now: float,
        *,
        key: str | None = None,
        use: Use = use_nothing,
        replaces: str | None = None,
    ) -> SignedIn:
        """Open a session by password.

        The session is bound to `key` if one is given; `use` marks the proof of the key as used. `replaces`
        is the refresh token of an earlier session in the same browser, which ends. Raises
        `Unauthenticated`, after the same amount of work whatever was wrong; `SecondFactorRequired` when
        the password was right and the code is missing; `RateLimited`.
        """
        is_account = has_address(email)
        trial = await self._sign_in_trial(device, now, is_account)
        limit = self._settings.sign_in_limit_per_account
        counted = [self._by_address("address", trial), (limit, "sign-in", _hashed_address(email))]
        if trial.device is not None:
            counted = [self._by_device(trial.device)]
        async with self._trials.counted(trial, *counted):
            compared = await self._compare(trial, evidence)
            work = self._sign_in_work(
                self._verify_password(compared, evidence), device, key, use, replaces
            )
            return await self._decide_password(trial, compared, evidence, work)

    async def sign_in_by_passkey(
        self,
        assertion: object,
        device: Device,
        now: float,
        *,
        key: str | None = None,
        use: Use = use_nothing,
        replaces: str | None = None,
    ) -> SignedIn:
        """Open a session by passkey; the other arguments are those of `sign_in`.

        Attempts are not counted by account: otherwise an attacker could lock its owner out. Raises
        `Unauthenticated` or `RateLimited`.
        """
        trial = await self._sign_in_trial(device, now)
        counted = self._by_address("passkey", trial)
        if trial.device is not None:
            counted = self._by_device(trial.device)
        async with self._trials.counted(trial, counted):
            check = await self._verify_passkey(trial, assertion, "sign-in", None)
            work = self._sign_in_work(check, device, key, use, replaces)
            return await self._trials.decide(trial, None, work)

    async def step_up(
        self, principal: Principal, evidence: Evidence, address: str, now: float
    ) -> SignedIn:
        """Authenticate the owner of a session again, and record that in the session.

        Attempts are counted by account, separately from sign-ins, so that only a holder of the account's
        token can use them up. Raises what `sign_in` raises.
        """
        trial = _step_up_trial(_actor(principal, address), now)
        async with self._trials.counted(trial, self._by_account(principal.subject)):
            compared = await self._compare(trial, evidence)
            work = self._step_up_work(self._verify_password(compared, evidence), principal)
            return await self._decide_password(trial, compared, evidence, work)

    async def step_up_by_passkey(
        self, principal: Principal, assertion: object, address: str, now: float
    ) -> SignedIn:
        """Do the same as `step_up`, by a passkey of the account."""
        trial, account = _step_up_trial(_actor(principal, address), now), principal.subject
        async with self._trials.counted(trial, self._by_account(account)):
            check = await self._verify_passkey(trial, assertion, "step-up", account)
            return await self._trials.decide(trial, account, self._step_up_work(check, principal))

    async def change_password(self, actor: Actor, current: str, new: str, now: float) -> None:
        """Change the actor's password, and end its other sessions.

        Raises `BadUserInput` when the current password is wrong or the new one is not allowed, and
        `RateLimited`.
        """
        account, trial = actor.subject or "", _step_up_trial(actor, now)
        check_usable(new, "new")
        # Count every change, even with the right password: each costs two slow hashes, and one GraphQL
        # request can contain many.
        limit = self._settings.sign_in_limit_per_account
        await self._trials.count(trial, limit, "password change", account)

        async def work(unit: Transaction) -> None:
            await _locked_if_unchanged(unit, compared)
            await set_password(unit, account, hash, keep=actor.session)

        try:
            async with self._trials.counted(trial, self._by_account(account)):
                compared = await self._compare(trial, Evidence(current))
                hash = await make_hash(new, actor.address) if compared.hash else ""
                await self._trials.decide(trial, account, work)
        except Unauthenticated:
            raise BadUserInput("This is not the current password.", ["current"]) from None

    def _verify_password(self, compared: PasswordCheck, evidence: Evidence) -> Verification:
        async def check(unit: Transaction) -> tuple[Account, Sequence[str]]:
            account, password = await _locked_if_unchanged(unit, compared)
            vault, otp = self._services.vault, evidence.otp
            # Check the code last: a code that was checked is used up.
            more = await totp.check(unit, vault, account.id, otp, compared.recovery)
            if compared.fresh is not None:
                password.hash = compared.fresh
            return account, [PASSWORD, *more]

        return check

    async def _verify_passkey(
        self, trial: Trial, assertion: object, purpose: Purpose, account: str | None
    ) -> Verification:
        async def use_challenge(unit: Transaction) -> bytes:
            return await passkeys.use_challenge(
                unit, self._services.vault, assertion, purpose, account
            )

        async def check(unit: Transaction) -> tuple[Account, Sequence[str]]:
            verified = passkeys.verify(unit, self._settings, assertion, challenge, account)
            return await verified, passkeys.METHODS

        # In a transaction of its own, so that the challenge is used up even if the assertion is refused.
        challenge = await self._trials.decide(trial, account, use_challenge)

        return check

    def _sign_in_work(
        self, check: Verification, device: Device, key: str | None, use: Use, replaces: str | None
    ) -> Work:
        async def work(unit: Transaction) -> SignedIn:
            account, methods = await check(unit)
            await use(unit.db)
            # The actor of the audit entries from here on, also for the session that is replaced.
            unit.actor = replace(unit.actor, subject=account.id, client=FIRST_PARTY)
            if replaces is not None:
                await end_replaced(unit, account.id, replaces)
            new_session = NewSession(methods, unit.now, key=key)
            return await self._sessions.open(unit, account, device, new_session)

        return work

    def _step_up_work(self, check: Verification, principal: Principal) -> Work:
        async def work(unit: Transaction) -> SignedIn:
            account, methods = await check(unit)
            session = await self._sessions.lock_live(unit.db, principal.session or "", unit.now)
            if session is None or (session.account_id, session.client_id) != (
                principal.subject,
                FIRST_PARTY,
            ):
                raise Unauthenticated("The session is over. Sign in.")
            session.authenticated_at = moment(unit.now)
            session.methods = sorted(methods)
            record(unit, Action.STEPPED_UP, account=account.id, methods=" ".join(session.methods))
            return SignedIn(account, session)

        return work

    async def _decide_password(
        self, trial: Trial, compared: PasswordCheck, evidence: Evidence, work: Work
    ) -> SignedIn:
        account = compared.account.id if compared.account else None
        # Recovery codes are not counted: they are too long to guess, and the owner can sign in with one
        # while an attacker uses up the attempts.
        is_code = compared.hash is not None and evidence.otp is not None
        # A known device has its own count, so that a thief with the password cannot lock the owner out.
        by = trial.device or account
        counted = [(OTP_LIMIT, "otp", by)] if is_code and by else []
        async with self._trials.counted(trial, *counted):
            return await self._trials.decide(trial, account, work)

    async def _compare(self, trial: Trial, evidence: Evidence) -> PasswordCheck:
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

    async def _sign_in_trial(
        self, device: Device, now: float, is_account: ColumnElement[bool] | None = None
    ) -> Trial:
        known, services = None, self._services
        if device.tokens:
            async with services.database.read() as db:
                known = await known_devices.find(db, services.vault, device.tokens, now, is_account)
        trial = Trial(Action.SIGN_IN_FAILED, Actor(address=device.address), now)
        return replace(
            trial,
            is_account=false() if is_account is None else is_account,
            device=None if known is None else known.id,
        )

    def _by_address(self, what: str, trial: Trial) -> Limit:
        return (self._settings.sign_in_limit_per_address, what, trial.actor.address)

    def _by_device(self, device: str) -> Limit:
        return (self._settings.sign_in_limit_per_account, "device", device)

    def _by_account(self, account: str) -> Limit:
        return (self._settings.sign_in_limit_per_account, "step-up", account)


async def _locked_if_unchanged(
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


def _step_up_trial(actor: Actor, now: float) -> Trial:
    return Trial(Action.STEP_UP_FAILED, actor, now, Account.id == (actor.subject or ""))


def _actor(principal: Principal, address: str) -> Actor:
    return Actor(principal.subject, principal.session, principal.client, address)


def _hashed_address(email: str) -> str:
    # Hashed, so that the counters in Redis contain no e-mail addresses.
    return hashlib.sha256(mail_address.folded(email).encode()).hexdigest()
