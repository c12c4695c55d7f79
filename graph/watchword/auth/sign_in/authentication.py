"""Authentication: how a person shows who it is, to sign in, to step up, to change the password.

A refusal does not say which of it was wrong. What is slow on purpose, hashing and comparing, is done
after a trial was counted and before a transaction begins.
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
    Opening,
    Sessions,
    SignedIn,
    end_replaced,
)
from watchword.auth.sign_in import known_devices
from watchword.auth.sign_in.passwords import check_usable, fitting, is_outdated, make_hash
from watchword.auth.sign_in.trials import Counted, Trial, Trials
from watchword.auth.tables import Account, Password, Totp
from watchword.context import Services
from watchword.errors import BadUserInput, Unauthenticated
from watchword.formats import mail_address
from watchword.principal import FIRST_PARTY, Actor, Principal
from watchword.storage.columns import moment
from watchword.storage.used_ids import Use, use_nothing
from watchword.transaction import Transaction

PASSWORD = "pwd"
"""The method of a password, in the words of RFC 8176."""
# Three of a million codes are good at any moment, and whoever guesses them has the password.
OTP_LIMIT = "5 per 15 minutes"

Proof = Callable[[Transaction], Awaitable[tuple[Account, Sequence[str]]]]
"""Returns who somebody is, and by which methods that is shown. Raises `Unauthenticated`."""
Work = Callable[[Transaction], Awaitable[SignedIn]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person shows: a password, with a code where there is a second factor."""

    password: str = field(repr=False)
    otp: str | None = field(default=None, repr=False)
    recovery_code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """The account that a password was compared for, if there is one.

    `hash` is what the password fitted, None when it did not, and `fresh` what it shall be from now
    on: parameters grow stronger. `recovery` is the hash of the recovery code that came with it.
    """

    account: Account | None
    hash: str | None = field(default=None, repr=False)
    fresh: str | None = field(default=None, repr=False)
    recovery: str | None = field(default=None, repr=False)


class Authentication:
    """Signs people in, and lets them step up (RFC 9470). Times are in Unix seconds."""

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
        """Open a session, bound to a key if one is given; `use` uses up what shows the key, and
        `replaces` is the refresh token whose place its own takes.

        Raises `Unauthenticated`, after the same work whatever was wrong; `SecondFactorRequired` when
        the password was good and that is missing; `RateLimited`.
        """
        whose = has_address(email)
        trial = await self._signing_in(device, now, whose)
        limit = self._settings.sign_in_limit_per_account
        counted = [self._by_address("address", trial), (limit, "sign-in", _folded(email))]
        if trial.device is not None:
            counted = [self._by_device(trial.device)]
        async with self._trials.counted(trial, *counted):
            compared = await self._compared(trial, evidence)
            work = self._opening(self._password(compared, evidence), device, key, use, replaces)
            return await self._by_password(trial, compared, evidence, work)

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
        """Open a session for the account whose passkey this is.

        No account is counted, or others could keep its owner out. Raises `Unauthenticated` or
        `RateLimited`.
        """
        trial = await self._signing_in(device, now)
        counted = self._by_address("passkey", trial)
        if trial.device is not None:
            counted = self._by_device(trial.device)
        async with self._trials.counted(trial, counted):
            proof = await self._passkey(trial, assertion, "sign-in", None)
            work = self._opening(proof, device, key, use, replaces)
            return await self._trials.decide(trial, None, work)

    async def step_up(
        self, principal: Principal, evidence: Evidence, address: str, now: float
    ) -> SignedIn:
        """Authenticate the owner of a session again, on that session.

        Counted by account, apart from sign-in and not by address, so that only a holder of the account's
        token can use up its owner's attempts. Raises what `sign_in` raises.
        """
        trial = _stepping_up(_actor(principal, address), now)
        async with self._trials.counted(trial, self._by_account(principal.subject)):
            compared = await self._compared(trial, evidence)
            work = self._renewing(self._password(compared, evidence), principal)
            return await self._by_password(trial, compared, evidence, work)

    async def step_up_by_passkey(
        self, principal: Principal, assertion: object, address: str, now: float
    ) -> SignedIn:
        """Do as `step_up` does, by a passkey of the same account."""
        trial, account = _stepping_up(_actor(principal, address), now), principal.subject
        async with self._trials.counted(trial, self._by_account(account)):
            proof = await self._passkey(trial, assertion, "step-up", account)
            return await self._trials.decide(trial, account, self._renewing(proof, principal))

    async def change_password(self, actor: Actor, current: str, new: str, now: float) -> None:
        """Change the actor's password, and end its sessions but for the one that asks.

        Raises `BadUserInput` when the current one is not right or the new one cannot be used, and
        `RateLimited`.
        """
        account, trial = actor.subject or "", _stepping_up(actor, now)
        check_usable(new, "new")
        # Counted also when it is right: each costs two hashes, and one request may ask for many.
        limit = self._settings.sign_in_limit_per_account
        await self._trials.count(trial, limit, "password change", account)

        async def work(unit: Transaction) -> None:
            await _still(unit, compared)
            await set_password(unit, account, hash, keep=actor.session)

        try:
            async with self._trials.counted(trial, self._by_account(account)):
                compared = await self._compared(trial, Evidence(current))
                hash = await make_hash(new, actor.address) if compared.hash else ""
                await self._trials.decide(trial, account, work)
        except Unauthenticated:
            raise BadUserInput("This is not the current password.", ["current"]) from None

    def _password(self, compared: Compared, evidence: Evidence) -> Proof:
        async def proof(unit: Transaction) -> tuple[Account, Sequence[str]]:
            account, password = await _still(unit, compared)
            vault, otp = self._services.vault, evidence.otp
            # Last, because it uses the code up.
            more = await totp.check(unit, vault, account.id, otp, compared.recovery)
            if compared.fresh is not None:
                password.hash = compared.fresh
            return account, [PASSWORD, *more]

        return proof

    async def _passkey(
        self, trial: Trial, assertion: object, purpose: Purpose, account: str | None
    ) -> Proof:
        async def taken(unit: Transaction) -> bytes:
            return await passkeys.take(unit, self._services.vault, assertion, purpose, account)

        async def proof(unit: Transaction) -> tuple[Account, Sequence[str]]:
            verified = passkeys.verify(unit, self._settings, assertion, challenge, account)
            return await verified, passkeys.METHODS

        # In a transaction of its own, so that the challenge is used up even if its answer is refused.
        challenge = await self._trials.decide(trial, account, taken)

        return proof

    def _opening(
        self, proof: Proof, device: Device, key: str | None, use: Use, replaces: str | None
    ) -> Work:
        async def work(unit: Transaction) -> SignedIn:
            account, methods = await proof(unit)
            await use(unit.db)
            # From here on it is known who this is, for what this ends as for what it opens.
            unit.actor = replace(unit.actor, subject=account.id, client=FIRST_PARTY)
            if replaces is not None:
                await end_replaced(unit, account.id, replaces)
            opening = Opening(methods, unit.now, key=key)
            return await self._sessions.open(unit, account, device, opening)

        return work

    def _renewing(self, proof: Proof, principal: Principal) -> Work:
        async def work(unit: Transaction) -> SignedIn:
            account, methods = await proof(unit)
            session = await self._sessions.take(unit.db, principal.session or "", unit.now)
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

    async def _by_password(
        self, trial: Trial, compared: Compared, evidence: Evidence, work: Work
    ) -> SignedIn:
        account = compared.account.id if compared.account else None
        # A recovery code is too long to be guessed, and the way in while others use up the guesses.
        is_code = compared.hash is not None and evidence.otp is not None
        # A thief who has the password must not keep the owner's own device out.
        by = trial.device or account
        counted = [(OTP_LIMIT, "otp", by)] if is_code and by else []
        async with self._trials.counted(trial, *counted):
            return await self._trials.decide(trial, account, work)

    async def _compared(self, trial: Trial, evidence: Evidence) -> Compared:
        """Compare a password, with the same work for an account that there is not, or that has none."""
        account, known, factor = await self._find(trial)
        password, code, address = evidence.password, evidence.recovery_code, trial.actor.address
        form = await fitting(password, known.hash if known else None, address)
        if form is None or known is None:
            return Compared(account)
        fresh = await make_hash(password, address) if is_outdated(known.hash, form) else None
        recovery = None
        if code and factor is not None:
            recovery = await recovery_codes.hash_of(known.account_id, code, address)
        return Compared(account, known.hash, fresh, recovery)

    async def _find(self, trial: Trial) -> tuple[Account | None, Password | None, Totp | None]:
        found = (
            select(Account, Password, Totp)
            .outerjoin(Password, Password.account_id == Account.id)
            .outerjoin(Totp, and_(Totp.account_id == Account.id, Totp.is_confirmed))
        )
        async with self._services.database.read() as db:
            row = (await db.execute(found.where(trial.whose))).one_or_none()
        return (None, None, None) if row is None else (row[0], row[1], row[2])

    async def _signing_in(
        self, device: Device, now: float, whose: ColumnElement[bool] | None = None
    ) -> Trial:
        known, services = None, self._services
        if device.tokens:
            async with services.database.read() as db:
                known = await known_devices.find(db, services.vault, device.tokens, now, whose)
        trial = Trial(Action.SIGN_IN_FAILED, Actor(address=device.address), now)
        return replace(
            trial,
            whose=false() if whose is None else whose,
            device=None if known is None else known.id,
        )

    def _by_address(self, what: str, trial: Trial) -> Counted:
        return (self._settings.sign_in_limit_per_address, what, trial.actor.address)

    def _by_device(self, device: str) -> Counted:
        return (self._settings.sign_in_limit_per_account, "device", device)

    def _by_account(self, account: str) -> Counted:
        return (self._settings.sign_in_limit_per_account, "step-up", account)


async def _still(unit: Transaction, compared: Compared) -> tuple[Account, Password]:
    """Lock an account whose password fitted, and return both as they are.

    Meanwhile it may have been changed, or the account disabled: raises `Unauthenticated`.
    """
    if compared.account is None or compared.hash is None:
        raise Unauthenticated(NOT_VALID)
    account = await lock_account(unit.db, compared.account.id)
    password = await unit.db.get_one(Password, account.id, populate_existing=True)
    if account.disabled_at is not None or password.hash != compared.hash:
        raise Unauthenticated(NOT_VALID)
    return account, password


def _stepping_up(actor: Actor, now: float) -> Trial:
    return Trial(Action.STEP_UP_FAILED, actor, now, Account.id == (actor.subject or ""))


def _actor(principal: Principal, address: str) -> Actor:
    return Actor(principal.subject, principal.session, principal.client, address)


def _folded(email: str) -> str:
    # Whoever reads the counters finds no addresses in them.
    return hashlib.sha256(mail_address.folded(email).encode()).hexdigest()
