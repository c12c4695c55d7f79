"""Accounts: add, find, rename, give roles, disable, sign out."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Select, String, cast, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from watchword.auth.audit.audit import Action, record
from watchword.auth.revocation.identity_events import account_revoked, roles_changed
from watchword.auth.tables import Account, ExternalIdentity, Passkey, Password, Session
from watchword.domain import ACCOUNTS
from watchword.errors import BadUserInput, Conflict, NotFound
from watchword.events.event import Event
from watchword.formats import mail_address
from watchword.formats.text import checked_text, is_storable
from watchword.hooks import AccountInfo
from watchword.storage.columns import moment
from watchword.storage.database import batches, exclusive
from watchword.transaction import Transaction

ADMIN = "admin"
LAST_ADMIN_LOCK = 7_709_016
LONGEST_NAME = 200


def new_id() -> str:
    """Return a new random id: 12 bytes, base64url, without a hyphen in front."""
    made = secrets.token_urlsafe(12)
    # A command would take it for an option.
    return new_id() if made.startswith("-") else made


async def add_account(
    unit: Transaction,
    *,
    email: str,
    name: str,
    roles: Collection[str],
    hash: str | None,
    id: str | None = None,
) -> Account:
    """Add an account. If `hash` is None, it has no password to sign in with. Without an `id` it gets a random one.

    Raises `BadUserInput` when the e-mail address or the name is invalid, or the address has an account
    already, and `Forbidden` when a role is beyond the actor's reach.
    """
    unit.actor.check_reach(roles)
    account = Account(
        id=id or new_id(),
        email=checked_address(email),
        email_folded=mail_address.folded(email),
        name=checked_text(name, ["name"], LONGEST_NAME),
        roles=sorted(set(roles)),
        created_at=moment(unit.now),
    )
    session = unit.db
    session.add(account)
    await _flush_address(session)
    unit.publish(_changed(account))
    if hash is not None:
        session.add(Password(account_id=account.id, hash=hash, changed_at=moment(unit.now)))
        await session.flush()
    record(unit, Action.ACCOUNT_ADDED, account=account.id, roles=" ".join(account.roles))
    return account


def info_of(account: Account) -> AccountInfo:
    """Return an account as hooks of the domain see it."""
    roles, is_disabled = frozenset(account.roles), account.disabled_at is not None
    return AccountInfo(account.id, account.email, account.name, roles, is_disabled)


async def set_password(unit: Transaction, id: str, hash: str, keep: str | None = None) -> None:
    """Set the hash of an account's new password, and end its tokens and sessions.

    The session `keep` stays open, but its access tokens end too, so that a stolen one is useless; the
    session must refresh. Raises `NotFound`, and `Forbidden` for another account with roles beyond the
    actor's reach.
    """
    # A concurrent sign-in by the old password either committed before this lock, or waits for it and fails.
    account = await lock_account(unit.db, id)
    check_takeover(unit, account)
    await unit.db.merge(Password(account_id=id, hash=hash, changed_at=moment(unit.now)))
    await _end_sessions(unit, account, keep)
    record(unit, Action.PASSWORD_CHANGED, account=id)


def has_address(email: str) -> ColumnElement[bool]:
    """Return the SQL condition that an account has this address, in any letter case and normalisation.

    If normalisation made the addresses of two accounts equal (`twins`), the account that keeps its old
    form matches exactly that form; the other account matches every other form.
    """
    before, folded = mail_address.folded_before(email), mail_address.folded(email)
    found = select(Account.id).where(Account.email_folded.in_({before, folded}))
    kept_first = found.order_by(Account.email_folded == folded).limit(1)
    return Account.id == kept_first.scalar_subquery()


async def find_account(db: AsyncSession, email: str) -> Account | None:
    """Find an account by its e-mail address, in any letter case and normalisation."""
    if not is_storable(email):
        return None
    return await db.scalar(select(Account).where(has_address(email)))


async def twins(db: AsyncSession) -> Sequence[Account]:
    """Return the accounts that keep an old form of their address, the oldest first.

    Another account has the normalised form already. Until such an account is renamed, its user must sign
    in with exactly the stored form.
    """
    found = await list_accounts(db)
    return [each for each in found if each.email_folded != mail_address.folded(each.email)]


async def rename(unit: Transaction, id: str, email: str) -> Account:
    """Change the e-mail address of an account.

    Raises `NotFound`; `BadUserInput` when the address is invalid or has an account already; `Forbidden`
    for another account with roles beyond the actor's reach.
    """
    account = await lock_account(unit.db, id)
    check_takeover(unit, account)
    account.email = checked_address(email)
    account.email_folded = mail_address.folded(email)
    await _flush_address(unit.db)
    unit.publish(_changed(account))
    record(unit, Action.ACCOUNT_RENAMED, account=id)
    return account


async def _flush_address(db: AsyncSession) -> None:
    try:
        await db.flush()
    except IntegrityError as error:
        raise BadUserInput(
            "There is an account with this e-mail address already.", ["email"]
        ) from error


async def accounts_by_id(db: AsyncSession, ids: Sequence[str]) -> dict[str, Account]:
    """Return the accounts with these ids, by id. Unknown ids are left out."""
    found: dict[str, Account] = {}
    for some in batches(list(set(ids))):
        accounts = await db.scalars(select(Account).where(Account.id.in_(some)))
        found |= {account.id: account for account in accounts}
    return found


async def list_accounts(db: AsyncSession) -> Sequence[Account]:
    """Return all accounts, the oldest first."""
    return (await db.scalars(_oldest_first())).all()


def _oldest_first() -> Select[Account]:
    ordered = select(Account).order_by(Account.created_at, Account.id)
    return ordered.execution_options(populate_existing=True)


async def has_accounts(db: AsyncSession) -> bool:
    """Tell whether there is any account."""
    return await db.scalar(select(Account.id).limit(1)) is not None


async def list_admins(db: AsyncSession) -> Sequence[Account]:
    """Return the admins that can sign in by password or passkey, the oldest first.

    Users of other issuers have neither, and are left out: each of their tokens states their roles.
    """
    can_sign_in = or_(
        exists().where(Password.account_id == Account.id),
        exists().where(Passkey.account_id == Account.id),
    )
    # The database only preselects by text; the list of roles is checked below.
    may_be_admin = cast(Account.roles, String).contains(f'"{ADMIN}"')
    found = await db.scalars(
        _oldest_first().where(Account.disabled_at.is_(None), may_be_admin, can_sign_in)
    )
    return [account for account in found if ADMIN in account.roles]


async def set_roles(
    unit: Transaction, id: str, roles: Collection[str], version: int | None = None
) -> Account:
    """Replace the roles of an account; tokens with other roles become outdated.

    Raises `NotFound`; `Conflict` when `version` is given and is not the account's; `BadUserInput` when
    no admin that can sign in would be left; `Forbidden` when a new role is beyond the actor's reach.
    """
    account = await lock_account(unit.db, id)
    unit.actor.check_reach(set(roles) - set(account.roles))
    if version is not None and version != account.version:
        raise Conflict("Somebody else changed this account meanwhile. Read it again.")
    if ADMIN in account.roles and ADMIN not in roles:
        await _keep_an_admin(unit.db, account)
    await assign_roles(unit, account, roles)
    return account


async def assign_roles(unit: Transaction, account: Account, roles: Collection[str]) -> None:
    """Do as `set_roles`, and check nothing: the roles come from a users table of the domain."""
    if account.roles != (wanted := sorted(set(roles))):
        account.roles = wanted
        await unit.db.flush()
        unit.publish(roles_changed(account.id, account.version, wanted))
        unit.publish(_changed(account))
        record(unit, Action.ROLES_CHANGED, account=account.id, roles=" ".join(wanted))


async def set_name(unit: Transaction, account: Account, name: str) -> None:
    """Change the name of an account."""
    if account.name != name:
        account.name = name
        await unit.db.flush()
        unit.publish(_changed(account))


async def disable(unit: Transaction, id: str) -> Account:
    """Disable sign-in for an account, and end its sessions and tokens.

    Raises `NotFound`, and `BadUserInput` when no admin that can sign in would be left.
    """
    account = await lock_account(unit.db, id)
    if ADMIN in account.roles:
        await _keep_an_admin(unit.db, account)
    account.disabled_at = moment(unit.now)
    await _end_sessions(unit, account)
    record(unit, Action.ACCOUNT_DISABLED, account=id)
    return account


async def enable(unit: Transaction, id: str) -> Account:
    """Enable sign-in for a disabled account again.

    Raises `NotFound`, and `Forbidden` when its roles are beyond the actor's reach.
    """
    account = await lock_account(unit.db, id)
    if account.disabled_at is not None:
        unit.actor.check_reach(account.roles)
        account.disabled_at = None
        await unit.db.flush()
        unit.publish(_changed(account))
        record(unit, Action.ACCOUNT_ENABLED, account=id)
    return account


async def sign_out(unit: Transaction, id: str, keep: str | None = None) -> Account:
    """End all sessions and tokens of an account, on all servers. Raises `NotFound`.

    The session `keep` stays open, but must refresh its access token.
    """
    account = await lock_account(unit.db, id)
    await _end_sessions(unit, account, keep)
    record(unit, Action.SIGNED_OUT_EVERYWHERE, account=id)
    return account


async def _end_sessions(unit: Transaction, account: Account, keep: str | None = None) -> None:
    await raise_version(unit, account)
    open_ones = update(Session).filter_by(account_id=account.id, revoked_at=None)
    ended = open_ones.where(Session.id != (keep or "")).values(revoked_at=moment(unit.now))
    await unit.db.execute(ended, execution_options={"synchronize_session": False})
    # Tokens of other issuers carry no version of the account, so they are refused by their time of issue.
    elsewhere = update(ExternalIdentity).filter_by(account_id=account.id)
    await unit.db.execute(elsewhere.values(revoked_at=moment(unit.now)))
    unit.publish(account_revoked(account.id, account.version, keep))


async def raise_version(unit: Transaction, account: Account) -> None:
    """Increment an account's version even if nothing else changed: tokens with an older one are refused."""
    flag_modified(account, "roles")
    await unit.db.flush()
    unit.publish(_changed(account))


def _changed(account: Account) -> Event:
    """Return the event that an account was added or changed: answers with its name, roles or version are stale."""
    return Event(ACCOUNTS, account.id, "CHANGED")


async def lock_account(db: AsyncSession, id: str) -> Account:
    """Lock an account against other writers and return its current state. Raises `NotFound`."""
    account = await db.get(Account, id, with_for_update=True, populate_existing=True)
    if account is None:
        raise NotFound("There is no such account.")
    return account


def check_takeover(unit: Transaction, account: Account) -> None:
    """Raise `Forbidden` if the actor could take over another account with roles beyond its reach."""
    if unit.actor.subject != account.id:
        unit.actor.check_reach(account.roles)


async def _keep_an_admin(db: AsyncSession, leaving: Account) -> None:
    # Without the lock, two admins could disable each other at the same moment and leave none.
    await exclusive(db, LAST_ADMIN_LOCK)
    if [account.id for account in await list_admins(db)] == [leaving.id]:
        raise BadUserInput("This is the last admin. Make somebody else admin first.", ["roles"])


def checked_address(email: str) -> str:
    """Return the canonical form of an e-mail address, as it is stored. Raises `BadUserInput`."""
    kept = mail_address.canonical(email)
    if not mail_address.is_address(kept):
        raise BadUserInput("This is no e-mail address.", ["email"])
    return kept
