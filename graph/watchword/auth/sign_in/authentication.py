"""Authentication of users by password or passkey: to sign in, to step up, to change the password.

A refusal does not reveal which part was wrong. Slow hashing is done after the attempt was counted, so that
it is limited, and before the transaction begins, so that no lock is held meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, false

from watchword.auth.accounts.accounts import has_address, set_password
from watchword.auth.accounts.source import Source
from watchword.auth.audit.audit import Action, record
from watchword.auth.passkeys import passkeys
from watchword.auth.passkeys.challenges import Purpose
from watchword.auth.sessions.sessions import (
    Device,
    NewSession,
    Sessions,
    SignedIn,
    end_replaced,
)
from watchword.auth.sign_in import known_devices
from watchword.auth.sign_in.password_checks import (
    Checked,
    Evidence,
    OwnPasswords,
    PasswordChecker,
    SourcePasswords,
    Verification,
    locked_if_unchanged,
)
from watchword.auth.sign_in.passwords import check_usable, make_hash
from watchword.auth.sign_in.trials import Limit, Trial, Trials
from watchword.auth.tables import Account
from watchword.context import Services
from watchword.errors import BadUserInput, Unauthenticated
from watchword.formats import mail_address
from watchword.principal import FIRST_PARTY, Actor, Principal
from watchword.storage.columns import moment
from watchword.storage.used_ids import Use, use_nothing
from watchword.transaction import Transaction

# Three of a million codes are valid at any moment. An attacker needs the account's password to guess at them.
OTP_LIMIT = "5 per 15 minutes"

Work = Callable[[Transaction], Awaitable[SignedIn]]


class Authentication:
    """Signs users in, steps up their sessions (RFC 9470), changes passwords. Times are in Unix seconds."""

    def __init__(self, services: Services, source: Source | None = None) -> None:
        """`source` checks the passwords, if the domain has a users table of its own."""
        self._services = services
        self._settings = services.settings
        self._sessions = Sessions(services.database, services.bus, services.settings)
        self._trials = Trials(services)
        self._own = OwnPasswords(services)
        self._passwords: PasswordChecker = self._own
        if source is not None:
            self._passwords = SourcePasswords(services, source)

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
            checked = await self._passwords.check_address(trial, email, evidence)
            work = self._sign_in_work(checked.verify, device, key, use, replaces)
            return await self._decide_password(trial, checked, evidence, work)

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
            checked = await self._passwords.check_account(trial, principal.subject, evidence)
            work = self._step_up_work(checked.verify, principal)
            return await self._decide_password(trial, checked, evidence, work)

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

        Raises `BadUserInput` when the current password is wrong, the new one is not allowed, or passwords are kept
        elsewhere (`Domain.accounts`); and `RateLimited`.
        """
        if self._services.domain.accounts is not None:
            raise BadUserInput(
                "Passwords are kept in another users table of this service. Change yours there."
            )
        account, trial = actor.subject or "", _step_up_trial(actor, now)
        check_usable(new, "new")
        # Count every change, even with the right password: each costs two slow hashes, and one GraphQL
        # request can contain many.
        limit = self._settings.sign_in_limit_per_account
        await self._trials.count(trial, limit, "password change", account)

        async def work(unit: Transaction) -> None:
            await locked_if_unchanged(unit, compared)
            await set_password(unit, account, hash, keep=actor.session)

        try:
            async with self._trials.counted(trial, self._by_account(account)):
                compared = await self._own.compare(trial, Evidence(current))
                hash = await make_hash(new, actor.address) if compared.hash else ""
                await self._trials.decide(trial, account, work)
        except Unauthenticated:
            raise BadUserInput("This is not the current password.", ["current"]) from None

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
            session.methods = sorted({*session.methods, *methods})
            record(unit, Action.STEPPED_UP, account=account.id, methods=" ".join(sorted(methods)))
            return SignedIn(account, session)

        return work

    async def _decide_password(
        self, trial: Trial, checked: Checked, evidence: Evidence, work: Work
    ) -> SignedIn:
        account = checked.account
        # Recovery codes are not counted: they are too long to guess, and the owner can sign in with one
        # while an attacker uses up the attempts.
        is_code = checked.is_right and evidence.otp is not None
        # A known device has its own count, so that a thief with the password cannot lock the owner out.
        by = trial.device or account
        counted = [(OTP_LIMIT, "otp", by)] if is_code and by else []
        async with self._trials.counted(trial, *counted):
            return await self._trials.decide(trial, account, work)

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


def _step_up_trial(actor: Actor, now: float) -> Trial:
    return Trial(Action.STEP_UP_FAILED, actor, now, Account.id == (actor.subject or ""))


def _actor(principal: Principal, address: str) -> Actor:
    return Actor(principal.subject, principal.session, principal.client, address)


def _hashed_address(email: str) -> str:
    # Hashed, so that the counters in Redis contain no e-mail addresses.
    return hashlib.sha256(mail_address.folded(email).encode()).hexdigest()
